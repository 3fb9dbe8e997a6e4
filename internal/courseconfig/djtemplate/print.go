package djtemplate

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// localized is how Django shows a value in English: whole numbers without
// separators, floats without exponent, dates in words. The flag tells that the
// text needs no escaping.
func localized(v val) (string, bool) {
	switch v.p.Kind {
	case pyvalue.String:
		return v.p.Str, v.form == safe
	case pyvalue.Int:
		return v.p.Int.String(), true
	case pyvalue.Float:
		return localFloat(v.p.Float), false
	case pyvalue.Date, pyvalue.DateTime:
		format := "N j, Y"
		if v.is(pyvalue.DateTime) {
			format = "N j, Y, P"
		}
		if s, err := formatDate(v, format); err == nil {
			return s, false
		}
	default:
	}
	return pystr(v), false
}

func localFloat(f float64) string {
	s := pyFloat(f)
	if math.IsNaN(f) || math.IsInf(f, 0) || !strings.Contains(s, "e") {
		return s
	}
	d, ok := parseDecimal(s)
	if !ok || abs(d.exponent)+len(d.digits) > 200 {
		return s
	}
	return d.plain()
}

// pystr is Python's str.
func pystr(v val) string {
	switch v.p.Kind {
	case pyvalue.String:
		return v.p.Str
	case pyvalue.List:
		return pyrepr(v)
	default:
	}
	return pyvalue.PyStr(v.p)
}

// pyrepr is Python's repr, also of the sequences that only templates make.
func pyrepr(v val) string {
	if !v.is(pyvalue.List) || v.form == plain || v.form == safeItems {
		return pyvalue.PyRepr(v.p)
	}
	parts := make([]string, len(v.p.Items))
	for i, p := range v.p.Items {
		parts[i] = pyrepr(v.item(p))
	}
	joined := strings.Join(parts, ", ")
	switch v.form {
	case dictItems:
		return "dict_items([" + joined + "])"
	case dictKeys:
		return "dict_keys([" + joined + "])"
	case dictValues:
		return "dict_values([" + joined + "])"
	case group:
		return "GroupedResult(grouper=" + parts[0] + ", list=" + parts[1] + ")"
	default:
		return "[" + joined + "]"
	}
}

// pyFloat is Python's repr of a float.
func pyFloat(f float64) string {
	return pyvalue.PyRepr(floatVal(f).p)
}

// decimal is a number in base ten: digits times ten to the exponent. The digits
// have no leading zeros, except for zero itself, which is "0".
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// parseDecimal reads a number with optional point and exponent.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	s = strings.ToLower(s)
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	mantissa, exp, hasExp := strings.Cut(s, "e")
	if hasExp {
		n, err := strconv.Atoi(exp)
		if err != nil || abs(n) > maxOutput {
			return decimal{}, false
		}
		d.exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.digits = whole + fraction
	d.exponent -= len(fraction)
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return decimal{}, false
	}
	d.digits = strings.TrimLeft(d.digits, "0")
	if d.digits == "" {
		d.digits = "0"
	}
	return d, true
}

func (d decimal) isZero() bool { return d.digits == "0" }

// isWhole tells that nothing stands behind the point.
func (d decimal) isWhole() bool {
	drop := -d.exponent
	return d.isZero() || drop <= 0 || (drop < len(d.digits) && strings.Trim(d.digits[len(d.digits)-drop:], "0") == "")
}

// plain writes the number without exponent, with every digit it has.
func (d decimal) plain() string {
	places := max(-d.exponent, 0)
	s := d.digits + strings.Repeat("0", max(d.exponent, 0))
	if d.isZero() {
		s = strings.Repeat("0", places+1)
	}
	for len(s) <= places {
		s = "0" + s
	}
	if places > 0 {
		s = s[:len(s)-places] + "." + s[len(s)-places:]
	}
	if d.negative {
		s = "-" + s
	}
	return s
}

// round keeps the given number of places behind the point; halves go away from
// zero.
func (d decimal) round(places int) decimal {
	n, _ := new(big.Int).SetString(d.digits, 10)
	shift := d.exponent + places
	ten := big.NewInt(10)
	if shift >= 0 {
		n.Mul(n, new(big.Int).Exp(ten, big.NewInt(int64(shift)), nil))
	} else {
		unit := new(big.Int).Exp(ten, big.NewInt(int64(-shift)), nil)
		half := new(big.Int).Div(unit, big.NewInt(2))
		n.Div(n.Add(n, half), unit)
	}
	return decimal{negative: d.negative && n.Sign() != 0, digits: n.String(), exponent: -places}
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
