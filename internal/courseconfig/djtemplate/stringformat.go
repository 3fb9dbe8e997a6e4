package djtemplate

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// verb is one conversion of Python's % formatting.
type verb struct {
	left, plus, blank, alt, zero bool
	width                        int
	precision                    int // -1 when absent
	kind                         byte
}

// stringFormat formats as Python's "%" + arg would; nothing is shown for a
// format or value that Python refuses.
func stringFormat(in filterInput) (val, error) {
	format := "%" + pystr(in.arg)
	var b strings.Builder
	used := false
	for {
		before, after, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(after, "%") {
			b.WriteByte('%')
			format = after[1:]
			continue
		}
		value := in.value
		if strings.HasPrefix(after, "(") && value.is(pyvalue.Map) {
			key, rest, _ := strings.Cut(after[1:], ")")
			p, ok := mapGet(value.p, key)
			if !ok {
				return val{}, fmt.Errorf("the mapping has no key %q", shorten(key))
			}
			value, after = val{p: p}, rest
		} else if used {
			return text(""), nil
		}
		v, rest, ok := parseVerb(after)
		if !ok {
			return text(""), nil
		}
		if v.width > maxOutput || v.precision > maxOutput {
			return val{}, fmt.Errorf("the width or precision is beyond the limit of %d", maxOutput)
		}
		s, ok := v.format(value)
		if !ok {
			return text(""), nil
		}
		b.WriteString(s)
		used, format = true, rest
	}
	if !used && !in.value.is(pyvalue.Map) && !in.value.is(pyvalue.List) {
		return text(""), nil
	}
	return text(b.String()), nil
}

func parseVerb(s string) (verb, string, bool) {
	v := verb{precision: -1}
	for s != "" && strings.IndexByte("-+ #0", s[0]) >= 0 {
		switch s[0] {
		case '-':
			v.left = true
		case '+':
			v.plus = true
		case ' ':
			v.blank = true
		case '#':
			v.alt = true
		case '0':
			v.zero = true
		}
		s = s[1:]
	}
	v.width, s = leadingNumber(s)
	if strings.HasPrefix(s, ".") {
		v.precision, s = leadingNumber(s[1:])
	}
	if s != "" && strings.IndexByte("hlL", s[0]) >= 0 {
		s = s[1:]
	}
	if s == "" {
		return v, "", false
	}
	v.kind = s[0]
	return v, s[1:], true
}

func leadingNumber(s string) (int, string) {
	n := 0
	for s != "" && isDigit(s[0]) {
		n = min(n*10+int(s[0]-'0'), 2*maxOutput)
		s = s[1:]
	}
	return n, s
}

func (v verb) format(value val) (string, bool) {
	switch v.kind {
	case 's', 'r', 'a':
		s := pystr(value)
		if v.kind != 's' {
			s = pyrepr(value)
		}
		if v.kind == 'a' {
			s = asciiOnly(s)
		}
		if r := []rune(s); v.precision >= 0 && v.precision < len(r) {
			s = string(r[:v.precision])
		}
		return v.fill("", s), true
	case 'c':
		if value.is(pyvalue.String) && utf8.RuneCountInString(value.p.Str) == 1 {
			return v.fill("", value.p.Str), true
		}
		if i, err := toInt(value); err == nil && isNumber(value) && !value.is(pyvalue.Float) && i.IsInt64() && i.Sign() >= 0 && i.Int64() <= utf8.MaxRune {
			return v.fill("", string(rune(i.Int64()))), true
		}
	case 'd', 'i', 'u':
		if i, err := toInt(value); err == nil && isNumber(value) {
			return v.integer(i, 10, ""), true
		}
	case 'o', 'x', 'X':
		base := map[byte]int{'o': 8, 'x': 16, 'X': 16}[v.kind]
		if i, err := toInt(value); err == nil && isNumber(value) && !value.is(pyvalue.Float) {
			return v.integer(i, base, "0"+string(v.kind)), true
		}
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if f, ok := toFloat(value); ok && isNumber(value) {
			return v.float(f), true
		}
	}
	return "", false
}

func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func (v verb) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case v.plus:
		return "+"
	case v.blank:
		return " "
	}
	return ""
}

func (v verb) integer(i *big.Int, base int, prefix string) string {
	digits := new(big.Int).Abs(i).Text(base)
	if v.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if n := v.precision - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	sign := v.sign(i.Sign() < 0)
	if v.alt {
		sign += prefix
	}
	return v.fill(sign, digits)
}

func (v verb) float(f float64) string {
	precision := v.precision
	if precision < 0 {
		precision = 6
	}
	sign := v.sign(math.Signbit(f) && !math.IsNaN(f))
	f = math.Abs(f)
	kind := v.kind | 0x20
	var s string
	switch {
	case math.IsInf(f, 0):
		s = "inf"
	case math.IsNaN(f):
		s = "nan"
	case kind == 'g':
		s = generalFloat(f, max(precision, 1), v.alt)
	default:
		s = strconv.FormatFloat(f, kind, min(precision, 1100), 64) + strings.Repeat("0", max(precision-1100, 0))
	}
	if v.alt && strings.Trim(s, "0123456789") == "" {
		s += "."
	}
	if v.kind&0x20 == 0 {
		s = strings.ToUpper(s)
	}
	return v.fill(sign, s)
}

// generalFloat is C's %g: an exponent only where it makes the number shorter.
func generalFloat(f float64, precision int, keepZeros bool) string {
	precision = min(precision, 1100)
	s := strconv.FormatFloat(f, 'e', precision-1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	n, err := strconv.Atoi(exp)
	if err != nil {
		return s
	}
	small := n >= -4 && n < precision
	if small {
		mantissa = strconv.FormatFloat(f, 'f', precision-1-n, 64)
	}
	if !keepZeros && strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if small {
		return mantissa
	}
	return mantissa + "e" + exp
}

// fill brings sign and body to the width. Zeros go between the two, and only
// into numbers.
func (v verb) fill(sign, body string) string {
	n := v.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(body)
	switch {
	case n <= 0:
		return sign + body
	case v.left:
		return sign + body + strings.Repeat(" ", n)
	case v.zero && strings.IndexByte("srac", v.kind) < 0:
		return sign + strings.Repeat("0", n) + body
	}
	return strings.Repeat(" ", n) + sign + body
}
