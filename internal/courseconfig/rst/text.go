package rst

import (
	"strings"
)

// text reads what begins with ordinary text: a paragraph, a section title or a
// definition list.
func (s *body) text() {
	line, next := s.at(s.i), s.at(s.i+1)
	switch {
	case isBlank(next):
		s.paragraph()
	case next[0] == ' ':
		s.definitionList()
	case isRule(next):
		if !s.underlined(line, next) {
			s.paragraph()
		}
	default:
		s.paragraph()
	}
}

// paragraph reads lines up to an empty or an indented one.
func (s *body) paragraph() {
	start, first := s.i, s.line()
	s.i++
	for s.i < len(s.b.lines) && !isBlank(s.at(s.i)) && s.at(s.i)[0] != ' ' {
		s.i++
	}
	literalNext := s.addParagraph(strings.Join(s.b.lines[start:s.i], "\n"), first)
	if s.i < len(s.b.lines) && !isBlank(s.at(s.i)) {
		s.node.addMessages(s.p.message(levelError, s.line(), "Unexpected indentation."))
	}
	if literalNext {
		s.literalBlock()
	}
}

// addParagraph adds a paragraph, if there is any text, and tells whether its
// end announces a literal block.
func (s *body) addParagraph(text string, line int) bool {
	text = strings.TrimRightFunc(text, isSpace)
	announces := endsWithColons(text)
	if announces {
		switch {
		case text == "::":
			return true
		case isSpace(rune(text[len(text)-3])):
			text = strings.TrimRightFunc(text[:len(text)-3], isSpace)
		default:
			text = text[:len(text)-1]
		}
	}
	para := newNode("paragraph")
	para.line = line
	nodes, messages := s.p.inline(text, line, s.node)
	para.add(nodes...)
	s.node.add(para)
	s.node.addMessages(messages...)
	return announces
}

// endsWithColons tells that text ends with two colons that are not escaped.
func endsWithColons(text string) bool {
	rest, ok := strings.CutSuffix(text, "::")
	slashes := len(rest) - len(strings.TrimRight(rest, `\`))
	return ok && slashes%2 == 0
}

// literalBlock reads an indented block, or lines that are quoted alike.
func (s *body) literalBlock() {
	b, setOff := s.cut(indentRule{first: -1, known: -1})
	b = b.trimBlank()
	if len(b.lines) == 0 {
		s.quotedLiteral()
		return
	}
	n := literal(b.text())
	n.line = b.first
	s.node.add(n)
	s.unindent(setOff, "Literal block")
}

func (s *body) quotedLiteral() {
	announced := s.line() - 1
	for s.i < len(s.b.lines) && isBlank(s.at(s.i)) {
		s.i++
	}
	start := s.i
	line := s.at(s.i)
	if line == "" || !isMarker(line[0]) {
		at := s.line()
		if line == "" {
			at = max(s.b.first+len(s.b.lines)-1, announced+1)
		}
		s.node.addMessages(s.p.message(levelWarning, at, "Literal block expected; none found."))
		return
	}
	for s.i < len(s.b.lines) && strings.HasPrefix(s.at(s.i), line[:1]) {
		s.i++
	}
	n := literal(strings.Join(s.b.lines[start:s.i], "\n"))
	n.line = s.b.first + start
	s.node.add(n)
	if rest := s.at(s.i); !isBlank(rest) {
		problem := "Inconsistent literal block quoting."
		if rest[0] == ' ' {
			problem = "Unexpected indentation."
		}
		s.node.addMessages(s.p.message(levelError, s.line(), problem))
	}
}

func (s *body) doctest() {
	start := s.i
	for s.i < len(s.b.lines) && !isBlank(s.at(s.i)) {
		s.i++
	}
	s.node.add(newNode("doctest_block", textNode(strings.Join(s.b.lines[start:s.i], "\n"))))
}

// definitionList reads terms with an indented definition under each.
func (s *body) definitionList() {
	list := newNode("definition_list")
	s.node.add(list)
	setOff := true
	for {
		setOff = s.definition(list)
		line, next := s.at(s.i), s.at(s.i+1)
		if isBlank(line) || classify(line) != kindText || isBlank(next) || next[0] != ' ' {
			break
		}
	}
	s.unindent(setOff, "Definition list")
}

func (s *body) definition(list *node) bool {
	term := s.at(s.i)
	s.i++
	b, setOff := s.cut(indentRule{first: -1, known: -1})
	line := s.line() - 2 // docutils counts from the end of the definition
	item := newNode("definition_list_item")
	item.line = line
	list.add(item)
	nodes, messages := s.p.inline(term, line, s.node)
	s.addTerm(item, nodes, line)
	def := newNode("definition")
	item.add(def)
	def.addMessages(messages...)
	s.p.nested(b, def)
	return setOff
}

// addTerm splits a term at " : " into the term and its classifiers.
func (s *body) addTerm(item *node, nodes []*node, line int) {
	last := newNode("term")
	last.line = line
	item.add(last)
	for _, n := range nodes {
		if n.tag != "#text" {
			last.add(n)
			continue
		}
		for i, part := range splitClassifiers(n.text) {
			if i > 0 {
				last = newNode("classifier")
				item.add(last)
			}
			last.add(textNode(part))
		}
	}
}

func splitClassifiers(s string) []string {
	var parts []string
	rest := s
	for from := 0; ; {
		i := strings.Index(rest[from:], " :")
		if i < 0 {
			break
		}
		i += from
		after := rest[i+2:]
		if !strings.HasPrefix(after, " ") {
			from = i + 2
			continue
		}
		parts = append(parts, strings.TrimRight(rest[:i], " "))
		rest, from = strings.TrimLeft(after, " "), 0
	}
	if len(parts) > 0 {
		parts[0] = strings.TrimRightFunc(parts[0], isSpace)
	}
	return append(parts, rest)
}
