package coursediff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// fields are the members of an object of A+'s document.
type fields map[string]json.RawMessage

// document is an A+ document as A+ reads it.
type document struct {
	fields     fields
	categories []category
	modules    []*module
}

type category struct {
	key    string
	fields fields
}

type module struct {
	key     string
	fields  fields
	objects []*object // in document order, those below chapters included
}

// object is a learning object. A+ finds it again by its module and its key.
type object struct {
	class  class
	place  course.DiffPlace
	fields fields
}

// class is what A+ makes of an object. When it differs A+ makes a new one.
type class string

const (
	classChapter  class = "chapter"
	classExercise class = "exercise"
	classLTI      class = "lti"
	classLTI13    class = "lti1p3"
)

// classOf chooses in A+'s order.
func classOf(f fields) class {
	for _, c := range []struct {
		member string
		class  class
	}{{"lti1p3", classLTI13}, {"lti", classLTI}, {"max_submissions", classExercise}} {
		if _, ok := f[c.member]; ok {
			return c.class
		}
	}
	return classChapter
}

func (c class) kind() course.DiffKind {
	if c == classChapter {
		return course.DiffChapter
	}
	return course.DiffExercise
}

// parse reads a document. Objects that A+ skips, with all below them, are left
// out: those without a key, and those whose category is not among the
// categories.
func parse(text []byte) (*document, error) {
	var d document
	if err := json.Unmarshal(text, &d.fields); err != nil {
		return nil, fmt.Errorf("the document for A+ is damaged: %w", err)
	}
	categories, err := members(d.fields["categories"])
	if err != nil {
		return nil, fmt.Errorf("categories of the document for A+: %w", err)
	}
	known := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(categories)) {
		f, err := members(categories[key])
		if err != nil {
			return nil, fmt.Errorf("category %s of the document for A+: %w", key, err)
		}
		if _, named := f["name"]; named {
			known[key] = true
			d.categories = append(d.categories, category{key, f})
		}
	}
	list, err := items(d.fields["modules"])
	if err != nil {
		return nil, fmt.Errorf("modules of the document for A+: %w", err)
	}
	for _, f := range list {
		key, ok := asText(f["key"])
		if !ok {
			continue
		}
		m := &module{key: key, fields: f}
		if err := m.add(f["children"], "", known); err != nil {
			return nil, fmt.Errorf("module %s of the document for A+: %w", key, err)
		}
		d.modules = append(d.modules, m)
	}
	return &d, nil
}

// add adds the objects of a list and those below them.
func (m *module) add(children json.RawMessage, parent string, categories map[string]bool) error {
	list, err := items(children)
	if err != nil {
		return err
	}
	for _, f := range list {
		key, ok := asText(f["key"])
		in, inCategory := asText(f["category"])
		if !ok || !inCategory || !categories[in] {
			continue
		}
		m.objects = append(m.objects, &object{
			class: classOf(f), place: course.DiffPlace{Module: m.key, Parent: parent, Key: key}, fields: f,
		})
		if err := m.add(f["children"], key, categories); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func members(raw json.RawMessage) (fields, error) {
	if absent(raw) {
		return nil, nil
	}
	var f fields
	return f, json.Unmarshal(raw, &f)
}

func items(raw json.RawMessage) ([]fields, error) {
	if absent(raw) {
		return nil, nil
	}
	var list []fields
	return list, json.Unmarshal(raw, &list)
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// asText is a value that A+ takes as text, false for none.
func asText(raw json.RawMessage) (string, bool) {
	if absent(raw) {
		return "", false
	}
	return shown(raw), true
}

// shown words a value for readers: texts as they are, texts by language one
// after the other, everything else as JSON.
func shown(raw json.RawMessage) string {
	if absent(raw) {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var byLanguage map[string]string
	if json.Unmarshal(raw, &byLanguage) == nil {
		var parts []string
		for _, language := range slices.Sorted(maps.Keys(byLanguage)) {
			parts = append(parts, language+": "+byLanguage[language])
		}
		return strings.Join(parts, ", ")
	}
	return string(raw)
}

// name is what A+ shows: the title, else the name, else the key.
func (f fields) name() string {
	for _, member := range []string{"title", "name", "key"} {
		if s, ok := asText(f[member]); ok && s != "" {
			return s
		}
	}
	return ""
}
