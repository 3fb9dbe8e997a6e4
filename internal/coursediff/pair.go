package coursediff

import (
	"encoding/json"
	"strings"
)

// pairModules finds for the new modules what they were before: by key, and for
// those whose key is new by the same learning objects in the same order.
func pairModules(old, now *document) map[*module]*module {
	out := map[*module]*module{}
	byKey := map[string]*module{}
	for _, m := range old.modules {
		byKey[m.key] = m
	}
	var fresh []*module
	for _, m := range now.modules {
		if was := byKey[m.key]; was != nil {
			out[m] = was
			delete(byKey, m.key)
			continue
		}
		fresh = append(fresh, m)
	}
	var left []*module
	for _, m := range old.modules {
		if byKey[m.key] == m {
			left = append(left, m)
		}
	}
	match(left, fresh, func(m *module) string {
		var keys []string
		for _, o := range m.objects {
			keys = append(keys, o.place.Parent+"/"+o.place.Key)
		}
		return strings.Join(keys, "\n")
	}, out)
	return out
}

// pairObjects finds for the new objects what they were before: by module and
// key; then by key alone, for what has moved to another module; then by
// content, for what has another key.
func pairObjects(old, now *document) map[*object]*object {
	out := map[*object]*object{}
	type identity struct{ module, key string }
	known := map[identity]*object{}
	for _, m := range old.modules {
		for _, o := range m.objects {
			known[identity{m.key, o.place.Key}] = o
		}
	}
	var fresh, left []*object
	for _, m := range now.modules {
		for _, o := range m.objects {
			id := identity{m.key, o.place.Key}
			if was := known[id]; was != nil {
				out[o] = was
				delete(known, id)
				continue
			}
			fresh = append(fresh, o)
		}
	}
	for _, m := range old.modules {
		for _, o := range m.objects {
			if known[identity{m.key, o.place.Key}] == o {
				left = append(left, o)
			}
		}
	}
	left, fresh = match(left, fresh, func(o *object) string { return string(o.class) + "\n" + o.place.Key }, out)
	match(left, fresh, fingerprint, out)
	return out
}

// match pairs what has the same sign on both sides, and on each side alone: what
// is told of a pair must not be a guess. An empty sign matches nothing. It gives
// what is left.
func match[T comparable](old, now []T, sign func(T) string, out map[T]T) (left, fresh []T) {
	count := func(list []T) map[string]int {
		n := map[string]int{}
		for _, t := range list {
			n[sign(t)]++
		}
		return n
	}
	before, after := count(old), count(now)
	single := func(s string) bool { return s != "" && before[s] == 1 && after[s] == 1 }
	bySign := map[string]T{}
	for _, t := range old {
		if s := sign(t); single(s) {
			bySign[s] = t
			continue
		}
		left = append(left, t)
	}
	for _, t := range now {
		if s := sign(t); single(s) {
			out[t] = bySign[s]
			continue
		}
		fresh = append(fresh, t)
	}
	return left, fresh
}

// fingerprint is the same for two objects only when one can be taken for the
// other although its key differs: a chapter that shows the same page, an
// exercise that is the same in everything but its place.
func fingerprint(o *object) string {
	if o.class == classChapter {
		if absent(o.fields["url"]) {
			return ""
		}
		return "chapter\n" + string(canonical(o.fields["url"]))
	}
	same := map[string]any{"": o.class}
	for name, raw := range o.fields {
		switch name {
		case "key", "children", "order":
		default:
			var v any
			if json.Unmarshal(raw, &v) != nil {
				return ""
			}
			same[name] = withoutKey(v, o.place.Key)
		}
	}
	text, err := json.Marshal(same)
	if err != nil {
		return ""
	}
	return string(text)
}

// withoutKey replaces the key in all texts of a value.
func withoutKey(v any, key string) any {
	switch v := v.(type) {
	case string:
		return replaceKey(v, key)
	case []any:
		for i := range v {
			v[i] = withoutKey(v[i], key)
		}
	case map[string]any:
		for name := range v {
			v[name] = withoutKey(v[name], key)
		}
	}
	return v
}
