package pyvalue

import (
	"fmt"
	"unicode/utf8"
)

// scanAnchor reads an anchor (&name) or an alias (*name).
func (s *scanner) scanAnchor() (token, *SyntaxError) {
	start, kind, sign := s.mark, tokenAnchor, s.peek(0)
	if sign == '*' {
		kind = tokenAlias
	}
	s.forward(1)
	name := s.takeWord()
	if r := s.peek(0); name == "" || !isBlankOrEnd(r) && !isOneOf(r, "?:,]}%@`") {
		return token{}, s.fail(start, fmt.Sprintf("%c starts the name of an anchor, which has only letters of English, digits, - and _; found %s", sign, charName(r)),
			fmt.Sprintf("Put the text in quotes if %c belongs to it.", sign))
	}
	return token{kind: kind, start: start, end: s.mark, text: name}, nil
}

// takeWord moves over letters, digits, - and _ and gives them.
func (s *scanner) takeWord() string {
	n := 0
	for isWord(s.peek(n)) {
		n++
	}
	return s.cut(n)
}

// scanTag reads a tag: !<verbatim>, a lone !, !suffix or !handle!suffix.
func (s *scanner) scanTag() (token, *SyntaxError) {
	t := token{kind: tokenTag, start: s.mark}
	var err *SyntaxError
	switch next := s.peek(1); {
	case next == '<':
		s.forward(2)
		if t.text, err = s.scanURI(t.start); err != nil {
			return token{}, err
		}
		if s.peek(0) != '>' {
			return token{}, s.badTag(t.start)
		}
		s.forward(1)
	case isBlankOrEnd(next):
		s.forward(1)
		t.text = "!"
	default:
		if t.handle, err = s.scanHandle(t.start); err != nil {
			return token{}, err
		}
		if t.text, err = s.scanURI(t.start); err != nil {
			return token{}, err
		}
	}
	if !isSpaceOrEnd(s.peek(0)) {
		return token{}, s.badTag(t.start)
	}
	t.end = s.mark
	return t, nil
}

func (s *scanner) badTag(start mark) *SyntaxError {
	return s.fail(start, fmt.Sprintf("'!' starts a tag; %s cannot stand in it or behind it", charName(s.peek(0))),
		"Put the text in quotes if '!' belongs to it.")
}

// scanHandle reads the handle of a tag: !, !! or !word!.
func (s *scanner) scanHandle(start mark) (string, *SyntaxError) {
	n := 1
	for r := s.peek(n); !isSpaceOrEnd(r) && r != '!'; r = s.peek(n) {
		n++
	}
	if s.peek(n) != '!' {
		s.forward(1)
		return "!", nil
	}
	return s.scanFullHandle(start)
}

// scanFullHandle reads a handle that must end with '!', except for the
// shortest one when a space follows.
func (s *scanner) scanFullHandle(start mark) (string, *SyntaxError) {
	if s.peek(0) != '!' {
		return "", s.badTag(start)
	}
	n := 1
	if s.peek(1) != ' ' {
		for isWord(s.peek(n)) {
			n++
		}
		if s.peek(n) != '!' {
			s.forward(n)
			return "", s.badTag(start)
		}
		n++
	}
	return s.cut(n), nil
}

// scanURI reads the characters of a tag, with %-escapes decoded.
func (s *scanner) scanURI(start mark) (string, *SyntaxError) {
	var uri []byte
	for {
		r := s.peek(0)
		switch {
		case r == '%':
			part, err := s.scanURIEscapes()
			if err != nil {
				return "", err
			}
			uri = append(uri, part...)
		case isWord(r) || isOneOf(r, ";/?:@&=+$,.!~*'()[]"):
			uri = s.take(uri, 1)
		case len(uri) == 0:
			return "", s.badTag(start)
		default:
			return string(uri), nil
		}
	}
}

// scanURIEscapes reads a run of %XX, which together must be UTF-8.
func (s *scanner) scanURIEscapes() ([]byte, *SyntaxError) {
	start := s.mark
	var codes []byte
	for s.peek(0) == '%' {
		high, low := hexDigit(s.peek(1)), -1
		if high >= 0 {
			low = hexDigit(s.peek(2))
		}
		if low < 0 {
			return nil, s.fail(s.mark, "'%' in a tag needs two hexadecimal digits", "")
		}
		codes = append(codes, byte(high<<4|low))
		s.forward(3)
	}
	if !utf8.Valid(codes) {
		return nil, s.fail(start, "the %-escapes of this tag are not UTF-8", "")
	}
	return codes, nil
}

// scanDirective reads a line such as %YAML 1.1 or %TAG ! prefix. A directive
// of any other name is read over. For %TAG, handle and text are set; for %YAML
// text is the major version.
func (s *scanner) scanDirective() (token, *SyntaxError) {
	t := token{kind: tokenDirective, start: s.mark}
	s.forward(1)
	name := s.takeWord()
	if name == "" || !isSpaceOrEnd(s.peek(0)) {
		return token{}, s.fail(t.start, "'%' at the start of a line begins a YAML directive, and this is none",
			"Indent the line, or put the text in quotes.")
	}
	var err *SyntaxError
	switch name {
	case "YAML":
		t.text, err = s.scanVersion(t.start)
	case "TAG":
		t.handle, t.text, err = s.scanTagDirective(t.start)
	default:
		s.skipLine()
	}
	if err != nil {
		return token{}, err
	}
	t.end = s.mark
	s.skipSpaces()
	s.skipComment()
	if !isBreakOrEnd(s.peek(0)) {
		return token{}, s.badDirective(t.start)
	}
	s.lineBreak()
	return t, nil
}

func (s *scanner) badDirective(start mark) *SyntaxError {
	return s.fail(start, fmt.Sprintf("this YAML directive is broken at %s", charName(s.peek(0))),
		`Remove the line; course files need no directives.`)
}

// scanVersion reads "major.minor" and gives the major part without leading
// zeros.
func (s *scanner) scanVersion(start mark) (string, *SyntaxError) {
	s.skipSpaces()
	major := s.takeDigits()
	if major == "" || s.peek(0) != '.' {
		return "", s.badDirective(start)
	}
	s.forward(1)
	if s.takeDigits() == "" || !isSpaceOrEnd(s.peek(0)) {
		return "", s.badDirective(start)
	}
	for len(major) > 1 && major[0] == '0' {
		major = major[1:]
	}
	return major, nil
}

func (s *scanner) takeDigits() string {
	n := 0
	for r := s.peek(0); r >= '0' && r <= '9'; r = s.peek(n) {
		n++
	}
	return s.cut(n)
}

func (s *scanner) scanTagDirective(start mark) (handle, prefix string, err *SyntaxError) {
	s.skipSpaces()
	if handle, err = s.scanFullHandle(start); err != nil {
		return "", "", err
	}
	if s.peek(0) != ' ' {
		return "", "", s.badDirective(start)
	}
	s.skipSpaces()
	if prefix, err = s.scanURI(start); err != nil {
		return "", "", err
	}
	if !isSpaceOrEnd(s.peek(0)) {
		return "", "", s.badDirective(start)
	}
	return handle, prefix, nil
}
