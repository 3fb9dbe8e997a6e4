package rst

import (
	"strings"
	"unicode/utf8"
)

// explicit reads what begins with two dots: footnotes, citations, targets,
// substitutions, directives and comments.
func (s *body) explicit() {
	line := s.at(s.i)
	n := markLen(line, "..")
	rest := line[n:]
	var setOff bool
	problem := ""
	switch name, used := directiveName(rest); {
	case strings.HasPrefix(rest, "[") && isFootnote(rest):
		setOff = s.footnote(n)
	case strings.HasPrefix(rest, "_") && rest != "_" && rest[1] != ' ':
		setOff, problem = s.target(n)
	case strings.HasPrefix(rest, "|") && rest != "|" && rest[1] != ' ':
		setOff, problem = s.substitutionDef(n)
	case name != "":
		setOff = s.directive(name, n+used)
	default:
		setOff = s.comment(n)
	}
	if problem != "" {
		number := s.line()
		setOff = s.comment(n)
		s.node.addMessages(s.p.message(levelWarning, number, problem))
	}
	s.afterExplicit(setOff)
}

// afterExplicit warns unless more of the kind follows.
func (s *body) afterExplicit(setOff bool) {
	next := s.at(s.i)
	if !isBlank(next) && (marked(next, "..") || marked(next, "__")) {
		return
	}
	s.unindent(setOff, "Explicit markup")
}

func isFootnote(rest string) bool {
	label, ok := footnoteLabel(rest[1:])
	return ok && marked(rest, "["+label+"]")
}

func (s *body) footnote(n int) bool {
	line := s.at(s.i)
	label, _ := footnoteLabel(line[n+1:])
	used := n + markLen(line[n:], "["+label+"]")
	number := s.line()
	b, setOff := s.cut(indentRule{first: utf8.RuneCountInString(line[:used]), known: -1})
	f := newNode("footnote")
	f.line = number
	name, d := refName(label), s.p.doc
	switch {
	case label[0] == '#':
		f.set("auto", "1")
		name = name[1:]
		d.footnotes = append(d.footnotes, f)
	case label == "*":
		f.set("auto", "*")
		name = ""
		d.symbols = append(d.symbols, f)
	case strings.Trim(label, "0123456789") == "":
		f.add(newNode("label", textNode(label)))
	default:
		f.tag = "citation"
		f.add(newNode("label", textNode(label)))
		d.citations = append(d.citations, f)
	}
	s.node.add(f)
	if name != "" {
		f.names = append(f.names, name)
		s.p.note(f, f, true)
	} else {
		d.giveID(f)
	}
	s.p.nested(b, f)
	return setOff
}

func (s *body) comment(n int) bool {
	line := s.at(s.i)
	if suffix(line, n) == "" && isBlank(s.at(s.i+1)) {
		s.node.add(newNode("comment", textNode("")))
		s.i++
		return true
	}
	b, setOff := s.cut(indentRule{first: n, known: -1})
	s.node.add(newNode("comment", textNode(b.trimBlank().text())))
	return setOff
}

// target reads ".. _name: where it leads".
func (s *body) target(n int) (bool, string) {
	number := s.line()
	b, setOff := s.b.cut(s.i, indentRule{first: n + 1, known: -1, untilBlank: true, keep: true})
	escaped := ""
	for i, l := range b.lines {
		escaped += markEscapes(l)
		name, rest, ok := targetName(escaped)
		if !ok {
			continue
		}
		lines := []string{strings.TrimSpace(rest)}
		for _, l := range b.lines[i+1:] {
			lines = append(lines, markEscapes(l))
		}
		s.i += len(b.lines)
		s.addTarget(name, lines, number)
		return setOff, ""
	}
	s.i += len(b.lines) - 1
	return false, "malformed hyperlink target."
}

// targetName reads the name of a target up to its colon; "" for an anonymous one.
func targetName(s string) (name, rest string, ok bool) {
	if after, found := strings.CutPrefix(s, "_:"); found && (after == "" || after[0] == ' ') {
		return "", after, true
	}
	quoted := strings.HasPrefix(s, "`")
	start := 0
	if quoted {
		start = 1
	}
	if start >= len(s) || s[0] == '_' || s[start] == ' ' || s[start] == '`' {
		return "", "", false
	}
	for i := start + 1; i < len(s); i++ {
		if s[i] != ':' || s[i-1] == 0 || i+1 < len(s) && s[i+1] != ' ' {
			continue
		}
		name := strings.TrimSuffix(s[:i], " ")
		if quoted {
			if len(name) < 3 || !strings.HasSuffix(name, "`") || strings.HasSuffix(name, "\x00`") {
				continue
			}
			name = name[1 : len(name)-1]
		}
		last, _ := utf8.DecodeLastRuneInString(name)
		if isSpace(last) || last == 0 || name == "" || last == ':' && !strings.HasSuffix(name, "\x00:") {
			continue
		}
		return name, s[i+1:], true
	}
	return "", "", false
}

// anonymous reads "__ where it leads".
func (s *body) anonymous() {
	number := s.line()
	n := markLen(s.at(s.i), "__")
	b, setOff := s.b.cut(s.i, indentRule{first: n, known: -1, untilBlank: true})
	s.i += len(b.lines)
	lines := make([]string, len(b.lines))
	for i, l := range b.lines {
		lines[i] = markEscapes(l)
	}
	s.addTarget("", lines, number)
	s.afterExplicit(setOff)
}

// addTarget adds a target that leads to an address, to another name, or to
// what follows it.
func (s *body) addTarget(name string, lines []string, number int) {
	d := s.p.doc
	t := newNode("target")
	t.line = number
	s.node.add(t)
	if other, ok := indirectName(lines); ok {
		t.set("refname", refName(other))
		d.indirect = append(d.indirect, t)
	} else if uri := targetURI(lines); uri != "" {
		if name != "" {
			uri = adjustURI(uri)
		}
		t.set("refuri", uri)
	}
	if name == "" {
		t.set("anonymous", "1")
		d.anonTgts = append(d.anonTgts, t)
		d.giveID(t)
		return
	}
	t.names = append(t.names, refName(unescape(name)))
	s.p.note(t, s.node, true)
}

// indirectName finds the name in "other_" or "`other name`_".
func indirectName(lines []string) (string, bool) {
	if len(lines) == 0 || !strings.HasSuffix(strings.TrimSpace(lines[len(lines)-1]), "_") {
		return "", false
	}
	parts := make([]string, len(lines))
	for i, l := range lines {
		parts[i] = strings.TrimSpace(l)
	}
	ref := normalSpace(strings.Join(parts, " "))
	if n, _ := nameLen(ref); n > 0 && ref[n:] == "_" {
		return ref[:n], true
	}
	inner, ok := strings.CutPrefix(ref, "`")
	if !ok {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, "`_")
	if !ok || inner == "" || inner[0] == ' ' || strings.HasSuffix(inner, " ") || strings.HasSuffix(inner, "\x00") {
		return "", false
	}
	return unescape(inner), true
}

func targetURI(lines []string) string {
	joined := strings.NewReplacer("\x00 ", "\x01").Replace(strings.Join(lines, " "))
	uri := strings.Join(strings.FieldsFunc(unescape(joined), isSpace), "")
	return strings.ReplaceAll(uri, "\x01", " ")
}
