package pyvalue

import (
	"math/big"
	"strings"
	"unicode"
)

// IsSpace tells whether Python's str.strip and str.split take r for white space.
// Its number readers do not know the four separators among it.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// ParseInt reads what Python's int() reads from a text: surrounding space, a
// sign, digits of any script and single underscores between them are fine.
func ParseInt(s string) (*big.Int, bool) {
	s, ok := withoutUnderscores(ASCIIDigits(strings.TrimSpace(s)))
	if !ok {
		return nil, false
	}
	i, err := pyInt(s, 10)
	return i, err == nil
}

// ParseFloat reads what Python's float() reads from a text. A number out of
// range is an infinity, as there.
func ParseFloat(s string) (float64, bool) {
	s, ok := withoutUnderscores(ASCIIDigits(strings.TrimSpace(s)))
	if !ok {
		return 0, false
	}
	f, err := pyFloat(lowerASCII(s))
	return f, err == nil
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
