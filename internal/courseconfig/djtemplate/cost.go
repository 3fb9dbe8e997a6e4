package djtemplate

import (
	"fmt"

	"coursewright/internal/courseconfig/pyvalue"
)

// What one part of a value costs when it is visited, when it becomes a value of
// its own, and when a loop around is shown as forloop; in the bytes of charge.
const (
	costVisit = 4
	costMake  = 32
	costLoop  = 256
)

// charge counts work, a step and what handling size bytes costs, and stops a
// rendering that does too much.
func (r *renderer) charge(size int) error {
	const bytesPerStep = 4
	n := 1 + size/bytesPerStep
	if r.work += n; r.work > maxWork {
		return fmt.Errorf("rendering takes more than %d steps; use fewer or shorter loops", maxWork)
	}
	if left := r.engine.Left; left != nil {
		if *left -= n; *left < 0 {
			return fmt.Errorf("the templates of all includes together take too many steps; include fewer templates, or use shorter loops")
		}
	}
	return nil
}

// chargeText charges for reading through a value that is a text or a number.
func (r *renderer) chargeText(v val) error {
	if v.is(pyvalue.Int) {
		return r.charge(v.p.Int.BitLen() / 8)
	}
	return r.charge(len(v.p.Str))
}

// chargeFilter charges for the text that a filter works on and for its argument.
// Filters for lists charge for what is in them.
func (r *renderer) chargeFilter(in filterInput) error {
	if in.hasArg {
		if err := r.chargeShown(in.arg); err != nil {
			return err
		}
		const cheaper = 4 // arguments are only copied or searched for
		if err := r.charge(len(in.arg.p.Str) / cheaper); err != nil {
			return err
		}
	}
	return r.chargeText(in.value)
}

// chargeShown charges for writing out a list or mapping with all that is in it.
func (r *renderer) chargeShown(v val) error {
	if len(v.p.Items)+len(v.p.Entries) == 0 {
		return nil
	}
	return r.charge(costVisit * partsOf(v.p, maxWork-r.work+1))
}

// chargeItems charges for making a list of what is in a value.
func (r *renderer) chargeItems(v val) error {
	switch v.p.Kind {
	case pyvalue.String, pyvalue.Bytes:
		return r.charge(costMake * len(v.p.Str))
	default:
		return r.charge(costVisit * (len(v.p.Items) + len(v.p.Entries)))
	}
}

// chargeElement charges for finding one element; in a list that costs nothing.
func (in filterInput) chargeElement() error {
	if in.value.is(pyvalue.List) {
		return nil
	}
	return in.r.chargeItems(in.value)
}

// chargeMember charges for what a dot after v and a name cost.
func (r *renderer) chargeMember(v val, name string) error {
	switch {
	case v.is(pyvalue.Map) && (name == "items" || name == "keys" || name == "values"):
		return r.charge(costMake * len(v.p.Entries))
	case v.is(pyvalue.Map):
		return r.charge(len(v.p.Entries) / 2)
	case v.is(pyvalue.String) && (name == "split" || name == "splitlines"):
		return r.charge(costVisit * len(v.p.Str))
	}
	return r.chargeText(v)
}

// chargeRelation charges for comparing two values, or for searching one in the
// other.
func (r *renderer) chargeRelation(op string, a, b val) error {
	most := maxWork - r.work + 1
	switch op {
	case "is", "is not":
		return nil
	case "in", "not in":
		return r.charge(costVisit * partsOf(b.p, most))
	}
	return r.charge(costVisit * partsOf(a.p, partsOf(b.p, most)))
}

// partsOf counts a value and what is in it, up to a bound; a long text counts
// as several.
func partsOf(v *pyvalue.Value, most int) int {
	const textOfPart = 64
	n := 1 + len(v.Str)/textOfPart
	for _, item := range v.Items {
		if n >= most {
			return most
		}
		n += partsOf(item, most-n)
	}
	for _, e := range v.Entries {
		if n >= most {
			return most
		}
		n += partsOf(e.Key, most-n) + partsOf(e.Value, most-n)
	}
	return min(n, most)
}
