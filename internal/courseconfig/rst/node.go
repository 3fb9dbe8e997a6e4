package rst

import (
	"slices"
	"strings"
)

// node is an element of the document, named as in docutils' document model. A
// text node has the tag "#text".
type node struct {
	tag     string
	text    string // of a text node; escapes are still marked by NUL bytes
	raw     string // of inline nodes: how the source wrote it
	parent  *node
	kids    []*node
	ids     []string
	names   []string
	classes []string
	back    []string // ids of what refers here
	attrs   map[string]string
	line    int // 0 when unknown
	pos     int // place among the parent's kids, or a guess
}

func newNode(tag string, kids ...*node) *node {
	n := &node{tag: tag}
	n.add(kids...)
	return n
}

func textNode(s string) *node { return &node{tag: "#text", text: s} }

func (n *node) add(kids ...*node) {
	for i, k := range kids {
		k.parent, k.pos = n, len(n.kids)+i
	}
	n.kids = append(n.kids, kids...)
}

func (n *node) set(name, value string) *node {
	if n.attrs == nil {
		n.attrs = map[string]string{}
	}
	n.attrs[name] = value
	return n
}

func (n *node) get(name string) string { return n.attrs[name] }

func (n *node) has(name string) bool {
	_, ok := n.attrs[name]
	return ok
}

func (n *node) is(tags ...string) bool { return slices.Contains(tags, n.tag) }

// index is the place of n among its parent's kids. Places are kept as guesses
// and counted anew after kids were put in between, which is rare.
func (n *node) index() int {
	kids := n.parent.kids
	if n.pos >= len(kids) || kids[n.pos] != n {
		for i, k := range kids {
			k.pos = i
		}
	}
	return n.pos
}

// become makes n a group that stands for other nodes. Their place is found
// without a look at n's neighbours, which may be many.
func (n *node) become(with ...*node) {
	*n = node{tag: "group", parent: n.parent, pos: n.pos}
	n.add(with...)
}

// remove takes n out of the tree.
func (n *node) remove() {
	i := n.index()
	n.parent.kids = slices.Delete(n.parent.kids, i, i+1)
}

// insert puts kids before position i.
func (n *node) insert(i int, kids ...*node) {
	for _, k := range kids {
		k.parent = n
	}
	n.kids = slices.Insert(n.kids, i, kids...)
}

// plain is the text of n and everything in it.
func (n *node) plain() string {
	switch n.tag {
	case "#text":
		return unescape(n.text)
	case "image":
		return n.get("alt")
	}
	if len(n.kids) == 1 {
		return n.kids[0].plain()
	}
	sep := ""
	if !n.isText() {
		sep = "\n\n"
	}
	parts := make([]string, 0, len(n.kids))
	for _, k := range n.kids {
		parts = append(parts, k.plain())
	}
	return strings.Join(parts, sep)
}

// walk visits n and everything in it, in order. The kids of a node are those
// that it has when the visit to the node ends.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, k := range slices.Clone(n.kids) {
		k.walk(visit)
	}
}

// all lists the elements with one of the tags, in order.
func (n *node) all(tags ...string) []*node {
	return n.collect(nil, tags)
}

func (n *node) collect(out []*node, tags []string) []*node {
	if n.is(tags...) {
		out = append(out, n)
	}
	for _, k := range n.kids {
		out = k.collect(out, tags)
	}
	return out
}

// isText tells the elements that hold running text.
func (n *node) isText() bool {
	switch n.tag {
	case "paragraph", "title", "subtitle", "rubric", "attribution", "term", "classifier", "caption", "line",
		"group", "field_name", "option_string", "option_argument", "literal_block", "doctest_block", "math_block", "label",
		"comment", "raw", "substitution_definition", "#text":
		return true
	}
	return n.isInline()
}

func (n *node) isInline() bool {
	switch n.tag {
	case "emphasis", "strong", "literal", "reference", "footnote_reference", "citation_reference",
		"substitution_reference", "title_reference", "abbreviation", "acronym", "superscript", "subscript",
		"math", "image", "inline", "problematic", "generated", "target", "raw":
		return true
	}
	return false
}

// isInvisible tells the elements that leave nothing to see where they stand.
func (n *node) isInvisible() bool {
	return n.is("comment", "substitution_definition", "target", "pending")
}

// visible lists the kids that show.
func (n *node) visible() []*node {
	var out []*node
	for _, k := range n.kids {
		if !k.isInvisible() {
			out = append(out, k)
		}
	}
	return out
}

// next is the node after n in document order, not counting what is in n.
func (n *node) next() *node {
	for n.parent != nil {
		if i := n.index(); i+1 < len(n.parent.kids) {
			return n.parent.kids[i+1]
		}
		n = n.parent
	}
	return nil
}

// place is the line of n, or of the nearest element around it that has one.
func (n *node) place() int {
	for n != nil && n.line == 0 {
		n = n.parent
	}
	if n == nil {
		return 0
	}
	return n.line
}

// clone copies n and everything in it.
func (n *node) clone() *node {
	c := *n
	c.parent, c.kids = nil, nil
	c.ids, c.names, c.classes = slices.Clone(n.ids), slices.Clone(n.names), slices.Clone(n.classes)
	c.back = slices.Clone(n.back)
	c.attrs = nil
	for k, v := range n.attrs {
		c.set(k, v)
	}
	for _, k := range n.kids {
		c.add(k.clone())
	}
	return &c
}
