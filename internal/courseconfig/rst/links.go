package rst

import (
	"fmt"
	"slices"
	"strconv"
)

// lead makes a reference lead where the target with an id is or leads.
func (p *parser) lead(ref, target *node, id string) {
	switch {
	case target.has("refuri"):
		ref.set("refuri", target.get("refuri"))
	case target.has("refid"):
		ref.set("refid", target.get("refid"))
	default:
		ref.set("refid", id)
	}
}

// resolveAnonymous joins the anonymous references and targets in their order.
func (p *parser) resolveAnonymous(say func(*node)) {
	d := p.doc
	if len(d.anonRefs) != len(d.anonTgts) {
		m := p.message(levelError, p.lastLine, fmt.Sprintf("Anonymous hyperlink mismatch: %d references but %d targets.\n"+
			"See \"backrefs\" attribute for IDs.", len(d.anonRefs), len(d.anonTgts)))
		if m != nil {
			d.giveID(m)
		}
		for _, ref := range d.anonRefs {
			if ref.parent != nil {
				ref.become(p.problematic(original(ref.raw), m))
			}
		}
		say(m)
		return
	}
	for i, ref := range d.anonRefs {
		t := d.anonTgts[i]
		if t.has("refname") {
			p.resolveTarget(t, 0)
		}
		p.lead(ref, t, p.doc.giveID(t))
	}
}

// resolveIndirect follows targets that name other targets.
func (p *parser) resolveIndirect(say func(*node)) {
	for _, t := range p.doc.indirect {
		if !t.has("refname") {
			continue
		}
		other := t.get("refname")
		if p.resolveTarget(t, 0) {
			continue
		}
		label := ""
		if len(t.names) > 0 {
			label = fmt.Sprintf("\"%s\" ", t.names[0])
			if id := p.doc.giveID(t); t.parent.isText() {
				label += " "
			} else {
				label += fmt.Sprintf("(id=\"%s\") ", id)
			}
		}
		reason := "which does not exist."
		if id, known := p.doc.nameIDs[other]; known {
			reason = "which is a duplicate, and cannot be used as a unique reference."
			if id != "" {
				reason = "forming a circular reference."
			}
		}
		m := p.message(levelError, p.placeOf(t), fmt.Sprintf("Indirect hyperlink target %srefers to target \"%s\", %s", label, other, reason))
		if m != nil {
			p.doc.giveID(m)
		}
		say(m)
		for _, name := range t.names {
			for _, ref := range p.doc.refs[name] {
				if ref.is("reference") && !ref.has("refuri") && !ref.has("refid") {
					p.giveUp(ref, m, false)
				}
			}
		}
	}
}

// resolveTarget finds where an indirect target leads.
func (p *parser) resolveTarget(t *node, depth int) bool {
	if !t.has("refname") {
		return t.has("refuri") || t.has("refid")
	}
	id := p.doc.nameIDs[t.get("refname")]
	other := p.doc.ids[id]
	const most = 50
	if id == "" || other == nil || other == t || depth > most {
		return false
	}
	if other.is("target") && other.has("refname") && !p.resolveTarget(other, depth+1) {
		return false
	}
	p.lead(t, other, id)
	delete(t.attrs, "refname")
	return true
}

// resolveNames makes every named reference a link.
func (p *parser) resolveNames(say func(*node)) {
	d := p.doc
	for _, ref := range d.root.all("reference", "footnote_reference", "citation_reference") {
		name := ref.get("refname")
		if name == "" || ref.has("refuri") || ref.has("refid") || definitionOf(ref) != nil {
			continue
		}
		id, known := d.nameIDs[name]
		if target := d.ids[id]; id != "" && target != nil {
			if !ref.is("reference") {
				ref.set("refid", id)
			} else {
				p.lead(ref, target, id)
			}
			continue
		}
		problem := fmt.Sprintf("Unknown target name: \"%s\".", name)
		if known {
			problem = fmt.Sprintf("Duplicate target name, cannot be used as a unique reference: \"%s\".", name)
		}
		m := p.message(levelError, p.placeOf(ref), problem)
		p.giveUp(ref, m, true)
		say(m)
	}
}

// placeOf is the line of n, or where docutils stands when it does not know.
func (p *parser) placeOf(n *node) int {
	if line := n.place(); line > 0 {
		return line
	}
	return p.lastLine
}

// giveUp puts the source of a reference in its place. The message links to the
// id that the reference has already, if keep says so, or to a new one.
func (p *parser) giveUp(ref, m *node, keep bool) {
	if m == nil {
		ref.become(textNode(ref.raw))
		return
	}
	prb := newNode("problematic", textNode(ref.raw))
	prb.set("refid", p.doc.giveID(m))
	if keep {
		prb.ids = ref.ids
	}
	id := p.doc.giveID(prb)
	if !keep {
		prb.ids = append(prb.ids, ref.ids...)
	}
	m.back = append(m.back, id)
	ref.become(prb)
}

// numberFootnotes numbers automatic footnotes and joins them with their
// references.
func (p *parser) numberFootnotes(say func(*node)) {
	d := p.doc
	next := 1
	unnamed := []*node{}
	for _, f := range d.footnotes {
		for d.nameIDs[strconv.Itoa(next)] != "" {
			next++
		}
		label := strconv.Itoa(next)
		next++
		f.insert(0, newNode("label", textNode(label)))
		if len(f.names) == 0 {
			unnamed = append(unnamed, f)
		}
		for _, name := range f.names {
			for _, ref := range d.footRefs[name] {
				ref.add(textNode(label))
				p.joinFootnote(ref, f)
			}
			delete(d.footRefs, name)
		}
		if len(f.names) == 0 {
			f.names = append(f.names, label)
			d.nameIDs[label] = f.ids[0]
		}
	}
	p.joinUnnamed(unnamed, say)
	p.numberSymbols(say)
	for _, f := range d.root.all("footnote") {
		if f.has("auto") {
			continue
		}
		for _, name := range f.names {
			for _, ref := range d.footRefs[name] {
				p.joinFootnote(ref, f)
			}
			delete(d.footRefs, name)
		}
	}
	for _, c := range d.citations {
		for _, name := range c.names {
			for _, ref := range d.citeRefs[name] {
				p.joinFootnote(ref, c)
			}
			delete(d.citeRefs, name)
		}
	}
}

func (p *parser) joinFootnote(ref, f *node) {
	id := p.doc.giveID(ref)
	f.back = append(f.back, id)
	ref.set("refid", f.ids[0])
}

// joinUnnamed joins [#]_ with footnotes without names, in their order.
func (p *parser) joinUnnamed(footnotes []*node, say func(*node)) {
	i := 0
	for _, ref := range p.doc.autoRefs {
		if ref.has("refid") {
			continue
		}
		if i >= len(footnotes) {
			rest := slices.DeleteFunc(slices.Clone(p.doc.autoRefs[i:]), func(r *node) bool { return r.has("refid") || r.has("refname") })
			p.tooManyRefs("autonumbered", ref, rest, len(footnotes), say)
			return
		}
		ref.add(textNode(footnotes[i].kids[0].plain()))
		p.joinFootnote(ref, footnotes[i])
		i++
	}
}

// tooManyRefs reports references that have no footnote, from first on. The
// message is one for all; those with a name get their own later.
func (p *parser) tooManyRefs(kind string, first *node, refs []*node, footnotes int, say func(*node)) {
	m := p.message(levelError, p.placeOf(first), fmt.Sprintf("Too many %s footnote references: only %d "+
		"corresponding footnotes available.", kind, footnotes))
	if m != nil {
		p.doc.giveID(m)
	}
	for _, ref := range refs {
		p.giveUp(ref, m, false)
	}
	say(m)
}

// numberSymbols gives the footnotes [*] their signs.
func (p *parser) numberSymbols(say func(*node)) {
	signs := []string{"*", "†", "‡", "§", "¶", "#", "♠", "♥", "♦", "♣"}
	for i, f := range p.doc.symbols {
		label := ""
		for range i/len(signs) + 1 {
			label += signs[i%len(signs)]
		}
		f.insert(0, newNode("label", textNode(label)))
	}
	for i, ref := range p.doc.symRefs {
		if i >= len(p.doc.symbols) {
			p.tooManyRefs("symbol", ref, p.doc.symRefs[i:], len(p.doc.symbols), say)
			return
		}
		f := p.doc.symbols[i]
		ref.add(textNode(f.kids[0].plain()))
		p.joinFootnote(ref, f)
	}
}

// placeTransitions moves transitions at the end of sections behind them and
// reports those that separate nothing.
func (p *parser) placeTransitions() {
	for _, t := range p.doc.root.all("transition") {
		i := t.index()
		problem := ""
		switch {
		case i == 0 || t.parent.kids[0].is("title") && i == 1:
			problem = "Document or section may not begin with a transition."
		case t.parent.kids[i-1].is("transition"):
			problem = "At least one body element must separate transitions; adjacent transitions are not allowed."
		}
		if m := p.transitionMessage(t, problem); m != nil {
			t.parent.insert(i, m)
			i++
		}
		if i != len(t.parent.kids)-1 {
			continue
		}
		outer := t
		for outer.parent != nil && outer.index() == len(outer.parent.kids)-1 {
			outer = outer.parent
		}
		if outer.parent == nil {
			if m := p.transitionMessage(t, "Document may not end with a transition."); m != nil {
				t.parent.insert(t.index()+1, m)
			}
			continue
		}
		t.remove()
		outer.parent.insert(outer.index()+1, t)
	}
}

func (p *parser) transitionMessage(t *node, problem string) *node {
	if problem == "" {
		return nil
	}
	return p.message(levelError, t.line, problem)
}
