package pyvalue

import (
	"fmt"
	"unicode/utf8"
)

// scanPlain reads a text without quotes. It may go on over several lines.
func (s *scanner) scanPlain() (token, *SyntaxError) {
	var text []byte // what line breaks were folded in; what follows starts at from
	var gap plainGap
	start, end, from := s.mark, s.mark, s.off
	for s.peek(0) != '#' {
		n := s.plainLength()
		if n == 0 {
			break
		}
		s.keyAllowed = false
		if gap.kind == lineGap {
			text = append(append(text, s.raw[from:end.off]...), gap.folded...)
			from = s.off
		}
		s.forward(n)
		end = s.mark
		gap = s.scanPlainGap()
		if gap.kind == noGap || s.level == 0 && s.col <= s.indent {
			break
		}
	}
	words := s.raw[from:end.off]
	if text != nil {
		words = string(append(text, words...))
	}
	return token{kind: tokenScalar, start: start, end: end, text: words, plain: true}, nil
}

// plainLength counts the characters ahead that belong to a plain text, up to
// white space.
func (s *scanner) plainLength() int {
	n := 0
	for rest := s.text[s.index:]; !s.endsPlain(rest[n], rest[n+1]); {
		n++
	}
	return n
}

// endsPlain tells whether a character does not belong to a plain text, by the
// next one.
func (s *scanner) endsPlain(r, next rune) bool {
	switch r {
	case ':':
		return isBlankOrEnd(next) || s.level > 0 && isOneOf(next, ",[]{}")
	case ',', '?', '[', ']', '{', '}':
		return s.level > 0
	default:
		return isBlankOrEnd(r)
	}
}

// plainGap is white space inside or behind a plain text. It counts only if more
// text follows.
type plainGap struct {
	kind   gapKind
	folded []byte // what stands for the line breaks of a lineGap
}

type gapKind int

const (
	noGap    gapKind = iota // also where a document marker follows
	spaceGap                // spaces, which stay as they are
	lineGap
)

// scanPlainGap reads the white space inside or behind a plain text.
func (s *scanner) scanPlainGap() plainGap {
	from := s.index
	s.skipSpaces()
	first := s.lineBreak()
	switch {
	case first == 0 && s.index == from:
		return plainGap{}
	case first == 0:
		return plainGap{kind: spaceGap}
	}
	s.keyAllowed = true
	if s.atSeparator() {
		return plainGap{}
	}
	var breaks []byte
	for {
		s.skipSpaces()
		r := s.lineBreak()
		if r == 0 {
			return plainGap{lineGap, foldBreaks(first, breaks)}
		}
		breaks = utf8.AppendRune(breaks, r)
		if s.atSeparator() {
			return plainGap{}
		}
	}
}

// foldBreaks gives what a line break followed by others stands for: one is a
// space, of several the first is dropped; the Unicode separators stay.
func foldBreaks(first rune, others []byte) []byte {
	if first != '\n' {
		return append(utf8.AppendRune(nil, first), others...)
	}
	if len(others) == 0 {
		return []byte{' '}
	}
	return others
}

// take appends the next n characters to text and moves over them.
func (s *scanner) take(text []byte, n int) []byte {
	return append(text, s.cut(n)...)
}

// cut moves over the next n characters and gives them.
func (s *scanner) cut(n int) string {
	from := s.off
	s.forward(n)
	return s.raw[from:s.off]
}

// scanQuoted reads a text in single or double quotes.
func (s *scanner) scanQuoted() (token, *SyntaxError) {
	start, quote := s.mark, s.peek(0)
	s.opened = start
	s.forward(1)
	if n := s.simpleQuoted(quote); n >= 0 {
		simple := s.cut(n)
		s.forward(1)
		return token{kind: tokenScalar, start: start, end: s.mark, text: simple}, nil
	}
	text, err := s.scanQuotedWords(nil, quote)
	for err == nil && s.peek(0) != quote {
		if text, err = s.scanQuotedGap(text, quote); err == nil {
			text, err = s.scanQuotedWords(text, quote)
		}
	}
	if err != nil {
		return token{}, err
	}
	s.forward(1)
	return token{kind: tokenScalar, start: start, end: s.mark, text: string(text)}, nil
}

// simpleQuoted counts the characters up to the closing quote, if the text stands
// as it is, on one line and without backslashes; otherwise it is negative.
func (s *scanner) simpleQuoted(quote rune) int {
	rest, n := s.text[s.index:], 0
	for rest[n] != quote && rest[n] != '\\' && !isBreakOrEnd(rest[n]) {
		n++
	}
	if rest[n] != quote || quote == '\'' && rest[n+1] == quote {
		return -1
	}
	return n
}

// scanQuotedWords reads up to white space or the closing quote.
func (s *scanner) scanQuotedWords(text []byte, quote rune) ([]byte, *SyntaxError) {
	for {
		n := 0
		for r := s.peek(0); !isBlankOrEnd(r) && r != '\'' && r != '"' && r != '\\'; r = s.peek(n) {
			n++
		}
		text = s.take(text, n)
		r := s.peek(0)
		switch {
		case isBlankOrEnd(r):
			return text, nil
		case r == '\'' && quote == r && s.peek(1) == r:
			text = append(text, '\'')
			s.forward(2)
		case r == quote:
			return text, nil
		case r == '\\' && quote == '"':
			var err *SyntaxError
			if text, err = s.scanEscape(text); err != nil {
				return nil, err
			}
		default:
			text = s.take(text, 1)
		}
	}
}

// simpleEscape gives the character that an escape of one character means.
func simpleEscape(r rune) (rune, bool) {
	switch r {
	case '0':
		return 0, true
	case 'a':
		return '\a', true
	case 'b':
		return '\b', true
	case 't', '\t':
		return '\t', true
	case 'n':
		return '\n', true
	case 'v':
		return '\v', true
	case 'f':
		return '\f', true
	case 'r':
		return '\r', true
	case 'e':
		return 0x1B, true
	case ' ', '"', '\\', '/':
		return r, true
	case 'N':
		return nextLine, true
	case '_':
		return 0xA0, true
	case 'L':
		return lineSeparator, true
	case 'P':
		return paragraphSeparator, true
	}
	return 0, false
}

// scanEscape reads what follows a backslash.
func (s *scanner) scanEscape(text []byte) ([]byte, *SyntaxError) {
	start := s.mark
	s.forward(1)
	r := s.peek(0)
	if plain, ok := simpleEscape(r); ok {
		s.forward(1)
		return appendRune(text, plain), nil
	}
	switch {
	case r == 'x':
		return s.scanHex(text, start, 2)
	case r == 'u':
		return s.scanHex(text, start, 4)
	case r == 'U':
		return s.scanHex(text, start, 8)
	case isBreak(r):
		s.lineBreak()
		return s.scanQuotedBreaks(text)
	}
	return nil, s.fail(start, fmt.Sprintf(`a backslash before %s means nothing in a text in double quotes`, charName(r)),
		`Write the backslash twice, or put the text in single quotes.`)
}

func (s *scanner) scanHex(text []byte, start mark, digits int) ([]byte, *SyntaxError) {
	kind := s.peek(0)
	s.forward(1)
	code := 0
	for range digits {
		d := hexDigit(s.peek(0))
		if d < 0 {
			return nil, s.fail(start, fmt.Sprintf(`\%c needs %d hexadecimal digits; %s is none`, kind, digits, charName(s.peek(0))),
				`Write the backslash twice if no escape is meant.`)
		}
		code = code<<4 | d
		s.forward(1)
	}
	if code > utf8.MaxRune {
		return nil, s.fail(start, fmt.Sprintf(`\%c%0*X is above the last character, U+10FFFF`, kind, digits, code), "")
	}
	return appendRune(text, rune(code)), nil
}

// scanQuotedGap reads white space inside quotes.
func (s *scanner) scanQuotedGap(text []byte, quote rune) ([]byte, *SyntaxError) {
	from := s.off
	for s.peek(0) == ' ' || s.peek(0) == '\t' {
		s.forward(1)
	}
	to := s.off
	if s.peek(0) == endOfText {
		return nil, s.fail(s.opened, fmt.Sprintf("the quote %c that opens here is never closed", quote),
			"Add the closing quote; inside single quotes an apostrophe is written twice.")
	}
	first := s.lineBreak()
	if first == 0 {
		return append(text, s.raw[from:to]...), nil
	}
	breaks, err := s.scanQuotedBreaks(nil)
	return append(text, foldBreaks(first, breaks)...), err
}

// scanQuotedBreaks reads empty lines and the indentation of the next one.
func (s *scanner) scanQuotedBreaks(text []byte) ([]byte, *SyntaxError) {
	for {
		if s.atSeparator() {
			return nil, s.fail(s.opened, fmt.Sprintf("the text in quotes that opens here is not closed before the document marker in line %d", s.line+1),
				"Add the closing quote.")
		}
		for s.peek(0) == ' ' || s.peek(0) == '\t' {
			s.forward(1)
		}
		r := s.lineBreak()
		if r == 0 {
			return text, nil
		}
		text = utf8.AppendRune(text, r)
	}
}

// appendRune appends r. Python allows lone surrogates in a text; they get the
// three bytes that UTF-8 would give them, see Value.Str.
func appendRune(b []byte, r rune) []byte {
	if r >= 0xD800 && r <= 0xDFFF {
		return append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(b, r)
}

func isOneOf(r rune, set string) bool {
	for _, c := range set {
		if r == c {
			return true
		}
	}
	return false
}

func hexDigit(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= 'a' && r <= 'f':
		return int(r-'a') + 10
	case r >= 'A' && r <= 'F':
		return int(r-'A') + 10
	}
	return -1
}
