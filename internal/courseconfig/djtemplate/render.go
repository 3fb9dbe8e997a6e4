package djtemplate

import (
	"fmt"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// renderer is the state of one rendering.
type renderer struct {
	engine  Engine
	escape  bool
	scopes  []scope
	work    int
	cycles  map[*cycleNode]int
	changed map[*ifChangedNode][]val // outside loops
}

// scope holds the variables that a tag made; loop is set by the for tag.
type scope struct {
	vars map[string]val
	loop *loopState
}

func newRenderer(e Engine, context *pyvalue.Value) *renderer {
	vars := map[string]val{"True": boolVal(true), "False": boolVal(false), "None": none()}
	for _, entry := range context.Entries {
		if entry.Key.Kind == pyvalue.String {
			vars[entry.Key.Str] = val{p: entry.Value}
		}
	}
	return &renderer{
		engine:  e,
		escape:  true,
		scopes:  []scope{{vars: vars}},
		cycles:  map[*cycleNode]int{},
		changed: map[*ifChangedNode][]val{},
	}
}

func (r *renderer) renderAll(out *strings.Builder, nodes []lineNode) error {
	for _, n := range nodes {
		if err := r.charge(0); err != nil {
			return atPlace(n.at, err)
		}
		if err := n.render(r, out); err != nil {
			return atPlace(n.at, err)
		}
		if out.Len() > maxOutput {
			return atPlace(n.at, fmt.Errorf("the output is larger than the limit of %d bytes", maxOutput))
		}
	}
	return nil
}

// capture renders nodes to a text of its own.
func (r *renderer) capture(nodes []lineNode) (string, error) {
	var out strings.Builder
	if err := r.renderAll(&out, nodes); err != nil {
		return "", err
	}
	return out.String(), r.charge(out.Len())
}

func (r *renderer) lookup(name string) (val, bool) {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		s := r.scopes[i]
		if v, ok := s.vars[name]; ok {
			return v, true
		}
		if s.loop != nil && name == "forloop" {
			return s.loop.value(), true
		}
	}
	return val{}, false
}

// set gives a variable of the innermost scope a value.
func (r *renderer) set(name string, v val) {
	r.scopes[len(r.scopes)-1].vars[name] = v
}

// deliver gives a tag's text to the variable of its "as name", or writes it.
func (r *renderer) deliver(out *strings.Builder, name string, v val) {
	if name != "" {
		r.set(name, v)
		return
	}
	out.WriteString(v.p.Str)
}

// setUpward changes the variable where it exists, else sets it here.
func (r *renderer) setUpward(name string, v val) {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if _, ok := r.scopes[i].vars[name]; ok {
			r.scopes[i].vars[name] = v
			return
		}
	}
	r.set(name, v)
}

// within runs f with a scope of its own.
func (r *renderer) within(s scope, f func() error) error {
	r.scopes = append(r.scopes, s)
	err := f()
	r.scopes = r.scopes[:len(r.scopes)-1]
	return err
}

// loop is the innermost for loop, or nil.
func (r *renderer) loop() *loopState {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if r.scopes[i].loop != nil {
			return r.scopes[i].loop
		}
	}
	return nil
}

// print is the text that a variable shows: localized, and escaped when escaping
// is on and the value is not HTML already.
func (r *renderer) print(v val) string {
	s, isSafe := localized(v)
	if !r.escape || isSafe {
		return s
	}
	return escapeHTML(s)
}

type textNode string

func (n textNode) render(_ *renderer, out *strings.Builder) error {
	out.WriteString(string(n))
	return nil
}

type variableNode struct{ expr *expression }

func (n *variableNode) render(r *renderer, out *strings.Builder) error {
	v, err := n.expr.eval(r)
	if err != nil {
		return err
	}
	if err := r.chargeShown(v); err != nil {
		return err
	}
	s := r.print(v)
	out.WriteString(s)
	return r.charge(len(s))
}

// htmlSpecial writes what means something in HTML as Django does.
var htmlSpecial = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")

// escapeHTML escapes as Django does; its entities differ from Go's.
func escapeHTML(s string) string {
	return htmlSpecial.Replace(s)
}

// conditionalEscape escapes what is not HTML already.
func conditionalEscape(v val) string {
	if v.isSafe() {
		return v.p.Str
	}
	return escapeHTML(pystr(v))
}
