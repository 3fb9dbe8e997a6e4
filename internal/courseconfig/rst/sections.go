package rst

import (
	"slices"
	"strings"
)

// underlined reads a title with a line under it; false when the two lines are
// ordinary text.
func (s *body) underlined(title, under string) bool {
	line := s.line() + 1
	title, under = strings.TrimRightFunc(title, isSpace), strings.TrimRightFunc(under, isSpace)
	source := title + "\n" + under
	var messages []*node
	if columnWidth(title) > len(under) {
		if len(under) < 4 {
			return false
		}
		messages = some(s.p.message(levelWarning, line, "Title underline too short.", literal(source)))
	}
	if !s.titles {
		s.node.addMessages(messages...)
		s.node.addMessages(s.p.message(levelSevere, line, "Unexpected section title.", literal(source)))
		s.i += 2
		return true
	}
	s.i += 2
	s.section(heading{title: title, source: source, style: under[:1], line: line - 1, lines: 2, messages: messages})
	return true
}

// rule reads what begins with a line of punctuation: a title with lines over
// and under it, or a transition. It is false when the line is ordinary text.
func (s *body) rule() bool {
	over := strings.TrimRightFunc(s.at(s.i), isSpace)
	short := len(over) < 4
	if !s.titles {
		if short {
			return false
		}
		s.node.addMessages(s.p.message(levelSevere, s.line(), "Unexpected section title or transition.", literal(s.at(s.i))))
		s.i++
		return true
	}
	title := s.at(s.i + 1)
	switch {
	case isBlank(title):
		if short {
			return false
		}
		t := newNode("transition")
		t.line = s.line()
		s.node.add(t)
		s.i++
		return true
	case isRule(title):
		if short {
			return false
		}
		source := over + "\n" + title
		s.node.addMessages(s.p.message(levelError, s.line(), "Invalid section title or transition marker.", literal(source)))
		s.i += 2
		return true
	}
	return s.overlined(over, title)
}

func (s *body) overlined(over, title string) bool {
	line := s.line()
	under, short := strings.TrimRightFunc(s.at(s.i+2), isSpace), len(over) < 4
	source := over + "\n" + title + "\n" + under
	problem, used := "", 3
	switch {
	case s.i+2 >= len(s.b.lines):
		problem, source, used = "Incomplete section title.", over+"\n"+title, 2
	case !isRule(under):
		problem = "Missing matching underline for section title overline."
	case over != under:
		problem = "Title overline & underline mismatch."
	}
	if problem != "" {
		if short {
			return false
		}
		s.node.addMessages(s.p.message(levelSevere, line, problem, literal(source)))
		s.i += used
		return true
	}
	var messages []*node
	title = strings.TrimRightFunc(title, isSpace)
	if columnWidth(title) > len(over) {
		if short {
			return false
		}
		messages = some(s.p.message(levelWarning, line, "Title overline too short.", literal(source)))
	}
	s.i += 3
	s.section(heading{
		title: strings.TrimLeftFunc(title, isSpace), source: source, style: over[:1] + under[:1],
		line: line + 1, lines: 3, messages: messages,
	})
	return true
}

// heading is a section title that has been read.
type heading struct {
	title, source string
	style         string // the character of the line under it, or of both lines
	line          int
	lines         int
	messages      []*node
}

// section opens a section below this one. A title of this level or above ends
// this block instead; the block around it reads the title again.
func (s *body) section(h heading) {
	p := s.p
	level := slices.Index(p.styles, h.style) + 1
	switch {
	case level == 0 && len(p.styles) == p.level:
		p.styles = append(p.styles, h.style)
	case level == 0 || level > p.level+1:
		s.node.addMessages(p.message(levelSevere, h.line, "Title level inconsistent:", literal(h.source)))
		return
	case level <= p.level:
		p.level = level
		s.i -= h.lines
		s.stop = true
		return
	}
	mine := p.level
	p.level++
	sec := newNode("section")
	s.node.add(sec)
	nodes, messages := p.inline(h.title, h.line, s.node)
	title := newNode("title", nodes...)
	sec.names = append(sec.names, refName(title.plain()))
	sec.add(title)
	sec.addMessages(h.messages...)
	sec.addMessages(messages...)
	p.note(sec, sec, false)
	inner := &body{p: p, b: s.b.from(s.i), node: sec, titles: true}
	inner.run()
	s.i += inner.i
	if p.level <= mine {
		s.stop = true
		return
	}
	p.level = mine
}
