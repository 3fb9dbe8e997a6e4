package courseconfig

import (
	"path"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// defaultConfigure gives an exercise that has a configuration file but no
// configure one for the default grader, with the files that its configuration
// names in any language.
func (l *loader) defaultConfigure(o *record, e *exerciseConfig) {
	if l.settings.DefaultGraderURL == "" || o.get("configure") != nil {
		return
	}
	if e.packed == nil {
		e.packed = pairs{}
		for _, lang := range e.languages {
			l.graderFiles(&e.packed, lang.data)
		}
	}
	files := e.packed
	if !l.hold(2*pairBytes*len(files), o.source, o.at) {
		return
	}
	c := &record{model: l.models.configure, source: o.source, at: o.at.at("configure"), values: make([]any, 2), inputs: make([]*pyvalue.Value, 2)}
	c.set("files", files)
	c.set("url", l.settings.DefaultGraderURL)
	o.set("configure", c)
}

func (l *loader) graderFiles(files *pairs, data *pyvalue.Value) {
	at := (*place)(nil)
	if container, ok := data.Get("container"); ok {
		if mount, ok := container.Get("mount"); ok && mount.Truthy() {
			if name, ok := asText(mount); ok {
				files.set(name, name)
			} else {
				l.fail(mount, at.at("container").at("mount"), "found "+found(mount)+"; allowed is the path of a file or folder", "")
			}
		}
	}
	for _, key := range []string{"template", "feedback_template"} {
		if v, ok := data.Get(key); ok && v.Kind == pyvalue.String && strings.HasPrefix(v.Str, "./") {
			files.set(v.Str, v.Str)
		}
	}
	if v, ok := data.Get("instructions_file"); ok && v.Kind != pyvalue.Null {
		if v.Kind != pyvalue.String {
			l.fail(v, at.at("instructions_file"), "found "+found(v)+"; allowed is a path", "")
		} else if rest, local := strings.CutPrefix(v.Str, "./"); local {
			files.set(v.Str, l.settings.Key+"/"+rest)
		} else {
			files.set(v.Str, v.Str)
		}
	}
	l.graderProgram(files, data)
}

// graderProgram adds the program of an exercise whose view type is a function
// of the course itself, such as .grading.check.view: the file grading/check.py,
// or its folder when that is a Python package.
func (l *loader) graderProgram(files *pairs, data *pyvalue.Value) {
	v, ok := data.Get("view_type")
	if !ok {
		return
	}
	if v.Kind != pyvalue.String {
		l.fail(v, (*place)(nil).at("view_type"), "found "+found(v)+"; allowed is a text", "name the kind of exercise, such as "+viewForm)
		return
	}
	dotted, own := strings.CutPrefix(v.Str, ".")
	if !own {
		return
	}
	dotted = dotted[:max(0, strings.LastIndexByte(dotted, '.'))]
	file := strings.ReplaceAll(dotted, ".", "/") + ".py"
	dir := path.Dir(file)
	if strings.HasPrefix(file, "/") {
		return // two dots: no file of the course
	}
	if ok, err := l.folder.isFile(path.Join(dir, "__init__.py")); ok && err == nil {
		if dir == "." {
			dir = ""
		}
		files.set(dir, dir)
		return
	}
	files.set(file, file)
}

// checkGraderFiles keeps what is packed for graders inside the course and
// inside the archive.
func (l *loader) checkGraderFiles(configure *record) {
	files, _ := configure.get("files").(pairs)
	for _, f := range files {
		file, _ := f.value.(string)
		from, at := valueOf(configure.input("files"), f.key), configure.at.at("files").at(f.key)
		if from == nil {
			from = configure.source
		}
		if _, inside := within("", f.key); !inside {
			l.fail(from, at, "the name "+quote(f.key)+" leads out of the grader's folder", "use a relative name without ..")
		}
		if _, inside := within("", file); !inside {
			l.fail(from, at, "the file "+quote(file)+" is outside the course", "name a file or folder of the course")
		}
	}
}

// headURLs completes the course's head_urls.
func (l *loader) headURLs(root *record) {
	list, given := root.get("head_urls").([]any)
	if !given {
		return
	}
	out := make([]any, 0, len(list))
	for i, item := range list {
		file, isPath := item.(string)
		if !isPath {
			out = append(out, item)
			continue
		}
		if l.settings.StaticContentHost == "" {
			l.warn(itemOf(root.input("head_urls"), i), root.at.at("head_urls").item(i), "the path "+quote(file)+" is left out: this service has no setting STATIC_CONTENT_HOST", "ask the administrators, or write a whole address")
			continue
		}
		out = append(out, headURL(l.settings.StaticContentHost, l.settings.StaticURL, l.settings.Key, strings.TrimPrefix(file, "/")))
	}
	root.set("head_urls", out)
}

// itemOf gives an item of a list, or the list where it has fewer.
func itemOf(list *pyvalue.Value, i int) *pyvalue.Value {
	if list == nil || i >= len(list.Items) {
		return list
	}
	return list.Items[i]
}

// valueOf gives the value under a key as it was read, or the whole where there
// is no such key.
func valueOf(v *pyvalue.Value, key string) *pyvalue.Value {
	if v == nil {
		return nil
	}
	for _, e := range v.Entries {
		if name, ok := asText(e.Key); ok && name == key {
			return e.Value
		}
	}
	return v
}
