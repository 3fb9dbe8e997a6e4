package courseconfig

import (
	"slices"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// applyTypes gives the index with module_types and exercise_types worked into
// the modules and objects that name them. The values it was read as stay
// untouched, since an alias may show one of them in several places.
func (c *checker) applyTypes(root *pyvalue.Value) *pyvalue.Value {
	modules, ok := root.Get("modules")
	if !ok || modules.Kind != pyvalue.List {
		return root // reading the course tells what is wrong with it
	}
	t := typeTables{c: c, bodies: map[*pyvalue.Value]map[string]*pyvalue.Value{}, weights: map[*pyvalue.Value]int{}}
	t.modules, t.hasModules = root.Get("module_types")
	t.exercises, t.hasExercises = root.Get("exercise_types")
	c.moduleTypes, c.exerciseTypes = namesOfTypes(t.modules), namesOfTypes(t.exercises)
	if !t.hasModules && !t.hasExercises {
		return root
	}
	out := mapItems(modules, func(i int, m *pyvalue.Value) *pyvalue.Value {
		at := (*place)(nil).at("modules").item(i)
		m = t.children(m, at)
		if t.hasModules {
			m = t.apply("module_types", t.modules, m, at)
		}
		return m
	})
	return with(root, "modules", out)
}

type typeTables struct {
	c                        *checker
	modules, exercises       *pyvalue.Value
	hasModules, hasExercises bool
	bodies                   map[*pyvalue.Value]map[string]*pyvalue.Value // of each table, by KeyID of the name
	weights                  map[*pyvalue.Value]int                       // of the types in use
}

// children applies exercise types to the objects below v.
func (t *typeTables) children(v *pyvalue.Value, at *place) *pyvalue.Value {
	if v.Kind != pyvalue.Map || !t.hasExercises {
		return v
	}
	list, ok := v.Get("children")
	if !ok || list.Kind != pyvalue.List {
		return v
	}
	out := mapItems(list, func(i int, child *pyvalue.Value) *pyvalue.Value {
		there := at.at("children").item(i)
		child = t.children(child, there)
		if child.Kind == pyvalue.Map {
			if _, named := child.Get("key"); named {
				return t.apply("exercise_types", t.exercises, child, there)
			}
		}
		return child
	})
	return with(v, "children", out)
}

// apply gives v the entries of its type that it does not have itself.
func (t *typeTables) apply(table string, types, v *pyvalue.Value, at *place) *pyvalue.Value {
	if v.Kind != pyvalue.Map {
		return v
	}
	name, ok := v.Get("type")
	if !ok {
		return v
	}
	if types.Kind != pyvalue.Map {
		if !lacks(types, name) {
			t.c.fail(types, (*place)(nil).at(table), "found "+found(types)+"; "+table+" is a mapping from type names to their entries", "write {} while there are none")
		}
		return v
	}
	if !pyvalue.Hashable(name) {
		t.c.fail(name, at.at("type"), "found "+found(name)+"; a type is the name of an entry of "+table, "")
		return v
	}
	body, ok := t.body(types, name)
	if !ok {
		return v // a type that nobody knows changes nothing
	}
	if body.Kind != pyvalue.Map {
		t.c.fail(body, (*place)(nil).at(table).at(pyvalue.PyStr(name)), "found "+found(body)+"; a type is a mapping from keys to values", "write {} for a type without entries")
		return merge(pyvalue.NewMap(), v)
	}
	weight, known := t.weights[body]
	if !known {
		weight = countBelow(body, map[*pyvalue.Value]int{})
		t.weights[body] = weight
	}
	if !t.c.spend(weight+len(v.Entries), v, at) {
		return v
	}
	return merge(body, v)
}

func namesOfTypes(types *pyvalue.Value) []string {
	var out []string
	if types != nil {
		for _, e := range types.Entries {
			out = append(out, pyvalue.PyStr(e.Key))
		}
	}
	return out
}

// noType says what to do about a type that does not exist.
func noType(table string, name *pyvalue.Value, names []string) string {
	if slices.Contains(names, pyvalue.PyStr(name)) {
		return "there is one of that name, but types are given only to objects that have a key and do not come from a type themselves"
	}
	if near := nearest(pyvalue.PyStr(name), names); near != "" {
		return "did you mean " + near + "?"
	}
	return "add it to " + table + " or remove the key"
}

// lacks says whether something that should be a table of types can be searched
// and does not have a name. Such courses have always passed, since nothing of
// the table is used.
func lacks(types, name *pyvalue.Value) bool {
	switch types.Kind {
	case pyvalue.List, pyvalue.Set:
		return pyvalue.Hashable(name) && !slices.ContainsFunc(types.Items, func(item *pyvalue.Value) bool {
			return pyvalue.Hashable(item) && pyvalue.KeyID(item) == pyvalue.KeyID(name)
		})
	case pyvalue.String:
		return name.Kind == pyvalue.String && !strings.Contains(types.Str, name.Str)
	default:
		return false
	}
}

// maxCount is more than any course may spend.
const maxCount = 1 << 30

// countBelow counts the values below v, shared ones as often as they are shown: each
// object of a type is read and exported with all of them.
func countBelow(v *pyvalue.Value, known map[*pyvalue.Value]int) int {
	if n, ok := known[v]; ok {
		return n
	}
	const textOfValue = 16 // bytes; each use of a text reads it
	n := 1 + len(v.Str)/textOfValue
	for _, item := range v.Items {
		n = min(n+countBelow(item, known), maxCount)
	}
	for _, e := range v.Entries {
		n = min(n+1+countBelow(e.Value, known), maxCount)
	}
	known[v] = n
	return n
}

// body finds a type in its table.
func (t *typeTables) body(types, name *pyvalue.Value) (*pyvalue.Value, bool) {
	bodies, ok := t.bodies[types]
	if !ok {
		bodies = make(map[string]*pyvalue.Value, len(types.Entries))
		for _, e := range types.Entries {
			bodies[pyvalue.KeyID(e.Key)] = e.Value
		}
		t.bodies[types] = bodies
	}
	body, ok := bodies[pyvalue.KeyID(name)]
	return body, ok
}

// merge gives the entries of a type, replaced and followed by the item's own;
// the key type itself goes.
func merge(body, own *pyvalue.Value) *pyvalue.Value {
	m := pyvalue.MapBuilder{Entries: make([]pyvalue.Entry, 0, len(body.Entries)+len(own.Entries))}
	for _, list := range [][]pyvalue.Entry{body.Entries, own.Entries} {
		for _, e := range list {
			if i := m.Find(e.Key); i >= 0 {
				m.Entries[i] = e
			} else {
				m.Put(e.Key, e.Value)
			}
		}
	}
	entries := slices.DeleteFunc(m.Entries, func(e pyvalue.Entry) bool { return e.Key.Kind == pyvalue.String && e.Key.Str == "type" })
	return &pyvalue.Value{Kind: pyvalue.Map, Entries: entries, Pos: own.Pos, File: own.File}
}

func mapItems(list *pyvalue.Value, change func(i int, v *pyvalue.Value) *pyvalue.Value) *pyvalue.Value {
	out := *list
	out.Items = make([]*pyvalue.Value, len(list.Items))
	for i, item := range list.Items {
		out.Items[i] = change(i, item)
	}
	return &out
}

// with gives a copy of a mapping in which a key has another value.
func with(m *pyvalue.Value, key string, value *pyvalue.Value) *pyvalue.Value {
	out := *m
	out.Entries = make([]pyvalue.Entry, 0, len(m.Entries)+1)
	done := false
	for _, e := range m.Entries {
		if e.Key.Kind == pyvalue.String && e.Key.Str == key {
			e.Value, done = value, true
		}
		out.Entries = append(out.Entries, e)
	}
	if !done {
		out.Entries = append(out.Entries, pyvalue.Entry{Key: textValue(key), Value: value})
	}
	return &out
}

func textValue(s string) *pyvalue.Value { return &pyvalue.Value{Kind: pyvalue.String, Str: s} }
