package courseconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig/pyvalue"
)

// Course is a course whose configuration is complete and valid. It does not
// change and may be used by several goroutines.
type Course struct {
	settings    Settings
	meta        Meta
	indexFile   string
	language    string
	root        *record
	modules     []moduleNode
	exercises   []*node        // each key once
	byKey       map[string]int // of exercises
	files       []string
	configFiles []string
	weight      int  // bytes of the document, about
	personal    bool // the course has the folder of personalised content
}

// configOf gives the configuration that counts for an exercise: a key that comes
// in several modules has the last one's.
func (c *Course) configOf(n *node) *exerciseConfig {
	if n.config == nil {
		return nil
	}
	if last := c.exercises[c.byKey[n.object.text("key")]].config; last != nil {
		return last
	}
	return n.config
}

// Key is the course's key.
func (c *Course) Key() string { return c.settings.Key }

// Meta gives what apps.meta says.
func (c *Course) Meta() Meta { return c.meta }

// Name is the course's name as JSON: a text, or an object from language to text.
func (c *Course) Name() json.RawMessage { return mustJSON(c.root.get("name")) }

// StaticDir is the folder of the course's pages: a clean slash path relative to
// the course folder, "." for the course folder itself, empty when the course
// has none.
func (c *Course) StaticDir() string {
	dir, ok := c.root.get("static_dir").(string)
	if !ok {
		return ""
	}
	return path.Clean(dir)
}

// UnprotectedPaths gives the paths in the static folder that need no login,
// sorted, the three folders of Sphinx among them. Given is false when the
// course does not say: the whole folder is public then.
func (c *Course) UnprotectedPaths() (paths []string, given bool) {
	list, given := c.root.get("unprotected_paths").([]any)
	if !given {
		return nil, false
	}
	for _, item := range list {
		p, _ := item.(string)
		paths = append(paths, path.Clean(p))
	}
	slices.Sort(paths)
	return slices.Compact(paths), true
}

// Files lists the files that a release holds beside the static folder: what was
// read, and the model and template files that exist. The paths are relative to
// the course folder, sorted, each once.
func (c *Course) Files() []string { return slices.Clone(c.files) }

// collectFiles finds what Files lists. A listed model or template file that is
// missing is a warning: its address will answer 404.
func (l *loader) collectFiles(c *Course) {
	files := map[string]bool{c.indexFile: true}
	l.listed = map[*pyvalue.Value]bool{}
	if ok, _ := l.folder.isFile(metaFile); ok {
		files[metaFile] = true
	}
	for _, e := range l.order {
		files[e.file] = true
		c.configFiles = append(c.configFiles, e.file)
		for _, f := range e.includes {
			files[f] = true
		}
		for i, lang := range e.languages {
			for _, key := range []string{"template_files", "model_files"} {
				list, ok := lang.data.Get(key)
				if !ok || i > 0 && list.Kind == pyvalue.Null {
					continue
				}
				if l.listed[list] {
					continue // an alias, or from an included file
				}
				l.listed[list] = true
				l.collectList(files, list, (*place)(nil).at(key))
			}
		}
	}
	for f := range files {
		c.files = append(c.files, f)
	}
	slices.Sort(c.files)
	slices.Sort(c.configFiles)
	c.configFiles = slices.Compact(c.configFiles)
	l.checkStaticFolder(c)
	if dir := l.settings.PersonalizedContentDir; dir != "" {
		info, err := l.folder.stat(dir)
		c.personal = err == nil && info.IsDir()
	}
}

func (l *loader) collectList(files map[string]bool, list *pyvalue.Value, at *place) {
	for _, listed := range l.paths(list, at) {
		item, i := listed.value, listed.index
		const costStat = 10
		if !l.step(costStat, item, at.item(i)) {
			return
		}
		name, inside := fromRoot("", item.Str)
		if !inside {
			l.fail(item, at.item(i), "the file "+quote(item.Str)+" is outside the course", "name a file of the course")
			continue
		}
		info, err := l.folder.stat(name)
		switch {
		case err != nil:
			l.missing(item, at.item(i), name, err)
		case info.IsDir():
			l.fail(item, at.item(i), quote(item.Str)+" is a folder; allowed is a file", "list its files")
		case info.Mode().IsRegular():
			files[name] = true
		default:
			l.fail(item, at.item(i), quote(item.Str)+" is neither a file nor a folder", "")
		}
	}
}

// missing reports a file that cannot be had: an error when it leads out of the
// course, otherwise a warning.
func (l *loader) missing(v *pyvalue.Value, at *place, name string, err error) {
	plain := plainError(name, err)
	if isOutside(plain) {
		l.fail(v, at, plain.Error(), "")
		return
	}
	hint := l.folder.fileHint(name)
	if hint == "" {
		hint = "the path counts from the course folder"
	}
	l.warn(v, at, plain.Error(), hint)
}

func (l *loader) checkStaticFolder(c *Course) {
	dir := c.StaticDir()
	if dir == "" {
		return
	}
	if _, inside := within("", dir); !inside {
		return // told already
	}
	v, at := c.root.input("static_dir"), c.root.at.at("static_dir")
	info, err := l.folder.stat(dir)
	switch {
	case err != nil && isOutside(err):
		l.fail(v, at, "the folder "+quote(dir)+" leads out of the course", "name a folder of the course")
	case err != nil:
		l.warn(v, at, "there is no folder "+quote(dir), "a release cannot be made without it")
	case !info.IsDir():
		l.fail(v, at, quote(dir)+" is not a folder", "name the folder with the course's pages")
	}
}

// Document gives the aplus-json object of the course as ASCII JSON. The address
// of the service stands in it as course.BaseURLMarker; build_log_url, errors and
// publish_url are left for the request that reads it. Defaults are what the
// graders answered, by exercise key; each is a JSON object.
func (c *Course) Document(defaults map[string]json.RawMessage) ([]byte, error) {
	out := c.root.pairs("modules", "static_dir", "unprotected_paths")
	modules := make([]any, 0, len(c.modules))
	for _, m := range c.modules {
		children, err := childrenJSON(m.children, defaults)
		if err != nil {
			return nil, err
		}
		fields := m.module.pairs("children")
		fields.set("children", children)
		modules = append(modules, fields)
	}
	out.set("modules", modules)
	const spare = 1 << 16 // for what graders add and for letters that need escapes
	return appendJSON(make([]byte, 0, c.weight+spare), out)
}

// childrenJSON gives objects with their children and grader defaults.
func childrenJSON(nodes []*node, defaults map[string]json.RawMessage) ([]any, error) {
	out := make([]any, 0, len(nodes))
	for _, n := range nodes {
		fields := make(pairs, 0, len(n.exported)+4)
		key := n.object.text("key")
		if raw, ok := defaults[key]; ok && n.config != nil {
			given, err := defaultPairs(raw)
			if err != nil {
				return nil, fmt.Errorf("grader defaults of exercise %s: %w", quote(key), err)
			}
			fields = append(fields, given...)
		}
		for _, p := range n.exported {
			fields.set(p.key, p.value)
		}
		children, err := childrenJSON(n.children, defaults)
		if err != nil {
			return nil, err
		}
		fields.set("children", children)
		out = append(out, fields)
	}
	return out, nil
}

// defaultPairs reads what a grader answered for one exercise.
func defaultPairs(raw json.RawMessage) (pairs, error) {
	v, err := pyvalue.ReadJSON("defaults", raw, pyvalue.Limits{})
	if err != nil {
		return nil, err
	}
	if v.Kind != pyvalue.Map {
		return nil, fmt.Errorf("found %s, want an object: %w", found(v), course.ErrInvalid)
	}
	out := make(pairs, 0, len(v.Entries))
	for _, e := range v.Entries {
		out = append(out, pair{e.Key.Str, e.Value})
	}
	return out, nil
}

// mustJSON writes a value that encodable has tried.
func mustJSON(value any) json.RawMessage {
	out, err := appendJSON(nil, value)
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

// Export gives the whole aplus-json answer for a course that is not stored: the
// document with the service's address in place, and a publish address without
// version.
func (c *Course) Export(baseURL string, defaults map[string]json.RawMessage) ([]byte, error) {
	text, err := c.Document(defaults)
	if err != nil {
		return nil, err
	}
	own := pairs{
		{"build_log_url", course.BaseURLMarker + "/gitmanager/" + c.Key() + "/build_log-json"},
		{"errors", []any{}},
		{"publish_url", course.BaseURLMarker + "/" + c.Key() + "/publish/STORE"},
	}
	tail, err := appendJSON(nil, own)
	if err != nil {
		return nil, err
	}
	text = append(append(text[:len(text)-1], ", "...), tail[1:]...)
	marker := mustJSON(course.BaseURLMarker)
	base := mustJSON(baseURL)
	return bytes.ReplaceAll(text, marker[1:len(marker)-1], base[1:len(base)-1]), nil
}

// ConfigFiles lists the exercise configurations that were read, sorted, without
// the files that they include.
func (c *Course) ConfigFiles() []string { return slices.Clone(c.configFiles) }
