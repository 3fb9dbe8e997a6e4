package djtemplate

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

type autoescapeNode struct {
	on   bool
	body []lineNode
}

func (n *autoescapeNode) render(r *renderer, out *strings.Builder) error {
	before := r.escape
	r.escape = n.on
	err := r.renderAll(out, n.body)
	r.escape = before
	return err
}

// scopeNode renders its body with variables of its own.
type scopeNode struct{ body []lineNode }

func (n scopeNode) render(r *renderer, out *strings.Builder) error {
	return r.within(scope{vars: map[string]val{}}, func() error { return r.renderAll(out, n.body) })
}

// plainNode renders its body as if its tags were not there.
type plainNode struct{ body []lineNode }

func (n plainNode) render(r *renderer, out *strings.Builder) error { return r.renderAll(out, n.body) }

type filterNode struct {
	expr *expression
	body []lineNode
}

func (n *filterNode) render(r *renderer, out *strings.Builder) error {
	s, err := r.capture(n.body)
	if err != nil {
		return err
	}
	return r.within(scope{vars: map[string]val{"var": safeText(s)}}, func() error {
		v, err := n.expr.eval(r)
		if err == nil {
			out.WriteString(pystr(v))
		}
		return err
	})
}

type firstOfNode struct {
	exprs []*expression
	name  string
}

func (n *firstOfNode) render(r *renderer, out *strings.Builder) error {
	shown := text("")
	for _, e := range n.exprs {
		v, err := e.evalOrNone(r)
		if err != nil {
			return err
		}
		if v.truthy() {
			if err := r.chargeShown(v); err != nil {
				return err
			}
			if err := r.chargeText(v); err != nil {
				return err
			}
			s, isSafe := localized(v)
			shown = text(s)
			if r.escape || isSafe {
				shown = safeText(r.print(v))
			}
			break
		}
	}
	r.deliver(out, n.name, shown)
	return nil
}

type nowNode struct{ format, name string }

func (n *nowNode) render(r *renderer, out *strings.Builder) error {
	now := val{p: &pyvalue.Value{Kind: pyvalue.DateTime, Time: r.engine.Now().UTC()}}
	s, err := formatDate(now, dateFormatNamed(n.format, "DATE_FORMAT"))
	if err != nil {
		return err
	}
	r.deliver(out, n.name, text(s))
	return nil
}

type spacelessNode struct{ body []lineNode }

var betweenTags = regexp.MustCompile(`>[\s\x{0b}\x{1c}-\x{1f}\x{85}\p{Z}]+<`)

func (n *spacelessNode) render(r *renderer, out *strings.Builder) error {
	s, err := r.capture(n.body)
	if err != nil {
		return err
	}
	if err := r.charge(costVisit * len(s)); err != nil {
		return err
	}
	out.WriteString(betweenTags.ReplaceAllString(strings.TrimFunc(s, isSpace), "><"))
	return nil
}

type widthRatioNode struct {
	exprs []*expression // value, maximum, width
	name  string
}

func (n *widthRatioNode) render(r *renderer, out *strings.Builder) error {
	s, err := n.compute(r)
	var gone *missingError
	if errors.As(err, &gone) {
		return nil
	}
	if err != nil {
		return err
	}
	r.deliver(out, n.name, text(s))
	return nil
}

func (n *widthRatioNode) compute(r *renderer) (string, error) {
	var args [3]val
	for i, e := range n.exprs {
		v, err := e.eval(r)
		if err != nil {
			return "", err
		}
		if err := r.chargeText(v); err != nil {
			return "", err
		}
		args[i] = v
	}
	width, err := toInt(args[2])
	if err != nil {
		return "", fmt.Errorf("the last value of widthratio must be a number: %w", err)
	}
	value, ok1 := toFloat(args[0])
	most, ok2 := toFloat(args[1])
	w, ok3 := toFloat(intVal(width))
	if !ok1 || !ok2 || !ok3 {
		return "", nil
	}
	if most == 0 {
		return "0", nil
	}
	ratio := math.RoundToEven(value / most * w)
	if math.IsNaN(ratio) || math.IsInf(ratio, 0) {
		return "", nil
	}
	if ratio == 0 {
		ratio = 0 // no minus sign
	}
	return strconv.FormatFloat(ratio, 'f', 0, 64), nil
}

type withNode struct {
	names []string
	exprs []*expression
	body  []lineNode
}

func (n *withNode) render(r *renderer, out *strings.Builder) error {
	vars := make(map[string]val, len(n.names))
	for i, name := range n.names {
		v, err := n.exprs[i].eval(r)
		if err != nil {
			return err
		}
		vars[name] = v
	}
	return r.within(scope{vars: vars}, func() error { return r.renderAll(out, n.body) })
}
