package djtemplate

import (
	"fmt"
	"strings"
)

// ifEqualNode is the older form of {% if a == b %}.
type ifEqualNode struct {
	left, right *expression
	negate      bool
	same, other []lineNode
}

func compileIfEqual(p *parser, t token) (node, error) {
	words := splitWords(t.contents)
	if len(words) != 3 {
		return nil, fmt.Errorf("%s takes two values: {%% %s a b %%}", words[0], words[0])
	}
	n := &ifEqualNode{negate: words[0] == "ifnotequal"}
	end := "end" + words[0]
	var err error
	if n.same, err = p.parse("else", end); err != nil {
		return nil, err
	}
	if p.next().contents == "else" {
		if n.other, err = p.parse(end); err != nil {
			return nil, err
		}
		p.next()
	}
	exprs, err := expressions(words[1:])
	if err != nil {
		return nil, atPlace(t.at, err)
	}
	n.left, n.right = exprs[0], exprs[1]
	return n, nil
}

func (n *ifEqualNode) render(r *renderer, out *strings.Builder) error {
	left, err := n.left.evalOrNone(r)
	if err != nil {
		return err
	}
	right, err := n.right.evalOrNone(r)
	if err != nil {
		return err
	}
	if err := r.chargeRelation("==", left, right); err != nil {
		return err
	}
	if err := r.chargeRelation("==", left, right); err != nil {
		return err
	}
	if equal(left, right) != n.negate {
		return r.renderAll(out, n.same)
	}
	return r.renderAll(out, n.other)
}
