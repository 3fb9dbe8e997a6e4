package djtemplate

import (
	"fmt"
	"slices"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// node is a compiled piece of a template.
type node interface {
	// render writes the piece's output.
	render(r *renderer, out *strings.Builder) error
}

// lineNode is a node and the place that it came from.
type lineNode struct {
	node
	at pyvalue.Pos
}

type parser struct {
	tokens    []token
	pos       int
	open      []token // block tags being parsed, innermost last
	cycles    map[string]*cycleNode
	lastCycle *cycleNode
	blocks    map[string]bool
}

func parseTemplate(name, source string) ([]lineNode, error) {
	p := &parser{tokens: tokenize(source), cycles: map[string]*cycleNode{}, blocks: map[string]bool{}}
	nodes, err := p.parse()
	if err != nil {
		return nil, located(name, err)
	}
	return nodes, nil
}

// parse compiles up to a block tag whose first word is one of until, which is
// left to be taken with next.
func (p *parser) parse(until ...string) ([]lineNode, error) {
	var nodes []lineNode
	for p.pos < len(p.tokens) {
		t := p.tokens[p.pos]
		if t.kind == tokenBlock && slices.Contains(until, firstWord(t.contents)) {
			return nodes, nil
		}
		p.pos++
		n, err := p.compile(t, until)
		if err != nil {
			return nil, atPlace(t.at, err)
		}
		if n != nil {
			nodes = append(nodes, lineNode{n, t.at})
		}
	}
	if len(until) > 0 {
		return nil, p.unclosed(until)
	}
	return nodes, nil
}

func (p *parser) compile(t token, until []string) (node, error) {
	switch t.kind {
	case tokenText:
		return textNode(t.contents), nil
	case tokenVar:
		if t.contents == "" {
			return nil, fmt.Errorf("{{ }} is empty; write a variable's name between the braces")
		}
		e, err := parseExpression(t.contents)
		if err != nil {
			return nil, err
		}
		return &variableNode{e}, nil
	case tokenBlock:
		return p.block(t, until)
	default:
	}
	return nil, nil
}

func (p *parser) block(t token, until []string) (node, error) {
	name := firstWord(t.contents)
	if name == "" {
		return nil, fmt.Errorf("{%% %%} is empty; write a tag's name between the signs")
	}
	compile, err := lookupTag(name)
	if err != nil {
		if len(until) > 0 {
			err = fmt.Errorf("%w (expected here: %s)", err, strings.Join(until, ", "))
		}
		return nil, err
	}
	if len(p.open) >= maxNested {
		return nil, fmt.Errorf("more than %d tags inside each other; split the template", maxNested)
	}
	p.open = append(p.open, t)
	n, err := compile(p, t)
	if err != nil {
		return nil, err
	}
	p.open = p.open[:len(p.open)-1]
	return n, nil
}

// next takes the tag that ended parse.
func (p *parser) next() token {
	t := p.tokens[p.pos]
	p.pos++
	return t
}

// body compiles up to an end tag and takes it.
func (p *parser) body(end string) ([]lineNode, error) {
	nodes, err := p.parse(end)
	if err != nil {
		return nil, err
	}
	p.next()
	return nodes, nil
}

// skipPast drops everything up to an end tag without compiling it.
func (p *parser) skipPast(end string) error {
	for p.pos < len(p.tokens) {
		t := p.next()
		if t.kind == tokenBlock && t.contents == end {
			return nil
		}
	}
	return p.unclosed([]string{end})
}

func (p *parser) unclosed(until []string) error {
	t := p.open[len(p.open)-1]
	return atPlace(t.at, fmt.Errorf("the tag {%% %s %%} is not closed; add {%% %s %%}", shorten(t.contents), until[len(until)-1]))
}

// expressions compiles each word.
func expressions(words []string) ([]*expression, error) {
	out := make([]*expression, len(words))
	for i, w := range words {
		e, err := parseExpression(w)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

func firstWord(s string) string {
	if i := strings.IndexFunc(s, isSpace); i >= 0 {
		return s[:i]
	}
	return s
}
