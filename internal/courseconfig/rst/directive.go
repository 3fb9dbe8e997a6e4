package rst

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// directive describes what ".. name::" takes and does.
type directive struct {
	required, optional int    // arguments
	spaces             bool   // the last argument may have blanks
	options            string // names, separated by blanks
	content            bool
	run                func(c *call) []*node
}

// call is one use of a directive.
type call struct {
	s       *body
	name    string
	args    []string
	options map[string]string
	content block
	line    int
	source  string
}

// directiveName reads "name:: " and returns the name and the bytes used.
func directiveName(rest string) (string, int) {
	n, _ := nameLen(rest)
	if n == 0 {
		return "", 0
	}
	mark := rest[:n] + "::"
	if !marked(rest, mark) {
		mark = rest[:n] + " ::"
		if !marked(rest, mark) {
			return "", 0
		}
	}
	return rest[:n], markLen(rest, mark)
}

// directive runs the directive whose arguments begin after n bytes of the line.
func (s *body) directive(name string, n int) bool {
	line, number, start := s.at(s.i), s.line(), s.i
	columns := utf8.RuneCountInString(line[:n])
	d, known := findDirective(strings.ToLower(name))
	if !known {
		b, setOff := s.b.cut(s.i, indentRule{first: 0, known: -1, keep: true})
		s.i += len(b.lines)
		s.node.addMessages(s.p.message(levelError, number, fmt.Sprintf("Unknown directive type \"%s\".", name), literal(b.text())))
		return setOff
	}
	b, setOff := s.b.cut(s.i, indentRule{first: columns, known: -1})
	s.i += len(b.lines)
	c := &call{s: s, name: name, line: number, source: strings.Join(s.b.lines[start:s.i], "\n")}
	if problem := c.read(b, d); problem != "" {
		problem = fmt.Sprintf("Error in \"%s\" directive:\n%s.", name, problem)
		s.node.addMessages(s.p.message(levelError, number, problem, literal(c.source)))
		return setOff
	}
	result := d.run(c)
	s.node.addMessages(result...)
	return setOff || isBlank(s.at(s.i))
}

// read splits a directive's block into arguments, options and content.
func (c *call) read(b block, d directive) string {
	if len(b.lines) > 0 && isBlank(b.lines[0]) {
		b = b.from(1)
	}
	b = b.trimBlank()
	takesArgs := d.required+d.optional > 0
	head := 0
	if takesArgs || d.options != "" {
		for head < len(b.lines) && !isBlank(b.lines[head]) {
			head++
		}
	}
	c.content = b.from(head)
	argLines := b.lines[:head]
	c.options = map[string]string{}
	if d.options != "" {
		if i := slices.IndexFunc(argLines, func(l string) bool { return l != "" && fieldLen(l) > 0 }); i >= 0 {
			if problem := c.readOptions(argLines[i:], strings.Fields(d.options)); problem != "" {
				return problem
			}
			argLines = argLines[:i]
		}
	}
	if len(argLines) > 0 && !takesArgs {
		c.content = b
		argLines = nil
	}
	for len(c.content.lines) > 0 && isBlank(c.content.lines[0]) {
		c.content = c.content.from(1)
	}
	if takesArgs {
		if problem := c.readArgs(strings.Join(argLines, "\n"), d); problem != "" {
			return problem
		}
	}
	if len(c.content.lines) > 0 && !d.content {
		return "no content permitted"
	}
	return ""
}

func (c *call) readArgs(text string, d directive) string {
	c.args = strings.FieldsFunc(text, isSpace)
	most := d.required + d.optional
	switch {
	case len(c.args) < d.required:
		return fmt.Sprintf("%d argument(s) required, %d supplied", d.required, len(c.args))
	case len(c.args) > most && !d.spaces:
		return fmt.Sprintf("maximum %d argument(s) allowed, %d supplied", most, len(c.args))
	case len(c.args) > most:
		rest := text
		for _, a := range c.args[:most-1] {
			rest = strings.TrimLeftFunc(strings.TrimLeftFunc(rest, isSpace)[len(a):], isSpace)
		}
		c.args = append(c.args[:most-1:most-1], strings.TrimRightFunc(rest, isSpace))
	}
	return ""
}

// readOptions reads a field list of options.
func (c *call) readOptions(lines []string, allowed []string) string {
	for i := 0; i < len(lines); {
		n := 0
		if lines[i] != "" {
			n = fieldLen(lines[i])
		}
		if n == 0 {
			return "invalid option block"
		}
		name := strings.ToLower(unescape(markEscapes(fieldName(lines[i], n))))
		value := []string{strings.TrimSpace(lines[i][n:])}
		for i++; i < len(lines) && strings.HasPrefix(lines[i], " "); i++ {
			value = append(value, strings.TrimSpace(lines[i]))
		}
		text := strings.TrimSpace(strings.Join(value, "\n"))
		_, twice := c.options[name]
		switch {
		case strings.Contains(name, " "):
			return "invalid option data: extension option field name may not contain multiple words"
		case !slices.Contains(allowed, name):
			return fmt.Sprintf("unknown option: \"%s\"", name)
		case twice:
			return fmt.Sprintf("invalid option data: duplicate option \"%s\"", name)
		}
		clean, problem := c.optionValue(name, text)
		if problem != "" {
			shown := "'" + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(text) + "'"
			if text == "" {
				shown = "None"
			}
			return fmt.Sprintf("invalid option value: (option: \"%s\"; value: %s)\n%s", name, shown, problem)
		}
		c.options[name] = clean
	}
	return ""
}

// fail is the message that stands for the directive.
func (c *call) fail(level int, problem string) []*node {
	return some(c.s.p.message(level, c.line, problem, literal(c.source)))
}

// needContent is the message for a directive without content, or nil.
func (c *call) needContent() []*node {
	if len(c.content.lines) > 0 {
		return nil
	}
	return c.fail(levelError, fmt.Sprintf("Content block expected for the \"%s\" directive; none found.", c.name))
}

func (c *call) option(name string) (string, bool) {
	v, ok := c.options[name]
	return v, ok
}

// dress gives n the classes and the name of the options.
func (c *call) dress(n *node) *node {
	n.classes = append(n.classes, strings.Fields(c.options["class"])...)
	if n.line == 0 {
		n.line = c.line
	}
	return n
}

// named registers the name option for n.
func (c *call) named(n *node) *node {
	if name, ok := c.option("name"); ok && name != "" {
		n.names = append(n.names, refName(name))
		c.s.p.note(n, n, true)
	}
	return n
}

// inside reads the content into n.
func (c *call) inside(n *node) *node {
	c.s.p.nested(c.content, n)
	return n
}

// inline reads running text, with its messages.
func (c *call) inline(text string) ([]*node, []*node) {
	return c.s.p.inline(text, c.line, c.s.node)
}
