package pyvalue

import "fmt"

// parser builds the nodes of one document from the scanner's tokens.
type parser struct {
	*scanner
	limits   Limits
	store    *nodeStore
	brackets []mark            // open ones
	handles  map[string]string // prefix of each tag handle
	anchors  map[string]*node
	nodes    int // nodes so far, aliases followed
	depth    int
}

// parseDocument reads the only document of the text; nil when there is none.
func (p *parser) parseDocument() (*node, *SyntaxError) {
	root, err := p.parseRoot()
	if err != nil || root == nil {
		return nil, err
	}
	t, more, err := p.take(tokenDocumentEnd)
	for err == nil && more {
		t, more, err = p.take(tokenDocumentEnd)
	}
	if err != nil {
		return nil, err
	}
	switch t.kind {
	case tokenEnd:
		return root, nil
	case tokenDocumentStart, tokenDirective:
		return nil, p.fail(t.start, "a second document starts here; only one is allowed in a file",
			`Remove the "---" line or move what follows to another file.`)
	default:
		return nil, p.fail(t.start, fmt.Sprintf("the document has ended before this: found %s", t.name()),
			"Check the indentation of this line.")
	}
}

// parseRoot reads the start of the document and its outermost node.
func (p *parser) parseRoot() (*node, *SyntaxError) {
	t, err := p.peekToken()
	if err != nil {
		return nil, err
	}
	p.handles = map[string]string{"!": "!", "!!": tagPrefix}
	switch t.kind {
	case tokenEnd:
		return nil, nil
	case tokenDirective, tokenDocumentStart:
	default:
		return p.parseNode(anywhere)
	}
	start := t.start
	if err := p.parseDirectives(); err != nil {
		return nil, err
	}
	if t, err = p.nextToken(); err != nil {
		return nil, err
	}
	if t.kind != tokenDocumentStart {
		return nil, p.fail(start, fmt.Sprintf(`behind lines that start with %%, a line "---" must follow; found %s in line %d`, t.name(), t.start.line+1),
			"Remove them, or put the text in quotes if it starts with %.")
	}
	if t, err = p.peekToken(); err != nil {
		return nil, err
	}
	return p.parseOptional(anywhere, t.start, tokenDirective, tokenDocumentStart, tokenDocumentEnd, tokenEnd)
}

func (p *parser) parseDirectives() *SyntaxError {
	version := false
	defined := map[string]bool{}
	for {
		t, ok, err := p.take(tokenDirective)
		switch {
		case err != nil:
			return err
		case !ok:
			return nil
		case t.handle != "" && defined[t.handle]:
			return p.fail(t.start, fmt.Sprintf("the tag handle %s is defined twice", quoted(t.handle)), "Remove one of the lines.")
		case t.handle != "":
			defined[t.handle] = true
			p.handles[t.handle] = t.text
		case t.text != "" && version:
			return p.fail(t.start, "a second %YAML line", "Remove it.")
		case t.text != "" && t.text != "1":
			return p.fail(t.start, "only YAML version 1 is known", "Remove the line.")
		case t.text != "":
			version = true
		}
	}
}

// take takes the next token if it is of the kind.
func (p *parser) take(kind tokenKind) (token, bool, *SyntaxError) {
	t, err := p.peekToken()
	if err != nil || t.kind != kind {
		return t, false, err
	}
	t, err = p.nextToken()
	return t, true, err
}

// nextIs tells whether the next token is one of the kinds.
func (p *parser) nextIs(kinds ...tokenKind) (bool, *SyntaxError) {
	t, err := p.peekToken()
	if err != nil {
		return false, err
	}
	for _, k := range kinds {
		if t.kind == k {
			return true, nil
		}
	}
	return false, nil
}

// context says which nodes may stand at a place. That block collections do not
// stand in brackets is the scanner's care.
type context int

const (
	anywhere context = iota
	inEntry          // key or value of a block mapping: a list may start without indentation
)

// parseOptional reads a node unless one of the stops follows: then the value
// is empty and stands at where.
func (p *parser) parseOptional(c context, where mark, stops ...tokenKind) (*node, *SyntaxError) {
	stop, err := p.nextIs(stops...)
	if err != nil {
		return nil, err
	}
	if stop {
		return p.emptyNode(where)
	}
	return p.parseNode(c)
}

// node makes a node.
func (p *parser) node(kind nodeKind, tag string, start mark) *node {
	n := p.store.nodes.one()
	n.kind, n.tag, n.pos, n.size = kind, tag, start.pos(), 1
	return n
}

// emptyNode makes the null that stands for nothing.
func (p *parser) emptyNode(where mark) (*node, *SyntaxError) {
	n := p.node(scalarNode, tagNull, where)
	return n, p.count(n)
}

// count adds a node, or all an alias stands for, to what was read.
func (p *parser) count(n *node) *SyntaxError {
	if p.nodes += n.size; p.nodes > p.limits.MaxNodes {
		return p.limits.tooMany(n.pos)
	}
	return nil
}

// properties are anchor and tag of a node.
type properties struct {
	start  mark
	given  bool
	anchor string
	tag    string
}

// parseNode reads one node with its properties, or an alias.
func (p *parser) parseNode(c context) (*node, *SyntaxError) {
	if t, ok, err := p.take(tokenAlias); err != nil {
		return nil, err
	} else if ok {
		return p.follow(t)
	}
	props, err := p.parseProperties()
	if err != nil {
		return nil, err
	}
	t, err := p.peekToken()
	if err != nil {
		return nil, err
	}
	if !props.given {
		props.start = t.start
	}
	n, err := p.newNode(c, t, props)
	if err != nil {
		return nil, err
	}
	if err := p.define(props.anchor, n); err != nil {
		return nil, err
	}
	if n.kind == scalarNode {
		return n, p.count(n)
	}
	return n, p.parseCollection(n, t.kind)
}

// newNode makes the node that token t starts. Scalars are complete then; of
// collections the content is still to be read.
func (p *parser) newNode(c context, t token, props properties) (*node, *SyntaxError) {
	n := p.node(scalarNode, props.tag, props.start)
	untagged := props.tag == "" || props.tag == "!"
	switch t.kind {
	case tokenScalar:
		if _, err := p.nextToken(); err != nil {
			return nil, err
		}
		n.text, n.size = t.text, sizeOf(t.text)
		if props.tag == "!" || untagged && t.plain {
			n.tag = implicitTag(t.text)
		} else if untagged {
			n.tag = tagStr
		}
		return n, nil
	case tokenFlowList, tokenBlockList:
		n.kind = listNode
	case tokenFlowMap, tokenBlockMap:
		n.kind = mapNode
	default:
		if t.kind == tokenDash && c == inEntry {
			n.kind = listNode
			break
		}
		if !props.given {
			return nil, p.noNode(t)
		}
		if untagged {
			n.tag = tagNull
		}
		return n, nil
	}
	switch {
	case untagged && n.kind == listNode:
		n.tag = tagSeq
	case untagged:
		n.tag = tagMap
	}
	n.open = true
	return n, nil
}

// parseProperties reads an anchor and a tag, in either order.
func (p *parser) parseProperties() (properties, *SyntaxError) {
	var props properties
	for range 2 {
		t, err := p.peekToken()
		if err != nil {
			return props, err
		}
		switch {
		case t.kind == tokenAnchor && props.anchor == "":
			props.anchor = t.text
		case t.kind == tokenTag && props.tag == "":
			if props.tag, err = p.fullTag(t); err != nil {
				return props, err
			}
		default:
			return props, nil
		}
		if !props.given {
			props.given, props.start = true, t.start
		}
		if _, err := p.nextToken(); err != nil {
			return props, err
		}
	}
	return props, nil
}

func (p *parser) fullTag(t token) (string, *SyntaxError) {
	if t.handle == "" {
		return t.text, nil
	}
	prefix, ok := p.handles[t.handle]
	if !ok {
		return "", p.fail(t.start, fmt.Sprintf("the tag handle %s is not defined", quoted(t.handle)),
			"Put the text in quotes if '!' belongs to it.")
	}
	return prefix + t.text, nil
}

// define notes the anchor of a node.
func (p *parser) define(anchor string, n *node) *SyntaxError {
	if anchor == "" {
		return nil
	}
	if first, ok := p.anchors[anchor]; ok {
		return &SyntaxError{
			Pos:     n.pos,
			Message: fmt.Sprintf("the anchor &%s is already used in line %d", anchor, first.pos.Line),
			Hint:    "Give one of them another name.",
		}
	}
	p.anchors[anchor] = n
	return nil
}

// follow gives the node an alias stands for.
func (p *parser) follow(t token) (*node, *SyntaxError) {
	n, ok := p.anchors[t.text]
	if !ok {
		return nil, p.fail(t.start, fmt.Sprintf("the alias *%s has no anchor &%s before it", t.text, t.text),
			"Define the anchor first, or put the text in quotes if '*' belongs to it.")
	}
	if n.open {
		return nil, p.fail(t.start, fmt.Sprintf("the alias *%s stands inside its own anchor of line %d", t.text, n.pos.Line),
			"A value cannot contain itself.")
	}
	if p.depth+n.height > p.limits.MaxDepth {
		return nil, p.limits.tooDeep(t.start.pos())
	}
	if p.nodes += n.size; p.nodes > p.limits.MaxNodes {
		return nil, p.limits.tooMany(t.start.pos())
	}
	return n, nil
}
