package coursediff

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// The fields that are compared: what students see, points, deadlines and
// categories. "name" stands for the title or the name.
var (
	courseFields   = []string{"name", "start", "end", "enrollment_start", "enrollment_end", "lifesupport_time", "archive_time"}
	categoryFields = []string{"name", "status", "points_to_pass"}
	moduleFields   = []string{
		"name", "status", "points_to_pass", "open", "close", "duration", "read-open", "late_close", "late_duration", "late_penalty",
	}
	objectFields = []string{"name", "category", "status", "max_points", "points_to_pass", "max_submissions", "grading_mode"}
)

// Compare tells what the new document changes. The documents are those that A+
// imports; the base address in them does not matter.
//
// A+ finds a learning object again by its module and its key. An exercise that
// it does not find again is hidden from students, with the points that hang on
// it. So an exercise is in danger that is removed, renamed, moved to another
// module, or made something else; a place elsewhere in the module is not.
func Compare(before, after []byte) ([]course.DiffItem, error) {
	old, err := parse(before)
	if err != nil {
		return nil, err
	}
	now, err := parse(after)
	if err != nil {
		return nil, err
	}
	out := []course.DiffItem{}
	if f := differing(courseFields, old.fields, now.fields); f != nil {
		out = append(out, course.DiffItem{Kind: course.DiffCourse, Change: course.DiffChanged, Name: now.fields.name(), Fields: f})
	}
	out = append(out, categories(old, now)...)
	modules := pairModules(old, now)
	pairs := pairObjects(old, now)
	for _, m := range now.modules {
		if i, differs := moduleItem(modules[m], m); differs {
			out = append(out, i)
		}
		for _, o := range m.objects {
			if i, differs := objectItem(pairs[o], o); differs {
				out = append(out, i)
			}
		}
	}
	return append(out, gone(old, modules, pairs)...), nil
}

// gone lists what has no successor.
func gone(old *document, modules map[*module]*module, pairs map[*object]*object) []course.DiffItem {
	goesOn := map[any]bool{}
	for _, m := range modules {
		goesOn[m] = true
	}
	for _, o := range pairs {
		goesOn[o] = true
	}
	var out []course.DiffItem
	for _, m := range old.modules {
		if !goesOn[m] {
			out = append(out, course.DiffItem{
				Kind: course.DiffModule, Change: course.DiffRemoved, Name: m.fields.name(), Old: course.DiffPlace{Key: m.key},
			})
		}
		for _, o := range m.objects {
			if !goesOn[o] {
				out = append(out, course.DiffItem{
					Kind: o.class.kind(), Change: course.DiffRemoved, Name: o.fields.name(), Old: o.place,
					Dangerous: o.class.kind() == course.DiffExercise,
				})
			}
		}
	}
	return out
}

func categories(old, now *document) []course.DiffItem {
	var out []course.DiffItem
	find := func(list []category, key string) (category, bool) {
		i := slices.IndexFunc(list, func(c category) bool { return c.key == key })
		if i < 0 {
			return category{}, false
		}
		return list[i], true
	}
	for _, c := range now.categories {
		was, known := find(old.categories, c.key)
		item := course.DiffItem{Kind: course.DiffCategory, Change: course.DiffAdded, Name: c.fields.name(), New: course.DiffPlace{Key: c.key}}
		if known {
			item.Change, item.Old, item.Fields = course.DiffChanged, item.New, differing(categoryFields, was.fields, c.fields)
		}
		if !known || item.Fields != nil {
			out = append(out, item)
		}
	}
	for _, c := range old.categories {
		if _, stays := find(now.categories, c.key); !stays {
			out = append(out, course.DiffItem{
				Kind: course.DiffCategory, Change: course.DiffRemoved, Name: c.fields.name(), Old: course.DiffPlace{Key: c.key},
			})
		}
	}
	return out
}

func moduleItem(was, m *module) (course.DiffItem, bool) {
	item := course.DiffItem{Kind: course.DiffModule, Change: course.DiffAdded, Name: m.fields.name(), New: course.DiffPlace{Key: m.key}}
	if was == nil {
		return item, true
	}
	item.Old, item.Change = course.DiffPlace{Key: was.key}, course.DiffChanged
	item.Fields = differing(moduleFields, was.fields, m.fields)
	if was.key != m.key {
		item.Change = course.DiffRenamed
	}
	return item, item.Fields != nil || item.Change == course.DiffRenamed
}

func objectItem(was, o *object) (course.DiffItem, bool) {
	item := course.DiffItem{Kind: o.class.kind(), Change: course.DiffAdded, Name: o.fields.name(), New: o.place}
	if was == nil {
		return item, true
	}
	item.Old, item.Change = was.place, course.DiffChanged
	item.Fields = differing(objectFields, was.fields, o.fields)
	if was.class != o.class {
		item.Fields = append(item.Fields, course.DiffField{Name: "type", Old: string(was.class), New: string(o.class)})
	}
	switch {
	case was.place.Key != o.place.Key:
		item.Change = course.DiffRenamed
	case was.place != o.place:
		item.Change = course.DiffMoved
	}
	lost := was.place.Key != o.place.Key || was.place.Module != o.place.Module || was.class != o.class
	item.Dangerous = lost && was.class.kind() == course.DiffExercise
	return item, item.Fields != nil || item.Change != course.DiffChanged
}

// differing compares fields by their value, however it is written.
func differing(names []string, old, now fields) []course.DiffField {
	var out []course.DiffField
	for _, name := range names {
		f := course.DiffField{Name: name, Old: shown(old[name]), New: shown(now[name])}
		same := f.Old == f.New
		if name == "name" {
			f.Old, f.New = old.name(), now.name()
			// Where only the key differs that is told already.
			same = f.Old == f.New || f.Old == shown(old["key"]) && f.New == shown(now["key"])
		}
		if !same && !equalJSON(old[name], now[name], name) {
			out = append(out, f)
		}
	}
	return out
}

// equalJSON says whether two values are the same although they are written
// differently, such as 1 and 1.0.
func equalJSON(a, b json.RawMessage, name string) bool {
	if name == "name" || absent(a) || absent(b) {
		return false
	}
	return bytes.Equal(canonical(a), canonical(b))
}

// canonical writes a value in the one way that encoding/json has; what is no
// JSON stays as it is.
func canonical(raw json.RawMessage) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// replaceKey makes the addresses of an exercise those of any key: graders and
// this service put the key into them.
func replaceKey(s, key string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
	for i, part := range parts {
		address, query, asked := strings.Cut(part, "?")
		steps := strings.Split(address, "/")
		for j, step := range steps {
			if step == key {
				steps[j] = "\x00"
			}
		}
		parts[i] = strings.Join(steps, "/")
		if asked {
			parts[i] += "?" + query
		}
	}
	return strings.Join(parts, " ")
}
