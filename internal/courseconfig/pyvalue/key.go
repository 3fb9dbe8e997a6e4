package pyvalue

import (
	"math"
	"math/big"
	"strconv"
)

// hashable tells whether Python takes a value as key.
func hashable(v *Value) bool {
	return v.Kind != List && v.Kind != Map && v.Kind != Set
}

// keyID gives a text that is equal for keys that Python holds equal, such as
// 1, 1.0 and True.
func keyID(v *Value) string {
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

// floatID is keyID for floats. NaN equals nothing but the very same object;
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

// mapBuilder collects entries as a Python dict does: a repeated key keeps its
// place and its first form, and takes the last value.
type mapBuilder struct {
	entries []Entry
	index   map[string]int
}

func newMapBuilder(size int) *mapBuilder {
	return &mapBuilder{entries: make([]Entry, 0, size), index: make(map[string]int, size)}
}

func (m *mapBuilder) put(key, value *Value) {
	id := keyID(key)
	if i, ok := m.index[id]; ok {
		m.entries[i].Value = value
		return
	}
	m.index[id] = len(m.entries)
	m.entries = append(m.entries, Entry{Key: key, Value: value})
}
