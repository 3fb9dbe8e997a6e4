package courseconfig

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// span is a length of time in microseconds. It is exported as an ISO text,
// which A+ does not understand.
type span struct{ micro *big.Int }

// durationKind is a length of time: the simple form that A+ reads, or a span.
type durationKind struct{}

const simpleUnits = "ymwdh"

func (durationKind) allowed() string {
	return "a whole number followed by y, m, w, d or h, such as 10d"
}

func (durationKind) schema() object {
	return object{"anyOf": []object{
		{"type": []string{"number", "boolean"}},
		{"type": "string", "pattern": simpleSpanPattern},
		{"type": "string", "pattern": isoSpanPattern, "description": "A+ does not understand this form."},
		{"type": "string", "pattern": clockSpanPattern, "description": "A+ does not understand this form."},
	}}
}

func (k durationKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	text, readable := spanText(v)
	if readable {
		if micro, ok, tooLong := parseSpan(text); tooLong {
			c.fail(v, at, "found "+found(v)+", a length of time beyond a billion days", "allowed is "+k.allowed())
			return nil, false
		} else if ok {
			c.warn(v, at, "A+ does not understand the length of time "+asShown(v), "write "+k.allowed())
			return span{micro}, true
		}
	}
	if s, ok := asText(v); ok && s != "" && strings.Contains(simpleUnits, s[len(s)-1:]) {
		if _, whole := pyvalue.ParseInt(s[:len(s)-1]); whole {
			return s, true
		}
	}
	hint := ""
	if v.Kind == pyvalue.String {
		hint = unitHint(v.Str)
	}
	c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), hint)
	return nil, false
}

func unitHint(s string) string {
	lower := strings.ToLower(s)
	if lower == s || !strings.Contains(simpleUnits, lower[len(lower)-1:]) {
		return ""
	}
	if _, whole := pyvalue.ParseInt(lower[:len(lower)-1]); !whole {
		return ""
	}
	return "write the unit in lower case: " + lower
}

// spanText gives the text that is read as a span; numbers are seconds.
func spanText(v *pyvalue.Value) (string, bool) {
	switch v.Kind {
	case pyvalue.Int, pyvalue.Bool, pyvalue.Float:
		f, _ := asFloat(v)
		return strconv.FormatFloat(f, 'f', 6, 64), true
	case pyvalue.String, pyvalue.Bytes:
		return v.Str, true
	default:
		return "", false
	}
}

// The two forms of a span: clock time with days before it, and ISO 8601.
var (
	clockPattern = regexp.MustCompile(`^(?:(-?\p{Nd}+) (?:days?, )?)?` +
		`(?:(-?\p{Nd}+):(\p{Nd}+):(\p{Nd}+)|(?:(-?\p{Nd}+):)?(-?\p{Nd}+))(?:\.(\p{Nd}{1,6})\p{Nd}{0,6})?\n?$`)
	isoPattern = regexp.MustCompile(`^([-+]?)P(?:(\p{Nd}+(?:.\p{Nd}+)?)D)?` +
		`(?:T(?:(\p{Nd}+(?:.\p{Nd}+)?)H)?(?:(\p{Nd}+(?:.\p{Nd}+)?)M)?(?:(\p{Nd}+(?:.\p{Nd}+)?)S)?)?\n?$`)
)

// Microseconds of the units, and the longest span that Python holds.
var (
	secondMicros  = big.NewRat(1_000_000, 1)
	minuteMicros  = big.NewRat(60_000_000, 1)
	hourMicros    = big.NewRat(3_600_000_000, 1)
	dayMicros     = big.NewRat(86_400_000_000, 1)
	longestMicros = new(big.Int).Mul(big.NewInt(1_000_000_000), big.NewInt(86_400_000_000))
)

// parseSpan reads a span in microseconds. The third result tells a span that is
// too long to handle.
func parseSpan(s string) (micro *big.Int, ok, tooLong bool) {
	sum := new(big.Rat)
	good := true
	add := func(text string, unit *big.Rat) {
		if text == "" {
			return
		}
		f, ok := pyvalue.ParseFloat(text)
		r := new(big.Rat)
		if !ok || r.SetFloat64(f) == nil {
			good = false
			return
		}
		sum.Add(sum, r.Mul(r, unit))
	}
	if g := clockPattern.FindStringSubmatch(s); g != nil {
		seconds := g[4] + g[6]
		add(g[1], dayMicros)
		add(g[2], hourMicros)
		add(g[3]+g[5], minuteMicros)
		add(seconds, secondMicros)
		add(clockMicros(seconds, g[7]), big.NewRat(1, 1))
	} else if g := isoPattern.FindStringSubmatch(s); g != nil {
		for i, unit := range []*big.Rat{dayMicros, hourMicros, minuteMicros, secondMicros} {
			add(g[i+2], unit)
		}
		if g[1] == "-" {
			sum.Neg(sum)
		}
	} else {
		return nil, false, false
	}
	micro = roundEven(sum)
	return micro, good, good && new(big.Int).Abs(micro).Cmp(longestMicros) >= 0
}

// clockMicros gives the fraction of a second the sign of its seconds.
func clockMicros(seconds, fraction string) string {
	if fraction == "" {
		return ""
	}
	fraction = (pyvalue.ASCIIDigits(fraction) + "000000")[:6]
	if strings.HasPrefix(seconds, "-") {
		return "-" + fraction
	}
	return fraction
}

// roundEven rounds to the nearest whole number, halves to the even one.
func roundEven(r *big.Rat) *big.Int {
	doubled := new(big.Int).Lsh(r.Num(), 1)
	low := new(big.Int).Div(new(big.Int).Add(doubled, r.Denom()), new(big.Int).Lsh(r.Denom(), 1))
	half := new(big.Rat).Sub(new(big.Rat).SetInt(low), r)
	if half.Cmp(big.NewRat(1, 2)) == 0 && low.Bit(0) == 1 {
		low.Sub(low, big.NewInt(1))
	}
	return low
}

// String gives the span as an ISO text of days, hours, minutes and seconds.
func (s span) String() string {
	rest := new(big.Int).Abs(s.micro)
	micro := new(big.Int)
	rest.DivMod(rest, big.NewInt(1_000_000), micro)
	seconds := new(big.Int)
	rest.DivMod(rest, big.NewInt(86_400), seconds)
	n := seconds.Int64()
	sign, fraction := "", ""
	if s.micro.Sign() < 0 {
		sign = "-"
	}
	if micro.Sign() != 0 {
		fraction = "." + pad(int(micro.Int64()), 6)
	}
	return fmt.Sprintf("%sP%sDT%02dH%02dM%02d%sS", sign, rest, n/3600, n/60%60, n%60, fraction)
}
