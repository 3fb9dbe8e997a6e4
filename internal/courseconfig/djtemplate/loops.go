package djtemplate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// loopState is what templates see as forloop.
type loopState struct {
	parent  *loopState
	index   int
	count   int
	changed map[*ifChangedNode][]val // what ifchanged saw last in this loop
}

// depth counts the loop and those around it.
func (l *loopState) depth() int {
	n := 0
	for ; l != nil; l = l.parent {
		n++
	}
	return n
}

// value builds the forloop mapping, with the loops around it as parentloop.
func (l *loopState) value() val {
	if l == nil {
		return val{p: &pyvalue.Value{Kind: pyvalue.Map}}
	}
	m := &pyvalue.Value{Kind: pyvalue.Map}
	put := func(key string, v val) {
		m.Entries = append(m.Entries, pyvalue.Entry{Key: text(key).p, Value: v.p})
	}
	put("parentloop", l.parent.value())
	put("counter0", number(l.index))
	put("counter", number(l.index+1))
	put("revcounter", number(l.count-l.index))
	put("revcounter0", number(l.count-l.index-1))
	put("first", boolVal(l.index == 0))
	put("last", boolVal(l.index == l.count-1))
	return val{p: m}
}

type forNode struct {
	names    []string
	sequence *expression
	reversed bool
	body     []lineNode
	empty    []lineNode
}

func compileFor(p *parser, t token) (node, error) {
	words := splitWords(t.contents)
	const form = "for is written {% for name in list %} or {% for key, value in mapping.items %}"
	n := &forNode{reversed: words[len(words)-1] == "reversed"}
	in := len(words) - 2
	if n.reversed {
		in--
	}
	if len(words) < 4 || in < 1 || words[in] != "in" {
		return nil, errors.New(form)
	}
	for _, name := range strings.Split(strings.Join(words[1:in], " "), ",") {
		name = strings.Trim(name, " ")
		if name == "" || strings.ContainsAny(name, ` "'|`) {
			return nil, fmt.Errorf("%s; %q is no variable name", form, shorten(name))
		}
		n.names = append(n.names, name)
	}
	var err error
	if n.sequence, err = parseExpression(words[in+1]); err != nil {
		return nil, err
	}
	if n.body, err = p.parse("empty", "endfor"); err != nil {
		return nil, err
	}
	if p.next().contents == "empty" {
		n.empty, err = p.body("endfor")
	}
	return n, err
}

func (n *forNode) render(r *renderer, out *strings.Builder) error {
	seq, err := n.sequence.evalOrNone(r)
	if err != nil {
		return err
	}
	if !seq.iterable() && !seq.is(pyvalue.Null) {
		return fmt.Errorf("cannot loop over %s: %s is not a list; give a list, mapping or text", excerpt(seq), shorten(n.sequence.source))
	}
	loop := &loopState{parent: r.loop(), changed: map[*ifChangedNode][]val{}}
	if err := r.chargeItems(seq); err != nil {
		return err
	}
	items := seq.items()
	loop.count = len(items)
	if n.reversed {
		if seq.is(pyvalue.Set) && len(items) > 0 {
			return fmt.Errorf("a set cannot be reversed; use a list")
		}
		slices.Reverse(items)
	}
	s := scope{vars: map[string]val{}, loop: loop}
	return r.within(s, func() error {
		if len(items) == 0 {
			s.loop = nil
			r.scopes[len(r.scopes)-1] = s
			return r.renderAll(out, n.empty)
		}
		for i, item := range items {
			loop.index = i
			if err := n.iterate(r, out, item); err != nil {
				return err
			}
		}
		return nil
	})
}

// iterate renders the body once. Several loop variables live in a scope of
// their own, a single one stays in the loop's.
func (n *forNode) iterate(r *renderer, out *strings.Builder, item val) error {
	if len(n.names) == 1 {
		r.set(n.names[0], item)
		return r.renderAll(out, n.body)
	}
	if err := r.chargeItems(item); err != nil {
		return err
	}
	length, ok := item.length()
	if !ok {
		length = 1
	}
	if length != len(n.names) {
		return fmt.Errorf("the loop has %d variables, but an item has %d values: %s", len(n.names), length, excerpt(item))
	}
	vars := make(map[string]val, len(n.names))
	for i, v := range item.items() {
		vars[n.names[i]] = v
	}
	return r.within(scope{vars: vars}, func() error { return r.renderAll(out, n.body) })
}

// cycleNode gives one value after the other; {% cycle name %} shares the node.
type cycleNode struct {
	exprs  []*expression
	name   string
	silent bool
}

func compileCycle(p *parser, t token) (node, error) {
	words := splitWords(t.contents)
	if len(words) < 2 {
		return nil, fmt.Errorf("cycle needs values: {%% cycle 'a' 'b' %%}")
	}
	if len(words) == 2 {
		n, ok := p.cycles[words[1]]
		if !ok {
			return nil, fmt.Errorf("no cycle named %q comes before; name one with {%% cycle 'a' 'b' as %s %%}", shorten(words[1]), shorten(words[1]))
		}
		return n, nil
	}
	n := &cycleNode{}
	values := words[1:]
	if len(words) > 4 {
		if words[len(words)-3] == "as" {
			if words[len(words)-1] != "silent" {
				return nil, fmt.Errorf("only the word silent may follow a cycle's name, not %q", shorten(words[len(words)-1]))
			}
			n.silent = true
			values = values[:len(values)-1]
		}
		values, n.name = asName(values)
	}
	var err error
	if n.exprs, err = expressions(values); err != nil {
		return nil, err
	}
	if n.name != "" {
		p.cycles[n.name] = n
	}
	p.lastCycle = n
	return n, nil
}

func (n *cycleNode) render(r *renderer, out *strings.Builder) error {
	v, err := n.exprs[r.cycles[n]%len(n.exprs)].eval(r)
	r.cycles[n]++
	if err != nil {
		return err
	}
	if n.name != "" {
		r.setUpward(n.name, v)
	}
	if n.silent {
		return nil
	}
	if err := r.chargeShown(v); err != nil {
		return err
	}
	s := r.print(v)
	out.WriteString(s)
	return r.charge(len(s))
}

type resetCycleNode struct{ cycle *cycleNode }

func compileResetCycle(p *parser, t token) (node, error) {
	words := splitWords(t.contents)
	n := p.lastCycle
	if len(words) == 2 {
		n = p.cycles[words[1]]
	}
	if len(words) > 2 || n == nil {
		return nil, fmt.Errorf("resetcycle takes the name of a cycle that comes before, or nothing for the last one")
	}
	return resetCycleNode{n}, nil
}

func (n resetCycleNode) render(r *renderer, _ *strings.Builder) error {
	r.cycles[n.cycle] = 0
	return nil
}

type ifChangedNode struct {
	exprs     []*expression
	body      []lineNode
	otherwise []lineNode
}

func compileIfChanged(p *parser, t token) (node, error) {
	exprs, err := expressions(splitWords(t.contents)[1:])
	if err != nil {
		return nil, err
	}
	n := &ifChangedNode{exprs: exprs}
	if n.body, err = p.parse("else", "endifchanged"); err != nil {
		return nil, err
	}
	if p.next().contents == "else" {
		n.otherwise, err = p.body("endifchanged")
	}
	return n, err
}

func (n *ifChangedNode) render(r *renderer, out *strings.Builder) error {
	seen, body := []val{}, ""
	for _, e := range n.exprs {
		v, err := e.evalOrNone(r)
		if err != nil {
			return err
		}
		seen = append(seen, v)
	}
	if len(n.exprs) == 0 {
		var err error
		if body, err = r.capture(n.body); err != nil {
			return err
		}
		seen = append(seen, text(body))
	}
	states := r.changed
	if loop := r.loop(); loop != nil {
		states = loop.changed
	}
	before, known := states[n]
	for i := range before {
		if err := r.chargeRelation("==", before[i], seen[i]); err != nil {
			return err
		}
	}
	states[n] = seen
	if known && slices.EqualFunc(before, seen, equal) {
		return r.renderAll(out, n.otherwise)
	}
	if body != "" {
		out.WriteString(body)
		return nil
	}
	return r.renderAll(out, n.body)
}

// regroupNode collects neighbours with an equal attribute.
type regroupNode struct {
	target *expression
	by     *expression
	name   string
}

func compileRegroup(_ *parser, t token) (node, error) {
	words := splitWords(t.contents)
	if len(words) != 6 || words[2] != "by" || words[4] != "as" {
		return nil, fmt.Errorf("regroup is written {%% regroup list by attribute as name %%}")
	}
	target, err := parseExpression(words[1])
	if err != nil {
		return nil, err
	}
	by, err := parseExpression(words[5] + "." + words[3])
	return &regroupNode{target: target, by: by, name: words[5]}, err
}

func (n *regroupNode) render(r *renderer, _ *strings.Builder) error {
	target, err := n.target.evalOrNone(r)
	if err != nil {
		return err
	}
	if err := r.chargeItems(target); err != nil {
		return err
	}
	var out []*pyvalue.Value
	var last val
	for i, item := range target.items() {
		if err := r.charge(costMake); err != nil {
			return err
		}
		r.set(n.name, item)
		key, err := n.by.evalOrNone(r)
		if err != nil {
			return err
		}
		if i > 0 {
			if err := r.chargeRelation("==", last, key); err != nil {
				return err
			}
		}
		if i == 0 || !equal(last, key) {
			out = append(out, pair(key.p, &pyvalue.Value{Kind: pyvalue.List}))
			last = key
		}
		members := out[len(out)-1].Items[1]
		members.Items = append(members.Items, item.p)
	}
	r.set(n.name, listVal(out, groups))
	return nil
}
