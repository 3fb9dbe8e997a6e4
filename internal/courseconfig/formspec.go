package courseconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// form builds form_spec and form_i18n, which tell A+ the fields of a form and
// its texts in every language.
type form struct {
	c         *checker
	languages []string
	spec      []any
	i18n      pairs
	keys      map[string]int // of i18n: how often each was wanted, so how long the next one becomes
	empty     *pyvalue.Value // text for what is missing
	number    int            // of the next field
	stopped   bool           // after too many repetitions
}

// The kinds of exercise whose forms are known.
const (
	viewForm         = "access.types.stdsync.createForm"
	viewPost         = "access.types.stdasync.acceptPost"
	viewFiles        = "access.types.stdasync.acceptFiles"
	viewNoSubmission = "access.types.stdsync.noSubmission"
)

// misspelt is what gitmanager has always called required in forms of texts; A+
// knows it by this name.
const misspelt = "requred" //nolint:misspell // see above

// formOf describes the form of an exercise.
func (c *checker) formOf(e *exerciseConfig) (spec []any, i18n pairs) {
	f := &form{c: c, spec: []any{}, i18n: pairs{}, keys: map[string]int{}, empty: pyvalue.NewString("")}
	roots := make([]*pyvalue.Value, 0, len(e.languages))
	for _, l := range e.languages {
		f.languages = append(f.languages, l.language)
		roots = append(roots, l.data)
	}
	switch viewType(e) {
	case viewForm:
		f.each(roots, "fieldgroups", nil, func(group []*pyvalue.Value, at *place) {
			f.each(group, "fields", at, f.field)
		})
	case viewPost:
		f.each(roots, "fields", nil, func(field []*pyvalue.Value, at *place) {
			f.simple(field, pair{"key", f.need(field, "name", at)}, "textarea", "title", pair{misspelt, orDefault(field[0], "required", false)})
		})
	case viewFiles:
		f.each(roots, "files", nil, func(file []*pyvalue.Value, at *place) {
			f.simple(file, pair{"key", f.need(file, "field", at)}, "file", "name", pair{"required", orDefault(file[0], "required", true)})
		})
	}
	return f.spec, f.i18n
}

func viewType(e *exerciseConfig) string {
	v, _ := e.first().Get("view_type")
	if v == nil || v.Kind != pyvalue.String {
		return ""
	}
	return v.Str
}

// simple adds the field of a form that has only texts or files.
func (f *form) simple(values []*pyvalue.Value, key pair, typ, title string, required pair) {
	if !f.c.hold(8*pairBytes, values[0], nil) {
		f.stopped = true
		return
	}
	f.spec = append(f.spec, pairs{key, {"type", typ}, {"title", f.translate(f.texts(values, title))}, required})
}

// need gives a key of the default language's field; without it A+ cannot tell
// the field from others.
func (f *form) need(values []*pyvalue.Value, key string, at *place) any {
	if v, ok := values[0].Get(key); ok {
		return v
	}
	f.c.warn(values[0], at, "the field has no "+key, "add it")
	return null{}
}

// each walks the lists under a key of all languages side by side. Shorter lists
// are filled up with empty mappings.
func (f *form) each(parents []*pyvalue.Value, key string, at *place, visit func(values []*pyvalue.Value, at *place)) {
	at = at.at(key)
	lists := make([][]*pyvalue.Value, len(parents))
	longest := 0
	var none *pyvalue.Value // made for the first list that is too short
	for i, parent := range parents {
		v, ok := parent.Get(key)
		if !ok {
			continue
		}
		if lists[i], ok = iterate(v); !ok {
			f.c.fail(v, at, "found "+found(v)+"; allowed is a list of mappings", "write [] for an empty list")
			return
		}
		longest = max(longest, len(lists[i]))
	}
	for n := range longest {
		if f.stopped {
			return
		}
		values, good := make([]*pyvalue.Value, len(parents)), true
		if !f.c.step(1+len(parents), parents[0], at.item(n)) {
			f.stopped = true
			return
		}
		for i, list := range lists {
			if n < len(list) {
				values[i] = list[n]
			} else {
				if none == nil {
					none = pyvalue.NewMap()
				}
				values[i] = none
			}
			if key == "rows" && !holdsWords(values[i], "key", "label") {
				f.c.warn(values[i], at.item(n), "found "+found(values[i])+" as a row; allowed is a mapping with key and label", "write for example {key: first, label: First}")
				values[i] = pyvalue.NewMap()
			}
			if values[i].Kind != pyvalue.Map {
				f.c.fail(values[i], at.item(n), "found "+found(values[i])+"; allowed is a mapping with "+partsOf(key), "")
				good = false
			}
		}
		if good {
			visit(values, at.item(n))
		}
	}
}

// partsOf says what stands in each item of a list of a form.
func partsOf(list string) string {
	switch list {
	case "fieldgroups":
		return "fields"
	case "rows":
		return "key and label"
	case "options":
		return "value and label"
	case "files":
		return "field and name"
	default:
		return "the keys of a field, such as type and title"
	}
}

// holdsWords says whether Python finds one of some words in a value, or fails to
// look for them; a text or a list without them passes as an empty row.
func holdsWords(v *pyvalue.Value, words ...string) bool {
	switch v.Kind {
	case pyvalue.String:
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(v.Str, w) })
	case pyvalue.List, pyvalue.Set:
		return slices.ContainsFunc(v.Items, func(item *pyvalue.Value) bool {
			return item.Kind == pyvalue.String && slices.Contains(words, item.Str)
		})
	default:
		return true
	}
}

// field adds one field of a form, or one per row of a table.
func (f *form) field(values []*pyvalue.Value, at *place) {
	typ := orDefault(values[0], "type", null{})
	name, _ := typ.(*pyvalue.Value)
	if name == nil || name.Kind != pyvalue.String || name.Str != "table-radio" && name.Str != "table-checkbox" {
		f.add(values, values[0], typ, f.texts(values, "title"), at)
		f.number++
		return
	}
	typ = strings.TrimPrefix(name.Str, "table-")
	f.each(values, "rows", at, func(rows []*pyvalue.Value, there *place) {
		keyed := values[0] // a row without a key has the field's
		if _, ok := rows[0].Get("key"); ok {
			keyed = rows[0]
		}
		f.add(values, keyed, typ, f.rowTitles(values, rows), there)
		f.number++
		if _, ok := values[0].Get("more_text"); ok {
			f.spec = append(f.spec, pairs{
				{"key", fieldName(keyed, f.number) + "_more"},
				{"type", "text"},
				{"title", f.translate(f.texts(values, "more_text"))},
				{"required", false},
			})
			f.number++
		}
	})
}

// add adds a field; key is taken from keyed.
func (f *form) add(values []*pyvalue.Value, keyed *pyvalue.Value, typ any, titles []*pyvalue.Value, at *place) {
	d := values[0]
	if !f.c.hold(8*pairBytes, d, at) {
		f.stopped = true
		return
	}
	out := pairs{{"key", orDefault(keyed, "key", numbered(f.number))}, {"type", typ}, {"title", f.translate(titles)}, {"required", orDefault(d, "required", false)}}
	if v, ok := d.Get("compare_method"); ok {
		switch parts := strings.Split(v.Str, "-"); {
		case v.Kind != pyvalue.String:
			f.c.fail(v, at.at("compare_method"), "found "+found(v)+"; allowed is a text", "")
		case slices.Contains(parts, "int") || slices.Contains(parts, "float"):
			out.set("type", "number")
		}
	}
	if _, ok := d.Get("more"); ok {
		out.set("description", f.translate(f.texts(values, "more")))
	}
	if _, ok := d.Get("options"); ok {
		f.options(&out, values, at)
	}
	if v, ok := d.Get("extra_info"); ok {
		f.extra(&out, v, values, at)
	}
	if v, ok := out.get("class"); ok {
		out = slices.DeleteFunc(out, func(p pair) bool { return p.key == "class" })
		out.set("htmlClass", v)
	}
	f.spec = append(f.spec, out)
}

// options adds the choices of a field.
func (f *form) options(out *pairs, values []*pyvalue.Value, at *place) {
	var titles pyvalue.MapBuilder
	enum := []any{}
	f.each(values, "options", at, func(option []*pyvalue.Value, there *place) {
		v, ok := option[0].Get("value")
		if !ok {
			v = pyvalue.NewString(fmt.Sprintf("option_%d", len(enum)))
		}
		if !f.c.hold(2*valueBytes+pairBytes, option[0], there) {
			f.stopped = true
			return
		}
		title := pyvalue.NewString(f.translate(f.texts(option, "label")))
		enum = append(enum, v)
		if !pyvalue.Hashable(v) {
			f.c.fail(v, there.at("value"), "found "+found(v)+"; allowed is a text or a number", "")
			return
		}
		titles.Put(v, title)
	})
	out.set("titleMap", &pyvalue.Value{Kind: pyvalue.Map, Entries: titles.Entries})
	out.set("enum", enum)
}

// extra adds the attributes that a field has beside the known ones.
func (f *form) extra(out *pairs, v *pyvalue.Value, values []*pyvalue.Value, at *place) {
	info, ok := asMapping(v)
	if !ok {
		f.c.fail(v, at.at("extra_info"), "found "+found(v)+"; allowed is a mapping of attributes to values", "")
		return
	}
	if !f.c.hold(pairBytes*len(info.Entries), v, at) {
		f.stopped = true
		return
	}
	known := len(*out)
	set := func(key string, value any) {
		first := (*out)[:known:known]
		if first.has(key) {
			first.set(key, value)
		} else {
			*out = append(*out, pair{key, value}) // the keys of extra_info differ from each other
		}
	}
	for _, e := range info.Entries {
		if e.Key.Str != "validationMessage" {
			set(e.Key.Str, e.Value)
			continue
		}
		infos := make([]*pyvalue.Value, len(values))
		for i, field := range values {
			infos[i] = pyvalue.NewMap()
			if info, ok := field.Get("extra_info"); ok {
				infos[i] = info
			}
		}
		set(e.Key.Str, f.translate(f.texts(infos, e.Key.Str)))
	}
}

// translate registers a text in every language and gives its key. Repeated
// texts get keys of their own, as A+ has always been told.
func (f *form) translate(values []*pyvalue.Value) string {
	if !slices.ContainsFunc(values, func(v *pyvalue.Value) bool { return v.Kind != pyvalue.String || v.Str != "" }) {
		return ""
	}
	key := f.written(values[0])
	if slices.ContainsFunc(values[1:], func(v *pyvalue.Value) bool { return v.Kind == pyvalue.String && v.Str == key }) {
		key = "i18n_" + strings.Join(strings.FieldsFunc(key, pyvalue.IsSpace), "_")
	}
	key, ok := f.free(key, values[0])
	if !ok {
		return ""
	}
	byLanguage := make(pairs, len(values))
	for i, v := range values {
		byLanguage[i] = pair{f.languages[i], v}
	}
	f.i18n = append(f.i18n, pair{key, byLanguage})
	return key
}

// free gives a key that no text has yet: the one that is wanted, with _duplicate
// as often as needed behind it.
func (f *form) free(key string, v *pyvalue.Value) (string, bool) {
	wanted := key
	if n := f.keys[wanted]; n > 0 {
		key += strings.Repeat("_duplicate", n)
	}
	for f.keys[key] > 0 {
		key += "_duplicate" // a text that ends so itself
		f.keys[wanted]++
	}
	if f.keys[wanted] > maxDuplicates {
		f.tooMany(v)
	}
	if !f.stopped && !f.c.hold(2*len(key)+(pairBytes+entryBytes)*(len(f.languages)+2), v, nil) {
		f.stopped = true
	}
	if f.stopped {
		return "", false
	}
	f.keys[key]++
	if key != wanted {
		f.keys[wanted]++
	}
	return key, true
}

// written gives a value as Python writes it, mappings in the order in which tags
// are worked in.
func (f *form) written(v *pyvalue.Value) string {
	if len(v.Items)+len(v.Entries) == 0 {
		return pyvalue.PyStr(v)
	}
	if !f.c.hold(valueBytes*countBelow(v, map[*pyvalue.Value]int{}), v, nil) {
		f.stopped = true
		return ""
	}
	return pyvalue.PyStr(ordered(v))
}

// maxDuplicates bounds how often one text may come in a form: every repetition
// makes its key longer.
const maxDuplicates = 500

func (f *form) tooMany(v *pyvalue.Value) {
	if !f.stopped {
		f.c.fail(v, nil, fmt.Sprintf("the form repeats the text %s more than %d times", quote(pyvalue.PyStr(v)), maxDuplicates), "split the exercise")
	}
	f.stopped = true
}

// texts gives the values under a key, "" where it is missing.
func (f *form) texts(values []*pyvalue.Value, key string) []*pyvalue.Value {
	out := make([]*pyvalue.Value, len(values))
	for i, v := range values {
		value, ok := v.Get(key)
		if !ok {
			value = f.empty
		}
		out[i] = value
	}
	return out
}

// rowTitles gives the titles of a table's row: the field's and the row's.
func (f *form) rowTitles(fields, rows []*pyvalue.Value) []*pyvalue.Value {
	out := f.texts(fields, "title")
	for i := range out {
		label, ok := rows[i].Get("label")
		if !ok {
			continue
		}
		title := plainText(out[i])
		if !f.c.hold(valueBytes+len(title), rows[i], nil) {
			f.stopped = true
			return out
		}
		out[i] = pyvalue.NewString(title + ": " + plainText(label))
	}
	return out
}

func plainText(v *pyvalue.Value) string {
	if v.Kind == pyvalue.Null {
		return ""
	}
	return pyvalue.PyStr(v)
}

func fieldName(keyed *pyvalue.Value, number int) string {
	if v, ok := keyed.Get("key"); ok {
		return pyvalue.PyStr(v)
	}
	return numbered(number)
}

func numbered(number int) string { return "field_" + strconv.Itoa(number) }

// orDefault gives a value under a key, or something else where it is missing.
func orDefault(v *pyvalue.Value, key string, missing any) any {
	if value, ok := v.Get(key); ok {
		return value
	}
	return missing
}
