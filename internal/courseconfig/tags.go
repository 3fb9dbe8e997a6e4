package courseconfig

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
	"coursewright/internal/courseconfig/rst"
)

// cutTag splits the last tag off a key: text|rst|i18n has the tag i18n and the
// name text|rst. What follows a tag's bar is one word.
func cutTag(key string) (name, tag string, ok bool) {
	key = strings.TrimSuffix(key, "\n") // Python's $ takes one line break at the end
	i := strings.LastIndexByte(key, '|')
	if i < 1 || i == len(key)-1 || strings.Contains(key[:i], "\n") {
		return key, "", false
	}
	tag = key[i+1:]
	word := !strings.ContainsFunc(tag, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return key[:i], tag, word
}

// Bounds of one exercise configuration: languages, values over all of them, and
// bytes of different texts under |rst, which take a hundred times their size.
const (
	maxLanguages  = 50
	maxTagged     = 4_000_000
	maxMarkup     = 400_000
	maxTagsPerKey = 20
)

// languageData is an exercise configuration in one language, its tags worked
// in.
type languageData struct {
	language string
	data     *pyvalue.Value
}

// tagger works tags in for one language.
type tagger struct {
	c         *checker
	language  string
	languages []string // those met so far; only added to while the default language is worked on
	collect   bool
	visited   *int              // in all languages
	markup    *int              // bytes converted, in all languages
	html      map[string]string // converted texts, the same in every language
}

// applyTags gives a configuration in every language that it mentions, the
// default one first.
func (c *checker) applyTags(v *pyvalue.Value, language string, at *place) ([]languageData, bool) {
	visited, markup, before := 0, 0, c.failures
	html := map[string]string{}
	first := &tagger{c: c, language: language, languages: []string{language}, collect: true, visited: &visited, markup: &markup, html: html}
	out := []languageData{{language, first.value(v, at)}}
	if c.failures > before {
		return nil, false
	}
	for _, other := range first.languages[1:] {
		t := &tagger{c: c, language: other, visited: &visited, markup: &markup, html: html}
		out = append(out, languageData{other, t.value(v, at)})
		if c.failures > before {
			return nil, false
		}
	}
	return out, true
}

// value gives v with its tags worked in. A value without tags is not copied.
func (t *tagger) value(v *pyvalue.Value, at *place) *pyvalue.Value {
	*t.visited++
	if *t.visited > maxTagged {
		if *t.visited == maxTagged+1 {
			t.c.fail(v, at, fmt.Sprintf("the configuration has more than %d values over all its languages", maxTagged), "split the exercise or use fewer languages")
		}
		return v
	}
	switch v.Kind {
	case pyvalue.Map:
		return t.mapping(v, at)
	case pyvalue.List:
		return t.list(v, at)
	default:
		return v
	}
}

func (t *tagger) list(v *pyvalue.Value, at *place) *pyvalue.Value {
	var out []*pyvalue.Value
	for i, item := range v.Items {
		changed := t.inner(item, func() *place { return at.item(i) })
		if changed != item && out == nil {
			out = slices.Clone(v.Items)
		}
		if out != nil {
			out[i] = changed
		}
	}
	if out == nil {
		return v
	}
	list := *v
	list.Items = out
	return &list
}

// inner works the tags in an item. Only lists and mappings need a place.
func (t *tagger) inner(v *pyvalue.Value, at func() *place) *pyvalue.Value {
	if v.Kind != pyvalue.Map && v.Kind != pyvalue.List {
		*t.visited++
		return v
	}
	return t.value(v, at())
}

func (t *tagger) mapping(v *pyvalue.Value, at *place) *pyvalue.Value {
	tagged := false
	for _, e := range v.Entries {
		if e.Key.Kind != pyvalue.String {
			t.c.fail(e.Key, at, "found "+found(e.Key)+" as a key; keys are texts", "put the key in quotes")
			return v
		}
		tagged = tagged || strings.Contains(e.Key.Str, "|")
	}
	if tagged {
		return t.taggedMapping(v, at)
	}
	var out []pyvalue.Entry
	for i, e := range v.Entries {
		changed := t.inner(e.Value, func() *place { return at.at(e.Key.Str) })
		if changed != e.Value && out == nil {
			out = slices.Clone(v.Entries)
		}
		if out != nil {
			out[i].Value = changed
		}
	}
	if out == nil {
		return v
	}
	mapping := *v
	mapping.Entries = out
	return &mapping
}

// taggedMapping visits the entries by the length of their keys, then by the
// keys: so a tagged key wins over the same key without tag.
func (t *tagger) taggedMapping(v *pyvalue.Value, at *place) *pyvalue.Value {
	entries := slices.Clone(v.Entries)
	slices.SortStableFunc(entries, func(a, b pyvalue.Entry) int { return compareKeys(a.Key.Str, b.Key.Str) })
	m := pyvalue.MapBuilder{Entries: make([]pyvalue.Entry, 0, len(entries))}
	for _, e := range entries {
		name, value := t.untag(e, at)
		value = t.inner(value, func() *place { return at.at(name) })
		m.Put(named(e.Key, name), value)
	}
	out := *v
	out.Entries = m.Entries
	return &out
}

// named gives a key with another name at the same place.
func named(key *pyvalue.Value, name string) *pyvalue.Value {
	if key.Str == name {
		return key
	}
	out := *key
	out.Str = name
	return &out
}

func compareKeys(a, b string) int {
	if n := utf8.RuneCountInString(a) - utf8.RuneCountInString(b); n != 0 {
		return n
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// untag works the tags of one key in, the rightmost first.
func (t *tagger) untag(e pyvalue.Entry, at *place) (string, *pyvalue.Value) {
	name, value := e.Key.Str, e.Value
	for range maxTagsPerKey {
		rest, tag, ok := cutTag(name)
		if !ok {
			return name, value
		}
		there := at.at(name)
		name = rest
		switch tag {
		case "i18n":
			value = t.translated(value, e.Key, there)
		case "rst":
			if _, next, more := cutTag(name); more && next == "i18n" && value.Truthy() {
				t.c.fail(e.Key, there, "found |rst to the right of |i18n; the rightmost tag comes first, and |rst cannot read a mapping of languages", "write "+quote(strings.TrimSuffix(name, "|i18n")+"|rst|i18n"))
				return name, value
			}
			value = t.converted(value, there)
		default:
			t.c.fail(e.Key, there, "found the tag "+quote("|"+tag)+"; allowed are |i18n and |rst", "did you mean "+nearestTag(tag)+"?")
			return name, value
		}
	}
	t.c.fail(e.Key, at, "found a key with too many tags", "one |i18n and one |rst are enough")
	return name, value
}

func nearestTag(word string) string {
	if near := nearest(word, []string{"i18n", "rst"}); near != "" {
		return "|" + near
	}
	return "|i18n"
}

// translated picks the entry of the tagger's language. There is no way back to
// another language: what is missing is null.
func (t *tagger) translated(v, key *pyvalue.Value, at *place) *pyvalue.Value {
	if v.Kind != pyvalue.Map {
		t.c.fail(v, at, "found "+found(v)+" under |i18n; allowed is a mapping from languages to values", "write for example {en: Hello, fi: Hei}, and |rst before |i18n")
		return nothingAt(key)
	}
	odd := false
	for _, e := range v.Entries {
		if e.Key.Kind != pyvalue.String {
			t.c.fail(e.Key, at, "found "+found(e.Key)+" as a language; allowed are texts such as en", "put it in quotes")
			odd = true
			continue
		}
		if !t.collect || slices.Contains(t.languages, e.Key.Str) {
			continue
		}
		if len(t.languages) == maxLanguages {
			t.c.fail(v, at, fmt.Sprintf("the configuration has more than %d languages", maxLanguages), "use fewer")
			return nothingAt(key)
		}
		t.languages = append(t.languages, e.Key.Str)
	}
	if value, ok := v.Get(t.language); ok && !odd {
		return value
	}
	return nothingAt(key)
}

// nothingAt is null at the place of a key. After a problem it keeps what cannot
// be read from being read on.
func nothingAt(key *pyvalue.Value) *pyvalue.Value {
	return &pyvalue.Value{Kind: pyvalue.Null, Pos: key.Pos, File: key.File}
}

// converted turns reStructuredText into HTML.
func (t *tagger) converted(v *pyvalue.Value, at *place) *pyvalue.Value {
	if !v.Truthy() {
		return v
	}
	out := &pyvalue.Value{Kind: pyvalue.String, Pos: v.Pos, File: v.File}
	if v.Kind != pyvalue.String {
		t.c.warn(v, at, "found "+found(v)+" under |rst; allowed is a text", "put it in quotes or remove the tag")
		out.Str = "'" + pythonType(v) + "' object has no attribute 'startswith'" // what courses have got here so far
		return out
	}
	html, ok := t.html[v.Str]
	if !ok {
		if *t.markup += len(v.Str); *t.markup > maxMarkup {
			t.c.fail(v, at, fmt.Sprintf("the texts under |rst have more than %d bytes together", maxMarkup), "split the exercise, or write HTML without the tag")
			return v
		}
		html = rst.HTML(v.Str)
		t.html[v.Str] = html
	}
	out.Str = html
	return out
}

func pythonType(v *pyvalue.Value) string {
	names := map[pyvalue.Kind]string{
		pyvalue.Null: "NoneType", pyvalue.Bool: "bool", pyvalue.Int: "int", pyvalue.Float: "float", pyvalue.Bytes: "bytes",
		pyvalue.Date: "datetime.date", pyvalue.DateTime: "datetime.datetime", pyvalue.List: "list", pyvalue.Map: "dict", pyvalue.Set: "set",
	}
	return names[v.Kind]
}
