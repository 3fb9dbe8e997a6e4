package pyvalue

import (
	"fmt"
	"unicode/utf8"
)

// chomping says what becomes of the line breaks at the end of a block text.
type chomping int

const (
	clip  chomping = iota // one stays
	strip                 // none stays, '-'
	keep                  // all stay, '+'
)

func (s *scanner) fetchBlockScalar(folded bool) *SyntaxError {
	s.keyAllowed = true
	if err := s.removeCandidate(); err != nil {
		return err
	}
	t, err := s.scanBlock(folded)
	if err != nil {
		return err
	}
	s.queue = append(s.queue, t)
	return nil
}

// scanBlock reads a literal (|) or folded (>) text.
func (s *scanner) scanBlock(folded bool) (token, *SyntaxError) {
	start := s.mark
	s.forward(1)
	end, step, err := s.scanBlockHeader()
	if err != nil {
		return token{}, err
	}
	indent := max(s.indent+1, 1)
	var breaks, text []byte
	if step > 0 {
		indent += step - 1
		breaks = s.scanBlockBreaks(indent)
	} else {
		var deepest int
		breaks, deepest = s.scanBlockLead()
		indent = max(indent, deepest)
	}
	var last rune // break behind the last line with text
	for s.col == indent && s.peek(0) != endOfText {
		text = append(text, breaks...)
		flush := !isOneOf(s.peek(0), " \t")
		n := 0
		for !isBreakOrEnd(s.peek(n)) {
			n++
		}
		text = s.take(text, n)
		last = s.lineBreak()
		breaks = s.scanBlockBreaks(indent)
		if s.col != indent || s.peek(0) == endOfText {
			break
		}
		switch {
		case !folded || last != '\n' || !flush || isOneOf(s.peek(0), " \t"):
			text = utf8.AppendRune(text, last)
		case len(breaks) == 0:
			text = append(text, ' ')
		}
	}
	if end != strip && last != 0 {
		text = utf8.AppendRune(text, last)
	}
	if end == keep {
		text = append(text, breaks...)
	}
	return token{kind: tokenScalar, start: start, end: s.mark, text: string(text)}, nil
}

// scanBlockHeader reads the rest of the line of | or >: chomping and
// indentation, in either order, and a comment. step is 0 without indentation.
func (s *scanner) scanBlockHeader() (end chomping, step int, err *SyntaxError) {
	end, hasEnd := s.scanChomping()
	if r := s.peek(0); r >= '0' && r <= '9' {
		if r == '0' {
			return clip, 0, s.fail(s.mark, "the indentation of a block text is a digit from 1 to 9, not 0", "")
		}
		step = int(r - '0')
		s.forward(1)
	}
	if !hasEnd {
		end, _ = s.scanChomping()
	}
	if !isSpaceOrEnd(s.peek(0)) {
		return clip, 0, s.badBlockHeader()
	}
	s.skipSpaces()
	s.skipComment()
	if !isBreakOrEnd(s.peek(0)) {
		return clip, 0, s.badBlockHeader()
	}
	s.lineBreak()
	return end, step, nil
}

func (s *scanner) badBlockHeader() *SyntaxError {
	return s.fail(s.mark, fmt.Sprintf("a block text (| or >) starts on the next line; %s cannot stand here", charName(s.peek(0))),
		"Move the text to the next line, or put it in quotes if | or > belongs to it.")
}

func (s *scanner) scanChomping() (chomping, bool) {
	switch s.peek(0) {
	case '+':
		s.forward(1)
		return keep, true
	case '-':
		s.forward(1)
		return strip, true
	}
	return clip, false
}

// scanBlockLead reads the empty lines before the first one with text, and
// gives the deepest indentation seen.
func (s *scanner) scanBlockLead() (breaks []byte, deepest int) {
	for {
		if s.peek(0) == ' ' {
			s.forward(1)
			deepest = max(deepest, s.col)
			continue
		}
		r := s.lineBreak()
		if r == 0 {
			return breaks, deepest
		}
		breaks = utf8.AppendRune(breaks, r)
	}
}

// scanBlockBreaks reads empty lines and the indentation of the next one.
func (s *scanner) scanBlockBreaks(indent int) (breaks []byte) {
	for {
		for s.col < indent && s.peek(0) == ' ' {
			s.forward(1)
		}
		r := s.lineBreak()
		if r == 0 {
			return breaks
		}
		breaks = utf8.AppendRune(breaks, r)
	}
}
