package rst

import (
	"strings"
	"unicode"
)

// isWord tells the characters of simple names: letters and digits.
func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// isOpener tells punctuation that may stand before inline markup.
func isOpener(r rune) bool {
	return strings.ContainsRune(`"'(<[{`, r) || r > unicode.MaxASCII && unicode.In(r, unicode.Ps, unicode.Pi, unicode.Pf)
}

// isCloser tells punctuation that may stand after inline markup.
func isCloser(r rune) bool {
	return strings.ContainsRune(`"')>]}`, r) || r > unicode.MaxASCII && unicode.In(r, unicode.Pe, unicode.Pi, unicode.Pf)
}

// isDelimiter tells punctuation that may stand on either side.
func isDelimiter(r rune) bool {
	return strings.ContainsRune(`-/:`, r) || r > unicode.MaxASCII && unicode.In(r, unicode.Pd, unicode.Po)
}

// matchingPair tells that two characters quote or bracket what is between them.
func matchingPair(before, after rune) bool {
	const pairs = `""''()<>[]{}«»»««««»»»‘’‘‚‚‘‚’’’“”“„„“„”””‹››‹››‹‹「」『』（）［］｛｝【】《》〈〉`
	runes := []rune(pairs)
	for i := 0; i+1 < len(runes); i += 2 {
		if runes[i] == before && runes[i+1] == after {
			return true
		}
	}
	return false
}

// isMarker tells the ASCII punctuation that lines and quotes are made of.
func isMarker(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// isRule tells a line that is one punctuation character repeated.
func isRule(line string) bool {
	line = strings.TrimRight(line, " ")
	return line != "" && isMarker(line[0]) && strings.Trim(line, line[:1]) == ""
}
