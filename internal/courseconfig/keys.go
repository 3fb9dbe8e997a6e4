package courseconfig

import (
	"maps"
	"slices"
	"strings"
)

// unknownKeys reports keys that the model does not have.
func (c *checker) unknownKeys(m *model, entries []entry, meant map[string]guess, at *place) {
	for i := range entries {
		e := &entries[i]
		switch {
		case m.names(e.name) || slices.Contains(m.known, e.name):
		case isMeant(meant, e): // told as the key that is missing
		case m.strict && c.full():
			c.failures++
		case !m.strict && c.fullOfWarnings():
			c.warned++
		case m.strict:
			c.fail(e.key, at.at(e.name), "the key "+quote(e.name)+" is unknown in "+m.noun+"; allowed are "+m.listed(), c.unknownHint(m, e.name))
		default:
			c.warn(e.key, at.at(e.name), "the key "+quote(e.name)+" is unknown in "+m.noun+" and is ignored", c.unknownHint(m, e.name))
		}
	}
}

func isMeant(meant map[string]guess, e *entry) bool {
	for _, other := range meant {
		if other.entry == e {
			return true
		}
	}
	return false
}

// guess is an unknown key and what it was probably meant to be.
type guess struct {
	entry *entry
	word  string // a key or its other name
}

// maxGuesses bounds how many unknown keys of one mapping are compared with what
// they might be meant to be, where that is not yet to be told.
const maxGuesses = 10

// misspelt finds keys that were probably meant to be required ones that are
// missing, by the name of the required one.
func (c *checker) misspelt(m *model, entries []entry) map[string]guess {
	var missing []*field
	for i := range m.fields {
		f := &m.fields[i]
		if f.required && lookup(entries, f.name) == nil && (f.alias == "" || lookup(entries, f.alias) == nil) {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 || c.full() {
		return nil
	}
	out := map[string]guess{}
	guesses := 0
	for i := range entries {
		e := &entries[i]
		if m.names(e.name) || slices.Contains(m.known, e.name) {
			continue
		}
		if guesses++; guesses > maxGuesses {
			break
		}
		near := nearest(untagged(e.name), m.words())
		if key, ok := m.synonyms()[near]; ok {
			near = key
		}
		for _, f := range missing {
			if near != "" && (near == f.name || near == f.alias) && out[f.name].entry == nil {
				out[f.name] = guess{e, near}
				break
			}
		}
	}
	return out
}

// words are all that a key of the model may be called or is often called.
func (m *model) words() []string {
	out := slices.Concat(m.keys(), m.known, slices.Sorted(maps.Keys(m.synonyms())))
	for _, f := range m.fields {
		if f.alias != "" {
			out = append(out, f.alias)
		}
	}
	return out
}

// names says whether a key is a field or its other name.
func (m *model) names(key string) bool {
	return slices.ContainsFunc(m.fields, func(f field) bool { return f.name == key || f.alias == key && key != "" })
}

func (m *model) keys() []string {
	out := make([]string, 0, len(m.fields))
	for _, f := range m.fields {
		out = append(out, f.name)
	}
	return out
}

// listed names the keys for a message, with their other names.
func (m *model) listed() string {
	out := m.keys()
	for i, f := range m.fields {
		if f.alias != "" {
			out[i] += " (or " + f.alias + ")"
		}
	}
	return strings.Join(out, ", ")
}

// untagged is a key without tags, which only exercise configurations may have.
func untagged(key string) string {
	for range maxTagsPerKey {
		name, _, ok := cutTag(key)
		if !ok {
			break
		}
		key = name
	}
	return key
}

func tagHint(name string) string {
	return "tags such as |i18n are for exercise configurations; here write " + name + ": {en: …, fi: …}"
}

// hint says what a guess was meant to be.
func (g guess) hint() string {
	if untagged(g.entry.name) == g.word {
		return tagHint(g.word)
	}
	return "did you mean " + g.word + "?"
}

// unknownHint says what an unknown key may have been meant to be.
func (c *checker) unknownHint(m *model, key string) string {
	others := m.synonyms()
	if other, ok := others[key]; ok {
		return "did you mean " + other + "?"
	}
	if name := untagged(key); name != key && m.names(name) {
		return tagHint(name)
	}
	near := nearest(key, m.words())
	if other, ok := others[near]; ok && other == "children" {
		return "did you mean " + near + "? They stand under " + other
	} else if ok {
		return "did you mean " + other + "?"
	}
	if near != "" {
		return "did you mean " + near + "?"
	}
	if key == "type" {
		return "there is no exercise type of that name in exercise_types"
	}
	if other, owner := c.models.owners(m, key); owner != "" {
		if other == key {
			return "it belongs to " + owner
		}
		return "did you mean " + other + "? It belongs to " + owner
	}
	if m.strict {
		return "remove it, or begin its name with an underscore to keep it as a note"
	}
	return ""
}

// synonyms are words that teachers try for keys of a model.
func (m *model) synonyms() map[string]string {
	out := map[string]string{"exercises": "children", "chapters": "children", "points": "max_points", "submissions": "max_submissions", "content": "static_content", "file": "config", "title": "name"}
	for word, key := range out {
		if m.find(key) < 0 || m.names(word) {
			delete(out, word)
		}
	}
	return out
}
