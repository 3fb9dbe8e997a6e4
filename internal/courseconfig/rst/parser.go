package rst

import (
	"strings"
)

// parser holds what all blocks of a text share.
type parser struct {
	doc         *document
	styles      []string // title styles, in order of level
	level       int      // of the section that is being read
	messages    int      // made so far
	lastLine    int      // where docutils stands after the text; 0 when it has lost its place
	depth       int      // of blocks inside each other
	roles       map[string]role
	defaultRole string
	code        *int // bytes of code that may be coloured; nil: all
}

func newParser() *parser {
	return &parser{doc: newDocument(), roles: map[string]role{}, defaultRole: "title-reference"}
}

func (p *parser) parse(b block) {
	top := &body{p: p, b: b, node: p.doc.root, titles: true}
	top.run()
	p.lastLine = len(b.lines) + 1
	if n := len(p.doc.root.kids); n > 0 && losesPlace(p.doc.root.kids[n-1]) {
		p.lastLine = 0
	}
}

// losesPlace tells the elements after which docutils has no line at the end of
// the text.
func losesPlace(n *node) bool {
	return n.is("section", "bullet_list", "enumerated_list", "definition_list", "field_list", "option_list",
		"line_block", "target", "comment", "footnote", "citation", "substitution_definition", "admonition", "image", "figure")
}

// body reads a block of elements into a node.
type body struct {
	p      *parser
	b      block
	i      int // the next line
	node   *node
	titles bool // sections may begin here
	stop   bool // a section of a higher level follows
}

// nested reads a block inside an element.
func (p *parser) nested(b block, into *node) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNested {
		m := p.message(levelSevere, b.first, "Blocks are nested too deeply; the text is shown as it is.")
		into.addMessages(m)
		into.add(literal(b.trimBlank().text()))
		return
	}
	(&body{p: p, b: b, node: into}).run()
}

func (s *body) run() {
	for s.i < len(s.b.lines) && !s.stop {
		if isBlank(s.b.lines[s.i]) {
			s.i++
			continue
		}
		s.element(s.b.lines[s.i])
	}
}

// line is the number of the next line.
func (s *body) line() int { return s.b.first + s.i }

func (s *body) at(i int) string {
	if i >= 0 && i < len(s.b.lines) {
		return s.b.lines[i]
	}
	return ""
}

// kind tells how a line that is not blank begins an element.
type kind int

const (
	kindText kind = iota
	kindIndent
	kindBullet
	kindEnumerator
	kindField
	kindOption
	kindDoctest
	kindLineBlock
	kindGrid
	kindSimpleTable
	kindExplicit
	kindAnonymous
	kindRule
)

func classify(line string) kind {
	switch {
	case line[0] == ' ':
		return kindIndent
	case bulletLen(line) > 0:
		return kindBullet
	case enumeratorLen(line) > 0:
		return kindEnumerator
	case fieldLen(line) > 0:
		return kindField
	case optionLen(line) > 0:
		return kindOption
	case marked(line, ">>>"):
		return kindDoctest
	case marked(line, "|"):
		return kindLineBlock
	case isGridBorder(line):
		return kindGrid
	case isSimpleBorder(line):
		return kindSimpleTable
	case marked(line, ".."):
		return kindExplicit
	case marked(line, "__"):
		return kindAnonymous
	case isRule(line):
		return kindRule
	}
	return kindText
}

// marked tells that a line begins with a mark and a blank, or is only the mark.
func marked(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	return ok && (rest == "" || rest[0] == ' ')
}

// markLen is the length of a mark and the blanks after it.
func markLen(line, mark string) int {
	rest := line[len(mark):]
	return len(line) - len(strings.TrimLeft(rest, " "))
}

func (s *body) element(line string) {
	switch classify(line) {
	case kindIndent:
		s.blockQuote()
	case kindBullet:
		s.bulletList()
	case kindEnumerator:
		if !s.enumeratedList() {
			s.text()
		}
	case kindField:
		s.fieldList()
	case kindOption:
		if !s.optionList() {
			s.text()
		}
	case kindDoctest:
		s.doctest()
	case kindLineBlock:
		s.lineBlock()
	case kindGrid:
		s.table(s.isolateGrid)
	case kindSimpleTable:
		s.table(s.isolateSimple)
	case kindExplicit:
		s.explicit()
	case kindAnonymous:
		s.anonymous()
	case kindRule:
		if !s.rule() {
			s.text()
		}
	default:
		s.text()
	}
}

// unindent warns that an element is not set off from what follows.
func (s *body) unindent(setOff bool, name string) {
	if !setOff {
		s.node.addMessages(s.p.message(levelWarning, s.line(), name+" ends without a blank line; unexpected unindent."))
	}
}

// cut takes an indented block and moves behind it. Empty lines at its start are
// dropped.
func (s *body) cut(rule indentRule) (block, bool) {
	b, setOff := s.b.cut(s.i, rule)
	s.i += len(b.lines)
	for len(b.lines) > 0 && isBlank(b.lines[0]) {
		b = b.from(1)
	}
	return b, setOff
}
