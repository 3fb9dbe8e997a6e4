package courseconfig

import (
	"slices"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// pair is one key and value of an exported mapping.
type pair struct {
	key   string
	value any
}

// pairs is an exported mapping in order.
type pairs []pair

// localizedKind is a value, or a mapping from two-letter languages to values.
type localizedKind struct{ of kind }

func (k localizedKind) allowed() string {
	return k.of.allowed() + ", or a mapping from two-letter language codes to it"
}

func (k localizedKind) schema() object {
	return object{"anyOf": []object{
		k.of.schema(),
		{"type": "object", "propertyNames": object{"minLength": 2, "maxLength": 2}, "additionalProperties": k.of.schema()},
	}}
}

func (k localizedKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if v.Kind != pyvalue.Map {
		return k.of.coerce(c, v, at)
	}
	if !c.spend(len(v.Entries), v, at) {
		return nil, false
	}
	out, ok := make(pairs, 0, len(v.Entries)), true
	for _, e := range v.Entries {
		if e.Key.Kind != pyvalue.String || utf8.RuneCountInString(e.Key.Str) != 2 {
			c.fail(e.Key, at, "found "+found(e.Key)+" as a language; allowed are two-letter codes such as en", "")
			ok = false
			continue
		}
		there := at.at(e.Key.Str)
		if e.Value.Kind == pyvalue.Null {
			c.fail(e.Key, there, "found nothing for this language; allowed is "+k.of.allowed(), "give a value or remove the language")
			ok = false
			continue
		}
		value, good := k.of.coerce(c, e.Value, there)
		ok = ok && good
		out = append(out, pair{e.Key.Str, value})
	}
	return out, ok
}

// listKind is a list of values of one kind. Python's sets pass as lists.
type listKind struct{ of kind }

func (k listKind) allowed() string { return "a list, each item " + k.of.allowed() }

func (k listKind) schema() object {
	return object{"type": "array", "items": k.of.schema()}
}

func (k listKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if v.Kind != pyvalue.List && v.Kind != pyvalue.Set {
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), "write each item on a line of its own after a hyphen")
		return nil, false
	}
	if !c.spend(len(v.Items), v, at) {
		return nil, false
	}
	out, ok := make([]any, 0, len(v.Items)), true
	for i, item := range v.Items {
		if c.stopped {
			return nil, false
		}
		value, good := c.item(k.of, item, at.item(i))
		ok = ok && good
		out = append(out, value) // nil after a problem, so that the others keep their places
	}
	return out, ok
}

// item reads one item of a list or mapping: only kinds that say so take null.
func (c *checker) item(k kind, v *pyvalue.Value, at *place) (any, bool) {
	if _, anything := k.(anyKind); v.Kind == pyvalue.Null && !anything {
		c.fail(v, at, "found nothing; allowed is "+k.allowed(), "")
		return nil, false
	}
	return k.coerce(c, v, at)
}

// mapKind is a mapping from texts to values of one kind.
type mapKind struct{ of kind }

func (k mapKind) allowed() string { return "a mapping from texts to values, each " + k.of.allowed() }

func (k mapKind) schema() object {
	return object{"anyOf": []object{
		{"type": "object", "additionalProperties": k.of.schema()},
		pairsSchema(k.of.schema()),
		{"const": ""},
	}}
}

// pairsSchema describes the lists that asMapping reads: their items are two
// things, the first of which can be a key.
func pairsSchema(value object) object {
	key := object{"not": object{"type": []string{"array", "object"}}}
	return object{"type": "array", "items": object{"anyOf": []object{
		{"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": []object{key, value}},
		{"type": "string", "minLength": 2, "maxLength": 2},
		{"type": "object", "minProperties": 2, "maxProperties": 2},
	}}}
}

func (k mapKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	mapping, ok := asMapping(v)
	if !ok {
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), "")
		return nil, false
	}
	if !c.spend(len(mapping.Entries), v, at) {
		return nil, false
	}
	out := make(pairs, 0, len(mapping.Entries))
	places := make(map[string]int, len(mapping.Entries))
	for _, e := range mapping.Entries {
		key, good := asText(e.Key)
		if !good {
			c.fail(e.Key, at, "found "+found(e.Key)+" as a key; allowed is a text", "put the key in quotes")
			ok = false
			continue
		}
		value, good := c.item(k.of, e.Value, at.at(key))
		ok = ok && good
		if i, there := places[key]; there { // 5 and "5" are the same as texts
			out[i].value = value
			continue
		}
		places[key] = len(out)
		out = append(out, pair{key, value})
	}
	return out, ok
}

func (p pairs) get(key string) (any, bool) {
	for _, e := range p {
		if e.key == key {
			return e.value, true
		}
	}
	return nil, false
}

// recordKind is a mapping with its own table of fields.
type recordKind struct{ of *model }

func (k recordKind) allowed() string { return "a mapping" }

func (k recordKind) schema() object { return k.of.schema() }

func (k recordKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	r, ok := c.record(k.of, v, at)
	if r == nil {
		return nil, false
	}
	return r, ok
}

// languagesKind is the course's language or a list of them.
type languagesKind struct{}

func (languagesKind) allowed() string { return "a language code, or a list of them" }

func (languagesKind) schema() object {
	return object{"anyOf": []object{textKind{}.schema(), {"type": "array", "items": textKind{}.schema()}}}
}

func (k languagesKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if v.Kind == pyvalue.List || v.Kind == pyvalue.Set {
		return listKind{textKind{}}.coerce(c, v, at)
	}
	if s, ok := asText(v); ok {
		return s, true
	}
	c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), "")
	return nil, false
}

// publicPathsKind is the set of paths in the static folder that need no login.
// The folders that Sphinx makes for scripts, images and downloads belong to it
// always.
type publicPathsKind struct{}

func (publicPathsKind) allowed() string { return "a list of paths in the static folder" }

func (publicPathsKind) schema() object {
	return object{"type": "array", "items": object{"type": "string", "pattern": publicPathPattern}}
}

func (publicPathsKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	value, ok := listKind{publicPathKind{}}.coerce(c, v, at)
	given, _ := value.([]any)
	paths := []string{"_downloads", "_images", "_static"}
	for _, item := range given {
		p, _ := item.(string)
		paths = append(paths, p)
	}
	slices.Sort(paths)
	out := make([]any, 0, len(paths))
	for _, p := range slices.Compact(paths) {
		out = append(out, p)
	}
	return out, ok
}

// publicPathKind is one of them.
type publicPathKind struct{ pathKind }

func (publicPathKind) allowed() string { return "a path in the static folder" }

func (k publicPathKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	value, ok := k.pathKind.coerce(c, v, at)
	if !ok {
		return nil, false
	}
	if _, inside := within("", v.Str); !inside {
		c.fail(v, at, "the path "+quote(v.Str)+" is outside the static folder", "name paths inside it, without a leading slash")
		return nil, false
	}
	return value, true
}
