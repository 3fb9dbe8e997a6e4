package courseconfig

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig/djtemplate"
	"coursewright/internal/courseconfig/pyvalue"
)

// exerciseConfig is one exercise configuration file, its includes and tags
// worked in.
type exerciseConfig struct {
	file      string   // relative to the course
	includes  []string // files that were included
	modified  time.Time
	languages []languageData // the default language first
	formSpec  []any          // made when it is needed first
	formI18n  pairs
}

// first gives the data of the default language.
func (e *exerciseConfig) first() *pyvalue.Value { return e.languages[0].data }

// loader loads exercise configurations, each file once.
type loader struct {
	*checker
	settings  Settings
	folder    *folder
	reader    pyvalue.Reader
	configDir string                     // folder of the index, relative to the course; "." for the course itself
	language  string                     // default language
	loaded    map[string]*exerciseConfig // by the folder of their includes and their file, or the name of it
	weight    int                        // bytes of what is exported, about
	order     []*exerciseConfig          // the loaded ones in the order of the course
	told      map[filePos]string         // paths of values that cannot be exported
}

// exercise loads the configuration that an exercise names; nil after a problem.
func (l *loader) exercise(o *record) *exerciseConfig {
	config := o.text("config")
	input, at := o.input("config"), o.at.at("config")
	name, inside := fromRoot(l.configDir, config)
	if !inside {
		l.fail(input, at, "the file "+quote(config)+" is outside the course", "name a file of the course; a leading slash means the course folder")
		return nil
	}
	base := l.configDir
	if strings.HasPrefix(config, "/") {
		base = "."
	}
	// The folder of the includes depends on how the file was named.
	named := base + ":" + name
	if known, ok := l.loaded[named]; ok {
		return known
	}
	c, err := l.folder.readNamed(name)
	if err != nil {
		l.failValue(input, at, err)
		return nil
	}
	id := base + ":" + c.file
	loaded, ok := l.loaded[id]
	if !ok {
		loaded = l.load(c, base, input, at)
		if loaded != nil {
			l.order = append(l.order, loaded)
		}
	}
	l.loaded[id], l.loaded[named] = loaded, loaded
	return loaded
}

// load makes a configuration of a file; base is the folder of its includes.
func (l *loader) load(c content, base string, from *pyvalue.Value, at *place) *exerciseConfig {
	file := c.file
	v, err := l.parse(file, c.data)
	if err != nil {
		l.failValue(from, at, err)
		return nil
	}
	if v.Kind != pyvalue.Map {
		l.addError(inFile(file, v, "found "+found(v)+"; an exercise configuration is a mapping with title and view_type"))
		return nil
	}
	e := &exerciseConfig{file: file, modified: c.modified}
	before := l.failures
	if list, ok := v.Get("include"); ok {
		v = l.include(e, v, list, base)
	}
	var ok bool
	if e.languages, ok = l.applyTags(v, l.language, nil); !ok || l.failures > before || !l.complete(e) {
		return nil
	}
	return e
}

// inFile places a message at a value of a file, or at the file when the value
// has no place.
func inFile(file string, v *pyvalue.Value, message string) course.Diagnostic {
	d := diagnostic(v, nil, message, "")
	d.File = file
	return d
}

// complete checks what every language must have.
func (l *loader) complete(e *exerciseConfig) bool {
	before := l.failures
	for _, lang := range e.languages {
		if lang.data.Kind != pyvalue.Map {
			l.addError(inFile(e.file, lang.data, "found "+found(lang.data)+" for the language "+quote(lang.language)+"; an exercise configuration is a mapping"))
			continue
		}
		for _, key := range []string{"title", "view_type"} {
			if _, ok := lang.data.Get(key); !ok {
				d := inFile(e.file, lang.data, "an exercise configuration needs the key "+key)
				d.Hint = nearKey(lang.data, key)
				l.addError(d)
			}
		}
	}
	return l.failures == before
}

func nearKey(v *pyvalue.Value, key string) string {
	for _, e := range v.Entries {
		if nearest(e.Key.Str, []string{key}) != "" {
			return "is " + quote(e.Key.Str) + " meant to be it?"
		}
	}
	return ""
}

// include merges the files that a configuration includes into it. After a
// problem it goes on with what there is.
func (l *loader) include(e *exerciseConfig, v, list *pyvalue.Value, base string) *pyvalue.Value {
	at := (*place)(nil).at("include")
	if list.Kind != pyvalue.List {
		l.fail(list, at, "found "+found(list)+"; include is a list of mappings, each with a file", "write for example include: [{file: common.yaml}]")
		return v
	}
	for i, item := range list.Items {
		if included, force := l.includeItem(e, item, at.item(i), base); included != nil {
			v = l.mergeInclude(v, included, force)
		}
	}
	return v
}

// includeItem loads one included file; nil after a problem.
func (l *loader) includeItem(e *exerciseConfig, item *pyvalue.Value, at *place, base string) (included *pyvalue.Value, force bool) {
	if item.Kind != pyvalue.Map {
		l.fail(item, at, "found "+found(item)+"; an item of include is a mapping with a file", "write for example {file: common.yaml}")
		return nil, false
	}
	name, ok := item.Get("file")
	if !ok || name.Kind != pyvalue.String || name.Str == "" {
		l.fail(item, at, "an item of include needs the key file: the path of a YAML or JSON file", "")
		return nil, false
	}
	joined, inside := within(base, name.Str)
	if !inside {
		l.fail(name, at.at("file"), "the file "+quote(name.Str)+" is outside the course", "name a file relative to the folder of the configuration")
		return nil, false
	}
	c, err := l.folder.readNamed(joined)
	if err != nil {
		l.failValue(name, at.at("file"), err)
		return nil, false
	}
	file, data := c.file, c.data
	e.includes = append(e.includes, file)
	if c.modified.After(e.modified) {
		e.modified = c.modified
	}
	context, template := item.Get("template_context")
	if template {
		if data, ok = l.render(file, data, context, at.at("template_context")); !ok {
			return nil, false
		}
	}
	v, err := l.parse(file, data)
	if err != nil {
		if template {
			l.failRendered(name, at.at("file"), err, content{file: file, data: data})
		} else {
			l.failValue(name, at.at("file"), err)
		}
		return nil, false
	}
	if v.Kind != pyvalue.Map || len(v.Entries) == 0 {
		l.addError(inFile(file, v, "found "+found(v)+"; an included file is a mapping with at least one key"))
		return nil, false
	}
	if forced, ok := item.Get("force"); ok {
		force = forced.Truthy()
	}
	return v, force
}

// failRendered reports an error in the text that a template gave, at the item
// of include: the error's own place counts in that text, which no file shows.
func (l *loader) failRendered(v *pyvalue.Value, at *place, err error, text content) {
	var syntax *pyvalue.SyntaxError
	if !errors.As(err, &syntax) {
		l.failValue(v, at, err)
		return
	}
	where := ""
	lines := strings.Split(string(text.data), "\n")
	if n := syntax.Pos.Line; n > 0 && n <= len(lines) {
		where = fmt.Sprintf(" at its line %d, column %d (%s)", n, syntax.Pos.Column, quote(lines[n-1]))
	}
	l.fail(v, at, "the text that the template "+quote(text.file)+" gives is not correct"+where+": "+syntax.Message, syntax.Hint)
}

func (l *loader) render(file string, data []byte, context *pyvalue.Value, at *place) ([]byte, bool) {
	if context.Kind != pyvalue.Map {
		l.fail(context, at, "found "+found(context)+"; template_context is a mapping from names to values", "remove the key to include the file without a template")
		return nil, false
	}
	text, err := djtemplate.Render(file, string(data), context)
	if err != nil {
		l.failValue(context, at, err)
		return nil, false
	}
	return []byte(text), true
}

// mergeInclude adds the keys of an included file. Without force a key that is
// there already is a problem, and keeps its value.
func (l *loader) mergeInclude(v, included *pyvalue.Value, force bool) *pyvalue.Value {
	m := pyvalue.MapBuilder{Entries: make([]pyvalue.Entry, 0, len(v.Entries)+len(included.Entries))}
	for _, e := range v.Entries {
		m.Put(e.Key, e.Value)
	}
	for _, e := range included.Entries {
		if i := m.Find(e.Key); i >= 0 && !force {
			before := m.Entries[i].Value
			l.fail(e.Key, (*place)(nil).at(pyvalue.PyStr(e.Key)), "the included file gives "+asShown(e.Key)+" ("+found(e.Value)+"), which "+quote(before.File)+" has already ("+found(before)+")", "remove one of them, or add force: true to the item of include")
			continue
		}
		m.Put(e.Key, e.Value)
	}
	out := *v
	out.Entries = m.Entries
	return &out
}

// failValue reports an error of a reader or a renderer at the place that the
// error knows, otherwise at v.
func (c *checker) failValue(v *pyvalue.Value, at *place, err error) {
	var syntax *pyvalue.SyntaxError
	var value *pyvalue.ValueError
	var template *djtemplate.Error
	switch {
	case errors.As(err, &syntax):
		c.addError(course.Diagnostic{File: syntax.File, Line: syntax.Pos.Line, Column: syntax.Pos.Column, Message: syntax.Message, Hint: syntax.Hint})
	case errors.As(err, &template):
		c.addError(course.Diagnostic{File: template.File, Line: template.Pos.Line, Column: template.Pos.Column, Message: template.Message})
	case errors.As(err, &value):
		where := at.String()
		if where != "" && value.Path != "" && !strings.HasPrefix(value.Path, "[") {
			where += "."
		}
		c.addError(course.Diagnostic{File: path.Clean(value.File), Line: value.Pos.Line, Column: value.Pos.Column, Path: where + value.Path, Message: value.Message, Hint: value.Hint})
	default:
		c.fail(v, at, err.Error(), "")
	}
}
