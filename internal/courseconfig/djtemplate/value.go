package djtemplate

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// form tells what the kinds of pyvalue cannot: text that is HTML already, and
// the Python sequences that only templates make.
type form uint8

const (
	plain      form = iota
	safe            // Kind String: HTML, not to be escaped again
	safeItems       // Kind List: its texts are safe
	group           // Kind List, a tuple: the (grouper, list) pair of regroup
	groups          // Kind List of groups
	dictItems       // Kind List of tuples: mapping.items
	dictKeys        // Kind List: mapping.keys
	dictValues      // Kind List: mapping.values
)

// val is a value in a template. p is never nil.
type val struct {
	p    *pyvalue.Value
	form form
}

func none() val             { return val{p: &pyvalue.Value{Kind: pyvalue.Null}} }
func boolVal(b bool) val    { return val{p: &pyvalue.Value{Kind: pyvalue.Bool, Bool: b}} }
func intVal(i *big.Int) val { return val{p: &pyvalue.Value{Kind: pyvalue.Int, Int: i}} }
func number(i int) val      { return intVal(big.NewInt(int64(i))) }
func floatVal(f float64) val {
	return val{p: &pyvalue.Value{Kind: pyvalue.Float, Float: f}}
}
func text(s string) val     { return val{p: &pyvalue.Value{Kind: pyvalue.String, Str: s}} }
func safeText(s string) val { return val{p: text(s).p, form: safe} }
func listVal(items []*pyvalue.Value, f form) val {
	return val{p: &pyvalue.Value{Kind: pyvalue.List, Items: items}, form: f}
}

func (v val) is(k pyvalue.Kind) bool { return v.p.Kind == k }
func (v val) isSafe() bool           { return v.form == safe && v.is(pyvalue.String) }

// str is the text of a text, and empty for other kinds.
func (v val) str() string {
	if v.is(pyvalue.String) {
		return v.p.Str
	}
	return ""
}

// item is how an element of v's items is seen.
func (v val) item(p *pyvalue.Value) val {
	switch v.form {
	case safeItems:
		if p.Kind == pyvalue.String {
			return val{p: p, form: safe}
		}
	case groups:
		return val{p: p, form: group}
	default:
	}
	return val{p: p}
}

// indexable tells whether Python would accept v[0]; views of mappings and sets
// have items without numbers.
func (v val) indexable() bool {
	switch v.p.Kind {
	case pyvalue.String, pyvalue.Bytes:
		return true
	case pyvalue.List:
		return v.form != dictItems && v.form != dictKeys && v.form != dictValues
	default:
	}
	return false
}

// index returns element i, counting from 0, or from the end when negative.
func (v val) index(i int) (val, bool) {
	n, ok := v.length()
	if i < 0 {
		i += n
	}
	switch {
	case !ok || !v.indexable() || i < 0 || i >= n:
		return val{}, false
	case v.is(pyvalue.List):
		return v.item(v.p.Items[i]), true
	case v.is(pyvalue.Bytes):
		return number(int(v.p.Str[i])), true
	}
	rest := v.p.Str
	for range i {
		_, rest = firstRune(rest)
	}
	letter, _ := firstRune(rest)
	return text(letter), true
}

// items lists what a loop over v would visit; nil when v is not iterable or is
// empty, see iterable.
func (v val) items() []val {
	var out []val
	switch v.p.Kind {
	case pyvalue.List, pyvalue.Set:
		for _, p := range v.p.Items {
			out = append(out, v.item(p))
		}
	case pyvalue.Map:
		for _, e := range v.p.Entries {
			out = append(out, val{p: e.Key})
		}
	case pyvalue.String:
		for _, r := range v.p.Str {
			out = append(out, text(string(r)))
		}
	case pyvalue.Bytes:
		for i := range len(v.p.Str) {
			out = append(out, number(int(v.p.Str[i])))
		}
	default:
	}
	return out
}

func (v val) iterable() bool {
	_, ok := v.length()
	return ok
}

// length is Python's len.
func (v val) length() (int, bool) {
	switch v.p.Kind {
	case pyvalue.List, pyvalue.Set:
		return len(v.p.Items), true
	case pyvalue.Map:
		return len(v.p.Entries), true
	case pyvalue.String:
		return utf8.RuneCountInString(v.p.Str), true
	case pyvalue.Bytes:
		return len(v.p.Str), true
	default:
	}
	return 0, false
}

func (v val) truthy() bool {
	switch v.p.Kind {
	case pyvalue.Null:
		return false
	case pyvalue.Bool:
		return v.p.Bool
	case pyvalue.Int:
		return v.p.Int.Sign() != 0
	case pyvalue.Float:
		return v.p.Float != 0
	case pyvalue.String, pyvalue.Bytes:
		return v.p.Str != ""
	default:
	}
	n, ok := v.length()
	return !ok || n > 0
}

// member is what a dot after v gives: a key of a mapping, then an attribute or
// method, then an index.
func (v val) member(name string) (val, bool) {
	if v.is(pyvalue.Map) {
		if p, ok := mapGet(v.p, name); ok {
			return val{p: p}, true
		}
	}
	if out, ok := v.attribute(name); ok {
		return out, true
	}
	i, ok := parseInt(name)
	if !ok || !i.IsInt64() {
		return val{}, false
	}
	if v.is(pyvalue.Map) {
		for _, e := range v.p.Entries {
			if equal(val{p: e.Key}, intVal(i)) {
				return val{p: e.Value}, true
			}
		}
		return val{}, false
	}
	return v.index(int(i.Int64()))
}

func mapGet(m *pyvalue.Value, key string) (*pyvalue.Value, bool) {
	for _, e := range m.Entries {
		if e.Key.Kind == pyvalue.String && e.Key.Str == key {
			return e.Value, true
		}
	}
	return nil, false
}

// attribute gives the attributes, and the methods without arguments, that
// templates have a use for.
func (v val) attribute(name string) (val, bool) {
	switch {
	case v.is(pyvalue.Map):
		return mapView(v.p, name)
	case v.is(pyvalue.String):
		return textMethod(v.p.Str, name)
	case v.is(pyvalue.Date) || v.is(pyvalue.DateTime):
		return dateAttribute(v.p, name)
	case v.form == group && (name == "grouper" || name == "list"):
		return val{p: v.p.Items[map[string]int{"grouper": 0, "list": 1}[name]]}, true
	}
	return val{}, false
}

func mapView(m *pyvalue.Value, name string) (val, bool) {
	forms := map[string]form{"items": dictItems, "keys": dictKeys, "values": dictValues}
	f, ok := forms[name]
	if !ok {
		return val{}, false
	}
	items := make([]*pyvalue.Value, len(m.Entries))
	for i, e := range m.Entries {
		switch f {
		case dictItems:
			items[i] = pair(e.Key, e.Value)
		case dictKeys:
			items[i] = e.Key
		default:
			items[i] = e.Value
		}
	}
	return listVal(items, f), true
}

// pair is a tuple of two.
func pair(a, b *pyvalue.Value) *pyvalue.Value {
	return &pyvalue.Value{Kind: pyvalue.List, Tuple: true, Items: []*pyvalue.Value{a, b}}
}

func dateAttribute(p *pyvalue.Value, name string) (val, bool) {
	t := p.Time
	switch name {
	case "year":
		return number(t.Year()), true
	case "month":
		return number(int(t.Month())), true
	case "day":
		return number(t.Day()), true
	case "weekday":
		return number((int(t.Weekday()) + 6) % 7), true
	case "isoweekday":
		return number((int(t.Weekday())+6)%7 + 1), true
	case "isoformat":
		if p.Kind == pyvalue.Date {
			return text(t.Format(time.DateOnly)), true
		}
		return text(isoFormat(p)), true
	}
	if p.Kind == pyvalue.DateTime {
		switch name {
		case "hour":
			return number(t.Hour()), true
		case "minute":
			return number(t.Minute()), true
		case "second":
			return number(t.Second()), true
		case "microsecond":
			return number(t.Nanosecond() / 1000), true
		case "date":
			day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
			return val{p: &pyvalue.Value{Kind: pyvalue.Date, Time: day}}, true
		}
	}
	return val{}, false
}

// What Python's int refuses: kinds that are no numbers, text that shows no
// number, and infinity. Filters forgive some of these.
var (
	errNotNumber = errors.New("not a whole number")
	errMisspelt  = fmt.Errorf("%w", errNotNumber)
	errInfinite  = errors.New("infinity is not a whole number")
)

func isMisspelt(err error) bool { return errors.Is(err, errMisspelt) }

// toInt is Python's int of a value.
func toInt(v val) (*big.Int, error) {
	switch v.p.Kind {
	case pyvalue.Int:
		return v.p.Int, nil
	case pyvalue.Bool:
		if v.p.Bool {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	case pyvalue.Float:
		if math.IsInf(v.p.Float, 0) {
			return nil, errInfinite
		}
		if math.IsNaN(v.p.Float) {
			return nil, fmt.Errorf("nan: %w", errMisspelt)
		}
		i, _ := big.NewFloat(v.p.Float).Int(nil)
		return i, nil
	case pyvalue.String, pyvalue.Bytes:
		if i, ok := parseInt(v.p.Str); ok {
			return i, nil
		}
		return nil, fmt.Errorf("%s: %w", excerpt(v), errMisspelt)
	default:
	}
	return nil, fmt.Errorf("%s: %w", excerpt(v), errNotNumber)
}

// toSmallInt is toInt for sizes and positions, which are never large.
func toSmallInt(v val) (int, error) {
	i, err := toInt(v)
	if err != nil {
		return 0, err
	}
	if !i.IsInt64() || i.Int64() > maxOutput || i.Int64() < -maxOutput {
		return 0, fmt.Errorf("%s is beyond the limit of %d", shorten(i.String()), maxOutput)
	}
	return int(i.Int64()), nil
}

// toFloat is Python's float of a value.
func toFloat(v val) (float64, bool) {
	switch v.p.Kind {
	case pyvalue.Float:
		return v.p.Float, true
	case pyvalue.Int, pyvalue.Bool:
		i, err := toInt(v)
		if err != nil {
			return 0, false
		}
		f, _ := new(big.Float).SetInt(i).Float64()
		return f, !math.IsInf(f, 0)
	case pyvalue.String:
		return parseFloat(v.p.Str)
	default:
	}
	return 0, false
}

// excerpt shows a value in a message. A large one is not written out for that.
func excerpt(v val) string {
	const most = 1000
	if partsOf(v.p, most) == most {
		return "a value with more than 1000 parts"
	}
	return shorten(pyrepr(v))
}

// shorten keeps quoted values in messages readable.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
