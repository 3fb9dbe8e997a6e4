package courseconfig

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// Compiled is what the service needs of a released course when it answers
// requests, so that it reads no YAML then. It is kept as JSON beside the
// release.
type Compiled struct {
	Name             json.RawMessage    `json:"name"`       // a text, or an object from language to text
	StaticDir        string             `json:"static_dir"` // as Course.StaticDir
	UnprotectedPaths []string           `json:"unprotected_paths,omitempty"`
	HasUnprotected   bool               `json:"has_unprotected"` // unprotected_paths was given
	Exercises        []CompiledExercise `json:"exercises"`       // in document order, each key once
}

// CompiledExercise is an exercise for pages and for its files.
type CompiledExercise struct {
	Key       string             `json:"key"`
	Title     json.RawMessage    `json:"title"`               // a text, an object from language to text, or null
	Languages []CompiledLanguage `json:"languages,omitempty"` // the default language first; none without a configuration file
}

// CompiledLanguage lists an exercise's files in one language, relative to the
// course folder. A nil list was not given.
type CompiledLanguage struct {
	Language      string   `json:"language"`
	ModelFiles    []string `json:"model_files"`
	TemplateFiles []string `json:"template_files"`
}

// FileList names one of the two lists of files that an exercise shows.
type FileList string

// The lists.
const (
	ModelFiles    FileList = "model_files"
	TemplateFiles FileList = "template_files"
)

// Compiled gives the JSON that ReadCompiled reads.
func (c *Course) Compiled() ([]byte, error) {
	paths, given := c.UnprotectedPaths()
	out := Compiled{
		Name: c.Name(), StaticDir: c.StaticDir(), UnprotectedPaths: paths, HasUnprotected: given,
		Exercises: make([]CompiledExercise, 0, len(c.exercises)),
	}
	for _, n := range c.exercises {
		e := CompiledExercise{Key: n.object.text("key"), Title: mustJSON(shownTitle(n.exported))}
		if n.config != nil {
			for _, lang := range n.config.languages {
				e.Languages = append(e.Languages, CompiledLanguage{
					Language:      lang.language,
					ModelFiles:    listed(lang.data, ModelFiles),
					TemplateFiles: listed(lang.data, TemplateFiles),
				})
			}
		}
		out.Exercises = append(out.Exercises, e)
	}
	return json.Marshal(out)
}

// shownTitle is the title that A+ prefers: title before name.
func shownTitle(exported pairs) any {
	if title, ok := exported.get("title"); ok {
		return title
	}
	name, _ := exported.get("name")
	return name
}

// listed gives a list of files whose paths Load has checked.
func listed(data *pyvalue.Value, list FileList) []string {
	v, ok := data.Get(string(list))
	if !ok || v.Kind == pyvalue.Null {
		return nil
	}
	items, _ := iterate(v)
	out := make([]string, 0, len(items))
	for _, item := range items {
		if name, inside := fromRoot("", item.Str); inside {
			out = append(out, name)
		}
	}
	return out
}

// ReadCompiled reads what Course.Compiled wrote.
func ReadCompiled(data []byte) (*Compiled, error) {
	var c Compiled
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("read compiled course: %w", err)
	}
	return &c, nil
}

// File gives the path of a model or template file by the last part of its name.
// Of the language the first two letters count; without a configuration in it the
// default language's list is used. False: there is no such file.
func (c *Compiled) File(list FileList, exercise, basename, language string) (string, bool) {
	for _, e := range c.Exercises {
		if e.Key != exercise || len(e.Languages) == 0 {
			continue
		}
		chosen := e.Languages[0]
		for _, l := range e.Languages {
			if l.Language == firstRunes(language, 2) {
				chosen = l
			}
		}
		files := chosen.ModelFiles
		if list == TemplateFiles {
			files = chosen.TemplateFiles
		}
		for _, f := range files {
			if lastPart(f) == basename {
				return f, true
			}
		}
		return "", false
	}
	return "", false
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	if !utf8.ValidString(s) {
		return ""
	}
	return s
}
