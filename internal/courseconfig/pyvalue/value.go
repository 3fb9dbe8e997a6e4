// Package pyvalue reads YAML as PyYAML's safe_load does (YAML 1.1) and JSON as
// Python's json module does, keeps the place of every value, and bounds depth,
// size and alias expansion. It knows nothing of courses. Start at ReadYAML and
// ReadJSON.
package pyvalue

import (
	"math/big"
	"time"
)

// Kind is the Python type a value would have.
type Kind uint8

// The kinds of value.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Bytes
	Date     // a day without a time
	DateTime // with or without zone, see Value.Naive
	List
	Map
	Set
)

// Pos is a place in a file. Both count from 1; Column counts characters. Zero
// means unknown.
type Pos struct {
	Line   int
	Column int
}

// Value is one value of a document. Values are shared where the document uses
// an alias; nobody changes a value after it has been read, Clone makes a copy
// to change.
//
// Str of a String is UTF-8, but Python lets escapes such as "\ud800" put single
// surrogates into a text. They stand there as the three bytes UTF-8 would give
// them, so utf8.ValidString tells such texts.
type Value struct {
	Kind    Kind
	Bool    bool
	Naive   bool // Kind DateTime without zone; Time is then in UTC
	Tuple   bool // Kind List that Python holds as a tuple: the pairs of !!omap and !!pairs
	Pos     Pos
	Int     *big.Int // Kind Int
	Float   float64  // Kind Float; NaN and infinities are possible
	Str     string   // Kind String, see above; Kind Bytes holds the raw bytes
	Time    time.Time
	Items   []*Value // Kind List, and Kind Set in order of appearance
	Entries []Entry  // Kind Map, in order of first appearance of the key; keys are unique, the last value wins
	File    string   // file the value was read from, as given to the reader; relative to the course
}

// Entry is one key and value of a mapping.
type Entry struct {
	Key   *Value // any scalar kind: keys keep their type
	Value *Value
}

// Get gives the value of a text key of a mapping; false when there is none or
// the value is no mapping.
func (v *Value) Get(key string) (*Value, bool) {
	if v.Kind != Map {
		return nil, false
	}
	for _, e := range v.Entries {
		if e.Key.Kind == String && e.Key.Str == key {
			return e.Value, true
		}
	}
	return nil, false
}

// Truthy tells whether Python's bool() of the value is True.
func (v *Value) Truthy() bool {
	switch v.Kind {
	case Null:
		return false
	case Bool:
		return v.Bool
	case Int:
		return v.Int.Sign() != 0
	case Float:
		return v.Float != 0
	case String, Bytes:
		return v.Str != ""
	case List, Set:
		return len(v.Items) > 0
	case Map:
		return len(v.Entries) > 0
	default:
		return true
	}
}

// Clone copies a value and all in it. Nothing in the copy is shared, neither
// with the original nor, where the document used aliases, within the copy.
func (v *Value) Clone() *Value {
	c := *v
	if v.Int != nil {
		c.Int = new(big.Int).Set(v.Int)
	}
	if v.Items != nil {
		c.Items = make([]*Value, len(v.Items))
		for i, item := range v.Items {
			c.Items[i] = item.Clone()
		}
	}
	if v.Entries != nil {
		c.Entries = make([]Entry, len(v.Entries))
		for i, e := range v.Entries {
			c.Entries[i] = Entry{Key: e.Key.Clone(), Value: e.Value.Clone()}
		}
	}
	return &c
}
