package djtemplate

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

func texts(parts []string) val {
	items := make([]*pyvalue.Value, len(parts))
	for i, s := range parts {
		items[i] = text(s).p
	}
	return listVal(items, plain)
}

func first(in filterInput) (val, error) { return element(in, 0) }
func last(in filterInput) (val, error)  { return element(in, -1) }

// element gives an element, empty text for an empty list, and an error for what
// has no elements.
func element(in filterInput, i int) (val, error) {
	v := in.value
	if err := in.chargeElement(); err != nil {
		return val{}, err
	}
	if v.is(pyvalue.Map) {
		for _, e := range v.p.Entries {
			if equal(val{p: e.Key}, number(i)) {
				return val{p: e.Value}, nil
			}
		}
	}
	if !v.indexable() {
		return val{}, fmt.Errorf("needs a list or text, not %s", excerpt(v))
	}
	if out, ok := v.index(i); ok {
		return out, nil
	}
	return text(""), nil
}

func random(in filterInput) (val, error) {
	if err := in.chargeElement(); err != nil {
		return val{}, err
	}
	n, _ := in.value.length()
	if !in.value.indexable() || n == 0 {
		return val{}, fmt.Errorf("needs a list or text that is not empty, not %s", excerpt(in.value))
	}
	out, _ := in.value.index(in.r.engine.Pick(n))
	return out, nil
}

func length(in filterInput) (val, error) {
	n, _ := in.value.length()
	return number(n), nil
}

func lengthIs(in filterInput) (val, error) {
	n, ok := in.value.length()
	want, err := toInt(in.arg)
	if !ok || err != nil {
		return text(""), nil //nolint:nilerr // the filter shows nothing for such values
	}
	return boolVal(want.Cmp(big.NewInt(int64(n))) == 0), nil
}

func join(in filterInput) (val, error) {
	if !in.value.iterable() {
		return in.value, nil
	}
	between := conditionalEscape(in.arg)
	if n, _ := in.value.length(); (n-1)*len(between) > maxOutput {
		return val{}, errJoined
	}
	if err := in.r.chargeItems(in.value); err != nil {
		return val{}, err
	}
	var parts []string
	total := 0
	for _, item := range in.value.items() {
		switch {
		case in.r.escape:
			parts = append(parts, conditionalEscape(item))
		case item.is(pyvalue.String):
			parts = append(parts, item.p.Str)
		default:
			return in.value, nil
		}
		total += len(parts[len(parts)-1])
	}
	if total+len(between)*len(parts) > maxOutput {
		return val{}, errJoined
	}
	return safeText(strings.Join(parts, between)), in.r.charge(total)
}

var errJoined = fmt.Errorf("the result is larger than the limit of %d bytes", maxOutput)

func safeSeq(in filterInput) (val, error) {
	if !in.value.iterable() {
		return val{}, fmt.Errorf("needs a list, not %s", excerpt(in.value))
	}
	if err := in.r.charge(costMake * len(in.value.p.Items)); err != nil {
		return val{}, err
	}
	if err := in.r.chargeItems(in.value); err != nil {
		return val{}, err
	}
	items := in.value.items()
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = pystr(item)
		if err := in.r.charge(len(parts[i])); err != nil {
			return val{}, err
		}
	}
	out := texts(parts)
	out.form = safeItems
	return out, nil
}

// slice takes part of a list or text, as in Python: "start:end:step". What it
// cannot slice it gives back unchanged.
func slice(in filterInput) (val, error) {
	bounds := strings.Split(pystr(in.arg), ":")
	var numbers [3]*int
	if len(bounds) > 3 || !in.value.indexable() {
		return in.value, nil
	}
	for i, b := range bounds {
		if b == "" {
			continue
		}
		n, ok := parseInt(b)
		if !ok {
			return in.value, nil
		}
		clamped := clamp(n)
		numbers[i] = &clamped
	}
	if len(bounds) == 1 { // one number is the end
		numbers[0], numbers[1] = nil, numbers[0]
	}
	n, _ := in.value.length()
	if err := in.r.charge(costMake / 2 * n); err != nil {
		return val{}, err
	}
	items := in.value.items()
	picked, ok := pickSlice(items, numbers)
	if !ok {
		return in.value, nil
	}
	return likeOriginal(in.value, picked), nil
}

func clamp(n *big.Int) int {
	const far = 1 << 40
	switch {
	case n.Cmp(big.NewInt(far)) > 0:
		return far
	case n.Cmp(big.NewInt(-far)) < 0:
		return -far
	}
	return int(n.Int64())
}

// pickSlice applies start, end and step, each of which may be absent.
func pickSlice(items []val, bounds [3]*int) ([]val, bool) {
	step := 1
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, false
	}
	low, high := 0, len(items)
	if step < 0 {
		low, high = -1, len(items)-1
	}
	place := func(b *int, otherwise int) int {
		if b == nil {
			return otherwise
		}
		n := *b
		if n < 0 {
			n += len(items)
		}
		return min(max(n, low), high)
	}
	start, end := place(bounds[0], low), place(bounds[1], high)
	if step < 0 {
		start, end = place(bounds[0], high), place(bounds[1], low)
	}
	var out []val
	for i := start; (step > 0 && i < end) || (step < 0 && i > end); i += step {
		out = append(out, items[i])
	}
	return out, true
}

// likeOriginal makes a value of the original's kind from some of its items.
func likeOriginal(v val, items []val) val {
	switch v.p.Kind {
	case pyvalue.String:
		var b strings.Builder
		for _, item := range items {
			b.WriteString(item.p.Str)
		}
		return text(b.String())
	case pyvalue.Bytes:
		b := make([]byte, len(items))
		for i, item := range items {
			b[i] = byte(item.p.Int.Int64())
		}
		return val{p: &pyvalue.Value{Kind: pyvalue.Bytes, Str: string(b)}}
	default:
	}
	list := make([]*pyvalue.Value, len(items))
	for i, item := range items {
		list[i] = item.p
	}
	out := listVal(list, v.form)
	if v.form == group {
		out.form = plain
	}
	out.p.Tuple = v.p.Tuple
	return out
}

func dictSort(in filterInput) (val, error)         { return sortBy(in, 1) }
func dictSortReversed(in filterInput) (val, error) { return sortBy(in, -1) }

// sortBy sorts by a member of each item; nothing is shown when an item lacks it
// or two do not compare.
func sortBy(in filterInput, direction int) (val, error) {
	if in.arg.is(pyvalue.String) && in.arg.p.Str == "" {
		return val{}, fmt.Errorf("the argument is empty; name the member to sort by")
	}
	_, asNumber := toFloat(in.arg)
	if !in.value.iterable() || !asNumber && !in.arg.is(pyvalue.String) {
		return text(""), nil
	}
	if err := in.r.chargeItems(in.value); err != nil {
		return val{}, err
	}
	items := in.value.items()
	if err := in.r.charge(2 * costMake * len(items)); err != nil {
		return val{}, err
	}
	type keyed struct{ item, key val }
	pairs := make([]keyed, len(items))
	for i, item := range items {
		key, ok := sortKey(item, in.arg)
		if !ok && asNumber && (item.is(pyvalue.Map) || item.indexable() && !in.arg.is(pyvalue.String) && !in.arg.is(pyvalue.Float)) {
			return val{}, fmt.Errorf("%s has no element %s", excerpt(item), excerpt(in.arg))
		}
		if !ok {
			return text(""), nil
		}
		pairs[i] = keyed{item, key}
	}
	comparable := true
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		order, ok := compare(a.key, b.key)
		comparable = comparable && (ok || a.key.is(pyvalue.Float) && b.key.is(pyvalue.Float))
		return direction * order
	})
	if !comparable {
		return text(""), nil
	}
	list := make([]*pyvalue.Value, len(pairs))
	for i, p := range pairs {
		list[i] = p.item.p
	}
	out := listVal(list, plain)
	if in.value.form == groups || in.value.form == safeItems {
		out.form = in.value.form
	}
	return out, nil
}

// sortKey is the item's member: an index when arg is a number, else a path.
func sortKey(item, arg val) (val, bool) {
	if _, isNumber := toFloat(arg); isNumber {
		if item.is(pyvalue.Map) {
			p, ok := mapFind(item.p, arg)
			return val{p: p}, ok
		}
		if arg.is(pyvalue.Float) || arg.is(pyvalue.String) {
			return val{}, false
		}
		i, err := toSmallInt(arg)
		if err != nil {
			return val{}, false
		}
		return item.index(i)
	}
	path := pystr(arg)
	if path == "" || path[0] == '_' || strings.Contains(path, "._") {
		return val{}, false
	}
	for _, part := range strings.Split(path, ".") {
		var ok bool
		if item, ok = item.member(part); !ok {
			return val{}, false
		}
	}
	return item, true
}
