package pyvalue

import (
	"math"
	"math/big"
	"strconv"
)

// Hashable tells whether Python takes a value as key of a mapping.
func Hashable(v *Value) bool {
	return v.Kind != List && v.Kind != Map && v.Kind != Set
}

// KeyID gives a text that is equal for keys that Python holds equal, such as
// 1, 1.0 and True.
func KeyID(v *Value) string {
	switch v.Kind {
	case Bool:
		if v.Bool {
			return "n1"
		}
		return "n0"
	case Int:
		return "n" + v.Int.Text(16)
	case Float:
		return floatID(v)
	case String:
		return "s" + v.Str
	case Bytes:
		return "b" + v.Str
	case Date:
		return "d" + strconv.FormatInt(v.Time.Unix(), 10)
	case DateTime:
		zone := "t"
		if v.Naive {
			zone = "T"
		}
		return zone + strconv.FormatInt(v.Time.Unix(), 10) + "." + strconv.Itoa(v.Time.Nanosecond())
	default:
		return ""
	}
}

// floatID is KeyID for floats. NaN equals nothing but the very same object;
// PyYAML gives one object for every .nan.
func floatID(v *Value) string {
	switch {
	case math.IsNaN(v.Float):
		return "f nan"
	case math.IsInf(v.Float, 0) || v.Float != math.Trunc(v.Float):
		return "f" + strconv.FormatFloat(v.Float, 'g', -1, 64)
	}
	i, _ := big.NewFloat(v.Float).Int(nil)
	return "n" + i.Text(16)
}

// MapBuilder collects entries as a Python dict does. The zero value is ready.
type MapBuilder struct {
	Entries []Entry        // in order; to be read, and changed only in their values
	index   map[string]int // by KeyID, as soon as there are many
}

// manyEntries is from how many entries on an index finds a key faster than a
// look at each.
const manyEntries = 8

// Find gives the index of a key's entry, -1 when there is none.
func (m *MapBuilder) Find(key *Value) int {
	if m.index != nil {
		if i, ok := m.index[KeyID(key)]; ok {
			return i
		}
		return -1
	}
	for i := range m.Entries {
		if sameKey(m.Entries[i].Key, key) {
			return i
		}
	}
	return -1
}

// Put sets a key. A repeated one keeps its place and its first form, and takes
// the last value.
func (m *MapBuilder) Put(key, value *Value) {
	if i := m.Find(key); i >= 0 {
		m.Entries[i].Value = value
		return
	}
	m.Entries = append(m.Entries, Entry{Key: key, Value: value})
	switch n := len(m.Entries); {
	case m.index != nil:
		m.index[KeyID(key)] = n - 1
	case n > manyEntries:
		m.index = make(map[string]int, max(2*n, cap(m.Entries)))
		for i, e := range m.Entries {
			m.index[KeyID(e.Key)] = i
		}
	}
}

// sameKey tells whether Python holds two keys equal.
func sameKey(a, b *Value) bool {
	if a.Kind == String || b.Kind == String {
		return a.Kind == b.Kind && a.Str == b.Str
	}
	return KeyID(a) == KeyID(b)
}
