package rst

import (
	"strings"
	"unicode/utf8"
)

// optionLen is the length of the options that begin a line, with the blanks
// after them, or 0: "-a, --all=X  ".
func optionLen(line string) int {
	n := 0
	for {
		w := oneOptionLen(line[n:])
		if w == 0 {
			return 0
		}
		n += w
		if !strings.HasPrefix(line[n:], ", ") {
			break
		}
		n += 2
	}
	rest := line[n:]
	blanks := len(rest) - len(strings.TrimLeft(rest, " "))
	if blanks == len(rest) && blanks <= 1 || blanks >= 2 {
		return n + blanks
	}
	return 0
}

// oneOptionLen is the length of one option with its argument, or 0.
func oneOptionLen(s string) int {
	n := 0
	joint := " "
	switch {
	case strings.HasPrefix(s, "--") || strings.HasPrefix(s, "/"):
		n = 1
		if s[0] == '-' {
			n = 2
		}
		if n >= len(s) || !isLetter(s[n]) && !isDigit(s[n]) {
			return 0
		}
		for n < len(s) && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '-' || s[n] == '_') {
			n++
		}
		joint = " ="
	case len(s) > 1 && (s[0] == '-' || s[0] == '+') && (isLetter(s[1]) || isDigit(s[1])):
		n = 2
		if w := optionArgLen(s[n:]); w > 0 {
			return n + w
		}
	default:
		return 0
	}
	if n < len(s) && strings.IndexByte(joint, s[n]) >= 0 {
		if w := optionArgLen(s[n+1:]); w > 0 {
			return n + 1 + w
		}
	}
	return n
}

func optionArgLen(s string) int {
	if strings.HasPrefix(s, "<") {
		if end := strings.IndexAny(s[1:], "<>"); end > 0 && s[1+end] == '>' {
			return end + 2
		}
		return 0
	}
	if s == "" || !isLetter(s[0]) {
		return 0
	}
	n := 1
	for n < len(s) && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '_' || s[n] == '-') {
		n++
	}
	return n
}

// optionList reads options with their descriptions; false when the first line
// has no description.
func (s *body) optionList() bool {
	list := newNode("option_list")
	setOff := true
	for {
		line := s.at(s.i)
		if line == "" || optionLen(line) == 0 {
			break
		}
		n := optionLen(line)
		before := s.i
		b, off := s.cut(indentRule{first: utf8.RuneCountInString(line[:n]), known: -1})
		if len(b.lines) == 0 {
			s.i = before
			break
		}
		setOff = off
		group := newNode("option_group")
		for _, o := range strings.Split(strings.TrimRight(line[:n], " "), ", ") {
			group.add(option(o))
		}
		description := newNode("description")
		list.add(newNode("option_list_item", group, description))
		s.p.nested(b, description)
	}
	if len(list.kids) == 0 {
		return false
	}
	s.node.add(list)
	s.unindent(setOff, "Option list")
	return true
}

// option splits an option from its argument.
func option(s string) *node {
	name, arg, joint := s, "", ""
	if before, after, ok := strings.Cut(s, " "); ok {
		name, arg, joint = before, after, " "
	}
	if before, after, ok := strings.Cut(name, "="); ok {
		name, joint = before, "="
		arg = strings.TrimSpace(after + " " + arg)
	} else if len(name) > 2 && !strings.HasPrefix(name, "--") && name[0] != '/' {
		arg, joint = strings.TrimSpace(name[2:]+" "+arg), ""
		name = name[:2]
	}
	o := newNode("option", newNode("option_string", textNode(name)))
	if arg != "" {
		o.add(newNode("option_argument", textNode(arg)).set("delimiter", joint))
	}
	return o
}
