package rst

import (
	"strconv"
	"strings"
)

// sectionNumbers asks for numbers before the titles of sections, wherever in
// the text it stands.
func sectionNumbers(c *call) []*node {
	n := newNode("pending").set("sectnum", "")
	for name, value := range c.options {
		n.set(name, value)
	}
	return []*node{n}
}

// numberSections puts numbers before titles, once for each directive.
func (p *parser) numberSections() {
	for _, n := range p.doc.root.all("pending") {
		if !n.has("sectnum") {
			continue
		}
		s := sectionNumberer{depth: maxNested, start: 1, prefix: n.get("prefix"), suffix: n.get("suffix")}
		if depth, err := strconv.Atoi(n.get("depth")); err == nil {
			s.depth = depth
		}
		if start, err := strconv.Atoi(n.get("start")); err == nil {
			s.start = start
		}
		n.remove()
		s.number(p.doc.root, nil)
	}
}

type sectionNumberer struct {
	depth, start   int
	prefix, suffix string
}

// number writes the numbers of the sections in n, whose own is given. The
// first level always has numbers, whatever the depth.
func (s sectionNumberer) number(n *node, outer []string) {
	next := 1
	if len(outer) == 0 {
		next = s.start
	}
	for _, sec := range n.kids {
		if !sec.is("section") {
			continue
		}
		numbers := append(outer[:len(outer):len(outer)], strconv.Itoa(next))
		next++
		title := sec.kids[0]
		const gap = "\u00a0\u00a0\u00a0"
		title.insert(0, newNode("generated", textNode(s.prefix+strings.Join(numbers, ".")+s.suffix+gap)))
		title.set("auto", "1")
		if len(numbers) < s.depth {
			s.number(sec, numbers)
		}
	}
}
