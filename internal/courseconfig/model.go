package courseconfig

import (
	"slices"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// A model is a table of fields. Reading, defaults, error messages, near-miss
// hints and the JSON Schema all come from these tables.
type model struct {
	noun    string // how messages call it, with its article
	strict  bool   // unknown keys are errors, not warnings
	prepare func(c *checker, entries []entry, at *place) []entry
	rules   func(c *checker, r *record) // checks between fields
	fields  []field
	known   []string // keys that are read elsewhere or dropped on purpose: no warning
}

// field is one key of a model.
type field struct {
	name     string
	alias    string // another name that is read where name is absent
	kind     kind
	required bool
	nullable bool // null is a value of its own and is exported
	fallback any  // value while unset; nil: the field is left out
	doc      string
}

// kind is the type of a field.
type kind interface {
	// coerce gives the value to export. After a problem, which it reports, the
	// second result is false.
	coerce(c *checker, v *pyvalue.Value, at *place) (any, bool)
	// allowed says what may be written, for messages: "a text".
	allowed() string
	// schema describes the same as JSON Schema.
	schema() object
}

// object is a JSON object whose keys are written in sorted order.
type object = map[string]any

// entry is one key of a mapping on its way into a record.
type entry struct {
	name  string
	key   *pyvalue.Value
	value *pyvalue.Value
}

// null is the exported value of a field that was given as null.
type null struct{}

// record is a mapping that was read by a model. Values stand at the index of
// their field; nil is unset.
type record struct {
	model  *model
	source *pyvalue.Value
	at     *place
	values []any
	inputs []*pyvalue.Value
}

// checker reads values and collects problems.
type checker struct {
	problems
	budget
	tagged tagged
	models *models
	work   int // values read so far

	moduleTypes, exerciseTypes []string // their names, for suggestions
}

// maxWork bounds the values of one course, each counted as often as a type or an
// alias brings it.
const maxWork = 1_000_000

// spend counts values before they are read. Beyond the bound it reports, once,
// and gives false.
func (c *checker) spend(n int, v *pyvalue.Value, at *place) bool {
	told := c.work > maxWork
	c.work += n + 1
	if c.work > maxWork && !told {
		c.fail(v, at, "the course has more than "+strconv.Itoa(maxWork)+" values when types and aliases are followed", "put less into types that many use")
	}
	return c.work <= maxWork && c.step(n+1, v, at)
}

func (m *model) find(name string) int {
	return slices.IndexFunc(m.fields, func(f field) bool { return f.name == name })
}

// get gives a field's value, nil while it is unset.
func (r *record) get(name string) any {
	if i := r.model.find(name); i >= 0 {
		return r.values[i]
	}
	return nil
}

// set gives a field a value that no file holds.
func (r *record) set(name string, value any) {
	if i := r.model.find(name); i >= 0 {
		r.values[i] = value
	}
}

// input gives what the file says about a field, nil when it says nothing.
func (r *record) input(name string) *pyvalue.Value {
	if i := r.model.find(name); i >= 0 {
		return r.inputs[i]
	}
	return nil
}

// text gives a text field, "" while it is unset.
func (r *record) text(name string) string {
	s, _ := r.get(name).(string)
	return s
}

// list gives a list field.
func (r *record) list(name string) []any {
	l, _ := r.get(name).([]any)
	return l
}

// entries lists the keys of a mapping. Keys that are not texts are problems.
func (c *checker) entries(v *pyvalue.Value, at *place) ([]entry, bool) {
	out := make([]entry, 0, len(v.Entries))
	ok := true
	for _, e := range v.Entries {
		if e.Key.Kind != pyvalue.String && c.full() {
			c.failures++
			ok = false
			continue
		}
		if e.Key.Kind != pyvalue.String {
			c.fail(e.Key, at, "found "+found(e.Key)+" as a key; keys are texts", "put the key in quotes")
			ok = false
			continue
		}
		out = append(out, entry{name: e.Key.Str, key: e.Key, value: e.Value})
	}
	return out, ok
}

// record reads a mapping by a model. Without problems the result holds every
// field that is set; with problems it holds what could be read.
func (c *checker) record(m *model, v *pyvalue.Value, at *place) (*record, bool) {
	mapping, ok := asMapping(v)
	if !ok {
		c.fail(v, at, "found "+found(v)+"; "+m.noun+" is a mapping of keys to values", "")
		return nil, false
	}
	if !c.spend(len(mapping.Entries), v, at) {
		return nil, false
	}
	const recordBytes, fieldBytes = 500, 24 // with what is exported of it, about
	if !c.hold(recordBytes+fieldBytes*len(m.fields), v, at) {
		return nil, false
	}
	before := c.failures
	entries, _ := c.entries(mapping, at)
	if m.prepare != nil {
		entries = m.prepare(c, entries, at)
	}
	r := &record{
		model: m, source: v, at: at,
		values: make([]any, len(m.fields)), inputs: make([]*pyvalue.Value, len(m.fields)),
	}
	meant := c.misspelt(m, entries)
	c.unknownKeys(m, entries, meant, at)
	for i := range m.fields {
		c.readField(r, i, entries, meant)
	}
	if m.rules != nil {
		m.rules(c, r)
	}
	if c.failures > before && c.full() {
		return nil, false // the checks between records find enough without it
	}
	return r, c.failures == before
}

func (c *checker) readField(r *record, i int, entries []entry, meant map[string]guess) {
	f := &r.model.fields[i]
	e := lookup(entries, f.name)
	if e == nil && f.alias != "" {
		e = lookup(entries, f.alias)
	}
	switch {
	case e == nil && f.required && c.full():
		c.failures++
	case e == nil && f.required && meant[f.name].entry != nil:
		// The misspelt key and the missing one are one problem.
		wrong := meant[f.name].entry
		c.fail(wrong.key, r.at.at(wrong.name), "the key "+quote(wrong.name)+" is unknown in "+r.model.noun+", which needs the key "+quote(f.name)+": "+f.kind.allowed(), meant[f.name].hint())
	case e == nil && f.required:
		c.fail(r.source, r.at, r.model.noun+" needs the key "+quote(f.name)+": "+f.kind.allowed(), strings.TrimSuffix(f.doc, "."))
	case e == nil:
		r.values[i] = f.fallback
	case e.value.Kind == pyvalue.Null && f.nullable:
		r.inputs[i], r.values[i] = e.value, null{}
	case e.value.Kind == pyvalue.Null:
		c.fail(e.value, r.at.at(e.name), "found nothing; allowed is "+f.kind.allowed(), "give a value or remove the key")
	default:
		r.inputs[i] = e.value
		// What could be read of a faulty list or record is kept, so that the
		// checks between fields can go on.
		r.values[i], _ = f.kind.coerce(c, e.value, r.at.at(e.name))
	}
}

func lookup(entries []entry, name string) *entry {
	for i := range entries {
		if entries[i].name == name {
			return &entries[i]
		}
	}
	return nil
}

// asMapping gives the mapping that Python's dict() makes of a value: a mapping
// itself, a list of pairs, or nothing from an empty list or text.
func asMapping(v *pyvalue.Value) (*pyvalue.Value, bool) {
	switch v.Kind {
	case pyvalue.Map:
		return v, true
	case pyvalue.String, pyvalue.Bytes:
		return &pyvalue.Value{Kind: pyvalue.Map, Pos: v.Pos, File: v.File}, v.Str == ""
	case pyvalue.List, pyvalue.Set:
	default:
		return nil, false
	}
	var m pyvalue.MapBuilder
	for _, item := range v.Items {
		pair, ok := iterate(item)
		if !ok || len(pair) != 2 || !pyvalue.Hashable(pair[0]) {
			return nil, false
		}
		m.Put(pair[0], pair[1])
	}
	return &pyvalue.Value{Kind: pyvalue.Map, Entries: m.Entries, Pos: v.Pos, File: v.File}, true
}

// iterate lists what a Python loop over a value visits.
func iterate(v *pyvalue.Value) ([]*pyvalue.Value, bool) {
	switch v.Kind {
	case pyvalue.List, pyvalue.Set:
		return v.Items, true
	case pyvalue.Map:
		out := make([]*pyvalue.Value, 0, len(v.Entries))
		for _, e := range v.Entries {
			out = append(out, e.Key)
		}
		return out, true
	case pyvalue.String:
		if len(v.Str) > maxListedFiles {
			return nil, false // characters make no useful list
		}
		var out []*pyvalue.Value
		for _, r := range v.Str {
			out = append(out, &pyvalue.Value{Kind: pyvalue.String, Str: string(r), Pos: v.Pos, File: v.File})
		}
		return out, true
	default:
		return nil, false
	}
}
