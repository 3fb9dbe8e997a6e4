package courseconfig

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// asciiDigits writes the decimal digits of every script as 0 to 9, as Python's
// number readers do.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		return '0' + digitValue(r)
	}, s)
}

// digitValue relies on every script's digits standing together, zero first.
func digitValue(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

// pySpace is what Python strips from texts. Its number readers do not know the
// four separators.
func pySpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// maxIntDigits is how many digits Python reads from a text at most.
const maxIntDigits = 4300

// pyInt reads what Python's int() reads from a text: surrounding space, a sign
// and single underscores between digits are fine.
func pyInt(s string) (*big.Int, bool) {
	s = asciiDigits(strings.TrimFunc(s, unicode.IsSpace))
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	if len(s)-len(digits) > 1 {
		return nil, false
	}
	plain, ok := withoutUnderscores(digits)
	if !ok || plain == "" || len(plain) > maxIntDigits || strings.Trim(plain, "0123456789") != "" {
		return nil, false
	}
	i, ok := new(big.Int).SetString(plain, 10)
	if ok && strings.HasPrefix(s, "-") {
		i.Neg(i)
	}
	return i, ok
}

// pyFloat reads what Python's float() reads from a text.
func pyFloat(s string) (float64, bool) {
	s, ok := withoutUnderscores(asciiDigits(strings.TrimFunc(s, unicode.IsSpace)))
	if !ok {
		return 0, false
	}
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "inf", "infinity", "nan":
		if len(s) > 1 && strings.Trim(s[:2], "+-") == "" {
			return 0, false // two signs
		}
	default:
		if strings.Trim(s, "0123456789+-.eE") != "" {
			return 0, false // Go also reads hexadecimal
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		return 0, false
	}
	return f, true // a number out of range is an infinity, as in Python
}

// withoutUnderscores drops underscores, which must stand between digits.
func withoutUnderscores(s string) (string, bool) {
	if !strings.Contains(s, "_") {
		return s, true
	}
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
