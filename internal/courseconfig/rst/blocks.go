package rst

import (
	"strings"
	"unicode/utf8"
)

// blockQuote reads indented blocks; an attribution ends one and begins the next.
func (s *body) blockQuote() {
	b, setOff := s.cut(indentRule{first: -1, known: -1})
	for len(b.lines) > 0 {
		quote := newNode("block_quote")
		quote.line = b.first
		content, attribution, rest := splitAttribution(b)
		s.p.nested(content, quote)
		s.node.add(quote)
		if len(attribution.lines) > 0 {
			text := strings.TrimRightFunc(attribution.text(), isSpace)
			nodes, messages := s.p.inline(text, attribution.first, s.node)
			quote.add(newNode("attribution", nodes...))
			s.node.addMessages(messages...)
		}
		for b = rest; len(b.lines) > 0 && b.lines[0] == ""; {
			b = b.from(1)
		}
	}
	s.unindent(setOff, "Block quote")
}

// splitAttribution splits a quote at a line that begins with a dash after an
// empty line.
func splitAttribution(b block) (content, attribution, rest block) {
	seen := false
	for i, line := range b.lines {
		if isBlank(line) {
			continue
		}
		dash := dashLen(line)
		if seen && isBlank(b.lines[i-1]) && dash > 0 {
			if end, indent, ok := attributionEnd(b, i); ok {
				lines := append([]string{line[dash:]}, b.lines[i+1:end]...)
				for j := 1; j < len(lines); j++ {
					lines[j] = suffix(lines[j], indent)
				}
				content = block{lines: b.lines[:i], first: b.first}
				return content, block{lines: lines, first: b.first + i}, b.from(end)
			}
		}
		seen = true
	}
	return b, block{}, block{}
}

// dashLen is the length of the dash, and the blanks after it, that begins an
// attribution, or 0.
func dashLen(line string) int {
	for _, dash := range []string{"---", "--", "—"} {
		rest, ok := strings.CutPrefix(line, dash)
		trimmed := strings.TrimLeft(rest, " ")
		if ok && trimmed != "" && (dash == "—" || rest[0] != '-') {
			return len(line) - len(trimmed)
		}
	}
	return 0
}

// attributionEnd finds the end of an attribution; its lines after the first
// must be indented alike.
func attributionEnd(b block, start int) (end, indent int, ok bool) {
	indent = -1
	end = start + 1
	for ; end < len(b.lines) && !isBlank(b.lines[end]); end++ {
		n := indentOf(b.lines[end])
		if indent >= 0 && n != indent {
			return 0, 0, false
		}
		indent = n
	}
	return end, max(indent, 0), true
}

// fieldLen is the length of the field name with its colons, and the blanks
// after it, or 0.
func fieldLen(line string) int {
	if len(line) < 3 || line[0] != ':' || line[1] == ':' || line[1] == ' ' {
		return 0
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ':':
			rest := line[i+1:]
			if rest == "" || rest[0] == ' ' {
				if line[i-1] == ' ' || i == 1 {
					return 0
				}
				return i + 1 + len(rest) - len(strings.TrimLeft(rest, " "))
			}
			if rest[0] == '`' {
				return 0
			}
		}
	}
	return 0
}

// fieldName is the name in a field's mark of n bytes.
func fieldName(line string, n int) string {
	mark := strings.TrimRight(line[:n], " ")
	return mark[1 : len(mark)-1]
}

func (s *body) fieldList() {
	list := newNode("field_list")
	s.node.add(list)
	setOff := true
	for {
		line := s.at(s.i)
		if line == "" || fieldLen(line) == 0 {
			break
		}
		n, number := fieldLen(line), s.line()
		b, off := s.cut(indentRule{first: utf8.RuneCountInString(line[:n]), known: -1})
		setOff = off
		field := newNode("field")
		field.line = number
		list.add(field)
		nodes, messages := s.p.inline(fieldName(line, n), number, s.node)
		content := newNode("field_body")
		field.add(newNode("field_name", nodes...), content)
		content.addMessages(messages...)
		s.p.nested(b, content)
	}
	s.unindent(setOff, "Field list")
}

// lineBlock reads lines that begin with a bar.
func (s *body) lineBlock() {
	root := newNode("line_block")
	s.node.add(root)
	first := s.line()
	setOff := true
	var lines []*node
	var indents []int
	for {
		line := s.at(s.i)
		if !marked(line, "|") {
			break
		}
		n, number := markLen(line, "|"), s.line()
		b, off := s.cut(indentRule{first: n, known: -1, untilBlank: true})
		setOff = off
		nodes, messages := s.p.inline(strings.TrimRight(b.text(), " "), number, s.node)
		lines = append(lines, newNode("line", nodes...))
		indent := n - 2
		if line == "|" {
			indent = -1
		}
		indents = append(indents, indent)
		s.node.addMessages(messages...)
		if s.i < len(s.b.lines) && isBlank(s.at(s.i)) {
			break
		}
	}
	for i := range indents {
		if indents[i] < 0 {
			indents[i] = 0
			if i > 0 {
				indents[i] = indents[i-1]
			}
		}
	}
	nestLines(root, lines, indents, 0)
	if !setOff {
		s.node.addMessages(s.p.message(levelWarning, first+1, "Line block ends without a blank line."))
	}
}

// nestLines puts lines that are indented further into blocks of their own.
func nestLines(into *node, lines []*node, indents []int, depth int) {
	least := indents[0]
	for _, n := range indents {
		least = min(least, n)
	}
	if depth > maxNested {
		into.add(lines...)
		return
	}
	for i := 0; i < len(lines); {
		if indents[i] == least {
			into.add(lines[i])
			i++
			continue
		}
		j := i
		for j < len(lines) && indents[j] > least {
			j++
		}
		inner := newNode("line_block")
		into.add(inner)
		nestLines(inner, lines[i:j], indents[i:j], depth+1)
		i = j
	}
}
