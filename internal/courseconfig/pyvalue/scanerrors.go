package pyvalue

import (
	"fmt"
	"strings"
)

// fail makes an error at a place; the reader adds the file.
func (s *scanner) fail(at mark, message, hint string) *SyntaxError {
	return &SyntaxError{Pos: at.pos(), Message: message, Hint: hint}
}

// isFirst tells whether nothing but spaces stands before a place in its line.
func (s *source) isFirst(m mark) bool {
	i := m.index
	for i > 0 && isOneOf(s.text[i-1], " \t\uFEFF") {
		i--
	}
	return i == 0 || isBreak(s.text[i-1])
}

// noColon is the error of a line that had to be a key and has no ':'.
func (s *scanner) noColon(c keyCandidate) *SyntaxError {
	end := c.start.index
	for !isBreakOrEnd(s.text[end]) {
		end++
	}
	line := s.text[c.start.index:end]
	if at := gluedColon(line); at > 0 {
		return s.missingSpace(mark{line: c.start.line, col: c.start.col + at})
	}
	if len(line) > maxKeyLength {
		return s.fail(c.start, fmt.Sprintf("the key that starts here has no ':' within %d characters", maxKeyLength),
			"Shorten the key, or indent the line if it belongs to the text above.")
	}
	return s.fail(c.start, "this line must be a key with ':' behind it, as those above",
		"Add the ':', or indent the line if it belongs to the text above.")
}

func (s *scanner) missingSpace(at mark) *SyntaxError {
	return s.fail(at, "a space is missing behind this ':'", "Write \"key: value\" with a space behind the colon.")
}

// gluedColon finds the first ':' without white space behind it that looks like
// the end of a key, and not like part of an address; 0 when there is none.
func gluedColon(line []rune) int {
	for i, r := range line {
		switch {
		case isOneOf(r, "\"'[]{}#"):
			return 0
		case r == ':' && i+1 < len(line) && !isOneOf(line[i+1], "/: \t"):
			return i
		}
	}
	return 0
}

// badColon is the error of a ':' where no value can follow.
func (s *scanner) badColon() *SyntaxError {
	from := s.index
	for from > 0 && !isBreak(s.text[from-1]) {
		from--
	}
	before := string(s.text[from:s.index])
	if strings.Contains(before, ": ") {
		return s.fail(s.mark, "a second ':' with a space behind it stands on this line",
			"Put the text in quotes if the colon belongs to it, or start the inner mapping on a new line.")
	}
	if at, ok := s.gluedAbove(from); ok {
		return s.missingSpace(at)
	}
	return s.fail(s.mark, "a ':' cannot stand here: the text before it goes on from a line above, or cannot be a key",
		"Check the indentation of this line and the one above; put the text in quotes if the colon belongs to it.")
}

// gluedAbove looks for a missing space behind a ':' in the line above the one
// that starts at from.
func (s *scanner) gluedAbove(from int) (mark, bool) {
	end := from
	for end > 0 && (isBreak(s.text[end-1]) || s.text[end-1] == ' ') {
		end--
	}
	start := end
	for start > 0 && !isBreak(s.text[start-1]) {
		start--
	}
	line := s.text[start:end]
	trimmed := []rune(strings.TrimLeft(string(line), " -"))
	at := gluedColon(trimmed)
	if at == 0 || strings.Contains(string(line), ": ") {
		return mark{}, false
	}
	place := &source{text: s.text}
	place.forward(start + len(line) - len(trimmed) + at)
	return place.mark, true
}

// badStart is the error of a character that starts nothing.
func (s *scanner) badStart(r rune) *SyntaxError {
	switch {
	case r == '\t' && s.isFirst(s.mark):
		return s.fail(s.mark, "a tab is used for indentation, where YAML allows only spaces", "Replace the tab with spaces.")
	case r == '\t':
		return s.fail(s.mark, "a tab stands where YAML allows only spaces",
			"Replace the tab with a space, or put the text in quotes if the tab belongs to it.")
	case r == '|' || r == '>':
		return s.fail(s.mark, fmt.Sprintf("a block text (%c) cannot stand inside brackets", r), "Write the text in quotes.")
	default:
		return s.fail(s.mark, fmt.Sprintf("a text cannot start with %s", charName(r)), "Put the text in quotes.")
	}
}
