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
type Kind int

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
type Value struct {
	Kind    Kind
	Pos     Pos
	Bool    bool
	Int     *big.Int // Kind Int
	Float   float64  // Kind Float; NaN and infinities are possible
	Str     string   // Kind String; Kind Bytes holds the raw bytes
	Time    time.Time
	Naive   bool     // Kind DateTime without zone; Time is then in UTC
	Items   []*Value // Kind List, and Kind Set in order of appearance
	Entries []Entry  // Kind Map, in order of first appearance of the key; keys are unique, the last value wins
	File    string   // file the value was read from, as given to the reader; relative to the course
}

// Entry is one key and value of a mapping.
type Entry struct {
	Key   *Value // any scalar kind: keys keep their type
	Value *Value
}
