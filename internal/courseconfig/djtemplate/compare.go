package djtemplate

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

func isNumber(v val) bool {
	return v.is(pyvalue.Int) || v.is(pyvalue.Float) || v.is(pyvalue.Bool)
}

// compareNumbers orders two numbers exactly; ok is false when one is NaN.
func compareNumbers(a, b val) (order int, ok bool) {
	if (a.is(pyvalue.Float) && math.IsNaN(a.p.Float)) || (b.is(pyvalue.Float) && math.IsNaN(b.p.Float)) {
		return 0, false
	}
	if a.is(pyvalue.Int) && b.is(pyvalue.Int) {
		return a.p.Int.Cmp(b.p.Int), true
	}
	return exact(a).Cmp(exact(b)), true
}

// exact is a number without loss; the precision is enough for every float and
// grows with the digits of whole numbers.
func exact(v val) *big.Float {
	if v.is(pyvalue.Float) {
		return big.NewFloat(v.p.Float)
	}
	i, err := toInt(v)
	if err != nil {
		return new(big.Float)
	}
	return new(big.Float).SetInt(i)
}

// equal is Python's ==.
func equal(a, b val) bool {
	switch {
	case isNumber(a) && isNumber(b):
		order, ok := compareNumbers(a, b)
		return ok && order == 0
	case a.p.Kind != b.p.Kind:
		return false
	}
	switch a.p.Kind {
	case pyvalue.Null:
		return true
	case pyvalue.String, pyvalue.Bytes:
		return a.p.Str == b.p.Str
	case pyvalue.Date, pyvalue.DateTime:
		return a.p.Naive == b.p.Naive && a.p.Time.Equal(b.p.Time)
	case pyvalue.List:
		return equalItems(a, b)
	case pyvalue.Set:
		return subset(a, b) && subset(b, a)
	case pyvalue.Map:
		return equalMaps(a.p, b.p)
	default:
	}
	return false
}

func equalItems(a, b val) bool {
	if a.p.Tuple != b.p.Tuple || a.indexable() != b.indexable() || len(a.p.Items) != len(b.p.Items) {
		return false
	}
	if a.p == b.p {
		return true
	}
	for i, p := range a.p.Items {
		if !equal(a.item(p), b.item(b.p.Items[i])) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *pyvalue.Value) bool {
	if a == b {
		return true
	}
	if len(a.Entries) != len(b.Entries) {
		return false
	}
	for _, e := range a.Entries {
		other, ok := mapFind(b, val{p: e.Key})
		if !ok || !equal(val{p: e.Value}, val{p: other}) {
			return false
		}
	}
	return true
}

func mapFind(m *pyvalue.Value, key val) (*pyvalue.Value, bool) {
	for _, e := range m.Entries {
		if equal(val{p: e.Key}, key) {
			return e.Value, true
		}
	}
	return nil, false
}

func subset(a, b val) bool {
	for _, p := range a.p.Items {
		if !contains(b, val{p: p}) {
			return false
		}
	}
	return true
}

// contains is Python's in for sequences, sets and mappings.
func contains(container, v val) bool {
	if container.is(pyvalue.Map) {
		_, ok := mapFind(container.p, v)
		return ok
	}
	for _, p := range container.p.Items {
		if equal(container.item(p), v) {
			return true
		}
	}
	return false
}

// isIn is Python's in; ok is false where Python refuses the question.
func isIn(v, container val) (found, ok bool) {
	switch container.p.Kind {
	case pyvalue.String, pyvalue.Bytes:
		if v.p.Kind != container.p.Kind {
			return false, false
		}
		return strings.Contains(container.p.Str, v.p.Str), true
	case pyvalue.Map, pyvalue.Set:
		hashable := !v.is(pyvalue.Map) && !v.is(pyvalue.Set) && (!v.is(pyvalue.List) || v.p.Tuple)
		return hashable && contains(container, v), hashable
	case pyvalue.List:
		return contains(container, v), true
	default:
	}
	return false, false
}

// compare orders two values as Python does; ok is false where Python refuses.
func compare(a, b val) (order int, ok bool) {
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	if a.p.Kind != b.p.Kind {
		return 0, false
	}
	switch a.p.Kind {
	case pyvalue.String, pyvalue.Bytes:
		return strings.Compare(a.p.Str, b.p.Str), true
	case pyvalue.Date, pyvalue.DateTime:
		return a.p.Time.Compare(b.p.Time), a.p.Naive == b.p.Naive
	case pyvalue.List:
		return compareLists(a, b)
	default:
	}
	return 0, false
}

func compareLists(a, b val) (int, bool) {
	for i := range min(len(a.p.Items), len(b.p.Items)) {
		x, y := a.item(a.p.Items[i]), b.item(b.p.Items[i])
		if !equal(x, y) {
			return compare(x, y)
		}
	}
	return cmp.Compare(len(a.p.Items), len(b.p.Items)), a.indexable() && b.indexable() && a.p.Tuple == b.p.Tuple
}

// same is Python's is. Small whole numbers, truth values and null exist once;
// other values are the same only when they come from one place.
func same(a, b val) bool {
	if a.p == b.p {
		return true
	}
	if a.p.Kind != b.p.Kind {
		return false
	}
	switch a.p.Kind {
	case pyvalue.Null:
		return true
	case pyvalue.Bool:
		return a.p.Bool == b.p.Bool
	case pyvalue.Int:
		return a.p.Int.Cmp(b.p.Int) == 0 && a.p.Int.IsInt64() && a.p.Int.Int64() >= -5 && a.p.Int.Int64() <= 256
	default:
	}
	return false
}
