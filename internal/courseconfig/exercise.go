package courseconfig

import (
	"errors"
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
	parts     *exportParts   // made when they are needed first
	packed    pairs          // files for the default grader; nil until they are needed
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
	included  map[string]*includedFile   // by path as given
	keys      map[string]*pyvalue.Value  // of what templates give
	listed    map[*pyvalue.Value]bool    // lists of files that were looked for
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
				at, hint := nearKey(lang.data, key)
				if hint == "" {
					at, hint = lang.data, exerciseHint(key)
				}
				d := inFile(e.file, at, "an exercise configuration needs the key "+key)
				if d.Hint = hint; at.File != "" {
					d.File = at.File // perhaps an included file
				}
				l.addError(d)
			}
		}
	}
	return l.failures == before
}

func exerciseHint(key string) string {
	if key == "title" {
		return "add the title that students see"
	}
	return "add the kind of exercise, such as " + viewForm
}

// nearKey finds a key of a mapping that was probably meant to be another one,
// and gives a hint that says so; empty when there is none.
func nearKey(v *pyvalue.Value, key string) (near *pyvalue.Value, hint string) {
	for _, e := range v.Entries[:min(len(v.Entries), maxCandidates)] {
		if nearest(e.Key.Str, []string{key}) != "" {
			return e.Key, "is " + quote(e.Key.Str) + " meant to be it?"
		}
	}
	return v, ""
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
		hint := ""
		var missing *missingFile
		if errors.As(err, &missing) {
			hint = missing.hint
		}
		c.fail(v, at, err.Error(), hint)
	}
}
