package djtemplate

import (
	"errors"
	"fmt"
	"strings"
)

// ifNode renders the first branch whose condition holds; the condition of the
// else branch is nil.
type ifNode struct{ branches []branch }

type branch struct {
	condition condition
	body      []lineNode
}

func compileIf(p *parser, t token) (node, error) {
	n := &ifNode{}
	for {
		c, err := parseCondition(splitWords(t.contents)[1:])
		if err != nil {
			return nil, atPlace(t.at, err)
		}
		body, err := p.parse("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{c, body})
		t = p.next()
		if !strings.HasPrefix(t.contents, "elif") {
			break
		}
	}
	if t.contents == "else" {
		body, err := p.parse("endif")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{nil, body})
		t = p.next()
	}
	if t.contents != "endif" {
		return nil, atPlace(t.at, fmt.Errorf("{%% %s %%} should be {%% endif %%} or {%% else %%} without further words", shorten(t.contents)))
	}
	return n, nil
}

func (n *ifNode) render(r *renderer, out *strings.Builder) error {
	for _, b := range n.branches {
		holds := true
		if b.condition != nil {
			v, err := b.condition.eval(r)
			var gone *missingError
			if err != nil && !errors.As(err, &gone) {
				return err
			}
			holds = err == nil && v.truthy()
		}
		if holds {
			return r.renderAll(out, b.body)
		}
	}
	return nil
}

// condition is an expression of the if tag.
type condition interface {
	eval(r *renderer) (val, error)
}

type exprCondition struct{ expr *expression }

func (c exprCondition) eval(r *renderer) (val, error) { return c.expr.evalOrNone(r) }

type notCondition struct{ of condition }

func (c notCondition) eval(r *renderer) (val, error) {
	v, err := c.of.eval(r)
	return boolVal(err == nil && !v.truthy()), r.charge(0)
}

type binaryCondition struct {
	op          string
	left, right condition
}

// eval gives false where Python would refuse the comparison: the if tag never
// fails for its values. "and" and "or" give one of their sides, as in Python.
func (c binaryCondition) eval(r *renderer) (val, error) {
	if err := r.charge(0); err != nil {
		return val{}, err
	}
	left, err := c.left.eval(r)
	if err != nil {
		return boolVal(false), nil //nolint:nilerr // a failing side makes the comparison false
	}
	if (c.op == "and" && !left.truthy()) || (c.op == "or" && left.truthy()) {
		return left, nil
	}
	right, err := c.right.eval(r)
	if err != nil {
		return boolVal(false), nil //nolint:nilerr // a failing side makes the comparison false
	}
	if c.op == "and" || c.op == "or" {
		return right, nil
	}
	if err := r.chargeRelation(c.op, left, right); err != nil {
		return val{}, err
	}
	return boolVal(relation(c.op, left, right)), nil
}

func relation(op string, a, b val) bool {
	switch op {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "is":
		return same(a, b)
	case "is not":
		return !same(a, b)
	case "in", "not in":
		found, ok := isIn(a, b)
		return ok && found == (op == "in")
	}
	order, ok := compare(a, b)
	switch op {
	case "<":
		return ok && order < 0
	case "<=":
		return ok && order <= 0
	case ">":
		return ok && order > 0
	default: // >=
		return ok && order >= 0
	}
}

// binding is how strongly an operator binds; 0 for anything else.
func binding(op string) int {
	switch op {
	case "or":
		return 6
	case "and":
		return 7
	case "in", "not in":
		return 9
	case "is", "is not", "==", "!=", ">", ">=", "<", "<=":
		return 10
	}
	return 0
}

const bindingOfNot = 8

type conditionParser struct {
	words []string
	depth int
}

func parseCondition(words []string) (condition, error) {
	var joined []string
	for i := 0; i < len(words); i++ {
		pair := i+1 < len(words) && (words[i] == "is" && words[i+1] == "not" || words[i] == "not" && words[i+1] == "in")
		if pair {
			joined = append(joined, words[i]+" "+words[i+1])
			i++
			continue
		}
		joined = append(joined, words[i])
	}
	p := &conditionParser{words: joined}
	c, err := p.parse(0)
	if err != nil {
		return nil, err
	}
	if len(p.words) > 0 {
		return nil, fmt.Errorf("the if tag has %q where its expression is over; join conditions with and, or", shorten(p.words[0]))
	}
	return c, nil
}

func (p *conditionParser) parse(least int) (condition, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > 10*maxNested {
		return nil, fmt.Errorf("the if tag has too many operators; use fewer")
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	for len(p.words) > 0 {
		op := p.words[0]
		if op == "not" {
			return nil, fmt.Errorf("the if tag has %q where an operator should be; write and not, or not", op)
		}
		if binding(op) <= least {
			break
		}
		p.words = p.words[1:]
		right, err := p.parse(binding(op))
		if err != nil {
			return nil, err
		}
		left = binaryCondition{op: op, left: left, right: right}
	}
	return left, nil
}

func (p *conditionParser) operand() (condition, error) {
	if len(p.words) == 0 {
		return nil, fmt.Errorf("the if tag's expression ends too early; add a variable or value")
	}
	word := p.words[0]
	p.words = p.words[1:]
	if word == "not" {
		of, err := p.parse(bindingOfNot)
		return notCondition{of}, err
	}
	if binding(word) > 0 {
		return nil, fmt.Errorf("the if tag has the operator %q where a variable or value should be", word)
	}
	e, err := parseExpression(word)
	if err != nil {
		return nil, err
	}
	return exprCondition{e}, nil
}
