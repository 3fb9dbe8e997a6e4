package courseconfig

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
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

// Bounds of one exercise configuration: languages, and bytes of different texts
// under |rst, which take a hundred times their size.
const (
	maxLanguages  = 50
	maxMarkup     = 400_000
	maxTagsPerKey = 20
)

// languageData is an exercise configuration in one language, its tags worked
// in.
type languageData struct {
	language string
	data     *pyvalue.Value
}

// tagged keeps what is the same wherever a value is used again: in other
// languages, and in other configurations that include the same file.
type tagged struct {
	html   map[string]string                  // of texts
	values map[*pyvalue.Value]*pyvalue.Value  // converted
	names  map[*pyvalue.Value]*pyvalue.Value  // keys without tags
	shared map[*pyvalue.Value]bool            // values of included files
	done   map[inLanguage]localized           // of shared values
	sorted map[*pyvalue.Value][]pyvalue.Entry // of mappings with tags
}

func newTagged() tagged {
	return tagged{
		html: map[string]string{}, values: map[*pyvalue.Value]*pyvalue.Value{}, names: map[*pyvalue.Value]*pyvalue.Value{},
		shared: map[*pyvalue.Value]bool{}, done: map[inLanguage]localized{}, sorted: map[*pyvalue.Value][]pyvalue.Entry{},
	}
}

// inLanguage is a value that is worked on for a language.
type inLanguage struct {
	value    *pyvalue.Value
	language string
}

// localized is what a value becomes in a language, and the languages it mentions.
type localized struct {
	value     *pyvalue.Value
	languages []string
}

// tagger works tags in for one language.
type tagger struct {
	c         *checker
	language  string
	languages []string // those met so far; only added to while the default language is worked on
	collect   bool
	markup    *int // bytes converted, in all languages
}

// applyTags gives a configuration in every language that it mentions, the
// default one first.
func (c *checker) applyTags(v *pyvalue.Value, language string, at *place) ([]languageData, bool) {
	if c.tagged.html == nil {
		c.tagged = newTagged()
	}
	markup, before := 0, c.failures
	first := &tagger{c: c, language: language, languages: []string{language}, collect: true, markup: &markup}
	out := []languageData{{language, first.value(v, at)}}
	if c.failures > before || c.stopped {
		return nil, false
	}
	for _, other := range first.languages[1:] {
		t := &tagger{c: c, language: other, markup: &markup}
		out = append(out, languageData{other, t.value(v, at)})
		if c.failures > before || c.stopped {
			return nil, false
		}
	}
	return out, true
}

// value gives v with its tags worked in. A value without tags is not copied,
// and one of an included file is worked on only once in a language.
func (t *tagger) value(v *pyvalue.Value, at *place) *pyvalue.Value {
	if !t.c.tagged.shared[v] {
		return t.own(v, at)
	}
	key := inLanguage{v, t.language}
	done, ok := t.c.tagged.done[key]
	if !ok {
		inner := *t
		inner.languages = nil
		before := t.c.failures
		done = localized{inner.own(v, at), inner.languages}
		if t.c.failures == before {
			t.c.tagged.done[key] = done
		}
	}
	for _, language := range done.languages {
		t.mention(language, v, at)
	}
	return done.value
}

// mention adds a language to those of the configuration.
func (t *tagger) mention(language string, v *pyvalue.Value, at *place) bool {
	if !t.collect || slices.Contains(t.languages, language) {
		return true
	}
	if len(t.languages) == maxLanguages {
		t.c.fail(v, at, fmt.Sprintf("the configuration has more than %d languages", maxLanguages), "use fewer")
		return false
	}
	t.languages = append(t.languages, language)
	return true
}

func (t *tagger) own(v *pyvalue.Value, at *place) *pyvalue.Value {
	if !t.c.step(1+len(v.Items)+len(v.Entries), v, at) {
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
			if !t.c.hold(valueBytes+entryBytes*len(v.Items), v, at) {
				return v
			}
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
			if !t.c.hold(valueBytes+entryBytes*len(v.Entries), v, at) {
				return v
			}
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
	const costTag = 20 // steps
	if !t.c.hold(valueBytes+2*entryBytes*len(v.Entries), v, at) || !t.c.step(costTag*len(v.Entries), v, at) {
		return v
	}
	entries, known := t.c.tagged.sorted[v]
	if !known {
		entries = slices.Clone(v.Entries)
		slices.SortStableFunc(entries, func(a, b pyvalue.Entry) int { return compareKeys(a.Key.Str, b.Key.Str) })
		t.c.tagged.sorted[v] = entries
	}
	m := pyvalue.MapBuilder{Entries: make([]pyvalue.Entry, 0, len(entries))}
	for _, e := range entries {
		name, value := t.untag(e, at)
		value = t.inner(value, func() *place { return at.at(name) })
		m.Put(t.named(e.Key, name), value)
		if t.c.stopped || t.c.overTold {
			return v
		}
	}
	out := *v
	out.Entries = m.Entries
	return &out
}

// ordered gives a value with its mappings in the order in which tags are worked
// in. Where a mapping is written out or walked as a list, the order shows.
func ordered(v *pyvalue.Value) *pyvalue.Value {
	if len(v.Items) == 0 && len(v.Entries) == 0 {
		return v
	}
	out := *v
	out.Items, out.Entries = slices.Clone(v.Items), slices.Clone(v.Entries)
	for i, item := range out.Items {
		out.Items[i] = ordered(item)
	}
	for i, e := range out.Entries {
		out.Entries[i].Value = ordered(e.Value)
	}
	slices.SortStableFunc(out.Entries, func(a, b pyvalue.Entry) int { return compareKeys(a.Key.Str, b.Key.Str) })
	return &out
}

// named gives a key with another name at the same place.
func (t *tagger) named(key *pyvalue.Value, name string) *pyvalue.Value {
	if key.Str == name {
		return key
	}
	if out, ok := t.c.tagged.names[key]; ok {
		return out
	}
	out := *key
	out.Str = name
	t.c.tagged.names[key] = &out
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
		if !t.mention(e.Key.Str, v, at) {
			return nothingAt(key)
		}
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
	if out, ok := t.c.tagged.values[v]; ok {
		return out
	}
	out := &pyvalue.Value{Kind: pyvalue.String, Pos: v.Pos, File: v.File}
	if v.Kind != pyvalue.String {
		t.c.warn(v, at, "found "+found(v)+" under |rst; allowed is a text", "put it in quotes or remove the tag")
		out.Str = "'" + pythonType(v) + "' object has no attribute 'startswith'" // what courses have got here so far
		return out
	}
	html, ok := t.c.tagged.html[v.Str]
	if !ok {
		before := *t.markup
		if *t.markup += markupOf(v.Str); *t.markup > maxMarkup {
			if before <= maxMarkup {
				t.c.fail(v, at, fmt.Sprintf("the texts under |rst have more than %d bytes together, each line counted as 20 more", maxMarkup), "split the exercise, or write HTML without the tag")
			}
			return v
		}
		if !t.c.convertible(v, at) {
			return v
		}
		html = t.c.html(v, at)
		if !t.c.hold(len(html), v, at) {
			return v
		}
		t.c.tagged.html[v.Str] = html
	}
	if !t.c.hold(valueBytes, v, at) {
		return v
	}
	t.c.tagged.values[v] = out
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
