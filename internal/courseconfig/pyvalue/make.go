package pyvalue

import (
	"math/big"
	"time"
)

// The functions below make values that come from no file.

// NewNull makes a null.
func NewNull() *Value { return &Value{Kind: Null} }

// NewBool makes a truth value.
func NewBool(b bool) *Value { return &Value{Kind: Bool, Bool: b} }

// NewInt makes an integer.
func NewInt(i int64) *Value { return &Value{Kind: Int, Int: big.NewInt(i)} }

// NewBigInt makes an integer of any size; it keeps i.
func NewBigInt(i *big.Int) *Value { return &Value{Kind: Int, Int: i} }

// NewFloat makes a floating-point number.
func NewFloat(f float64) *Value { return &Value{Kind: Float, Float: f} }

// NewString makes a text.
func NewString(s string) *Value { return &Value{Kind: String, Str: s} }

// NewBytes makes binary data.
func NewBytes(b []byte) *Value { return &Value{Kind: Bytes, Str: string(b)} }

// NewDate makes a day.
func NewDate(year int, month time.Month, day int) *Value {
	return &Value{Kind: Date, Time: time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// NewDateTime makes a point in time in t's zone, cut to microseconds.
func NewDateTime(t time.Time) *Value {
	return &Value{Kind: DateTime, Time: t.Truncate(time.Microsecond)}
}

// NewNaive makes a date and time without zone of t's date and clock, cut to
// microseconds.
func NewNaive(t time.Time) *Value {
	u := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	return &Value{Kind: DateTime, Naive: true, Time: u.Truncate(time.Microsecond)}
}

// NewList makes a list; it keeps the items.
func NewList(items ...*Value) *Value { return &Value{Kind: List, Items: items} }

// NewSet makes a set of scalars, of which equal ones stay once.
func NewSet(items ...*Value) *Value {
	var m MapBuilder
	for _, item := range items {
		m.Put(item, nil)
	}
	v := &Value{Kind: Set}
	for _, e := range m.Entries {
		v.Items = append(v.Items, e.Key)
	}
	return v
}

// NewMap makes a mapping; of equal keys the last value stays, at the place of
// the first.
func NewMap(entries ...Entry) *Value {
	m := MapBuilder{Entries: make([]Entry, 0, len(entries))}
	for _, e := range entries {
		m.Put(e.Key, e.Value)
	}
	return &Value{Kind: Map, Entries: m.Entries}
}

// Field makes an entry with a text key, for NewMap.
func Field(key string, value *Value) Entry {
	return Entry{Key: NewString(key), Value: value}
}
