package rst

import (
	"fmt"
	"slices"
	"strings"
)

// resolve does what can only be done when the whole text has been read, in
// docutils' order: substitutions, targets, the title, links, footnotes.
func (p *parser) resolve() {
	root := p.doc.root
	var late []*node
	say := func(m *node) {
		if m != nil {
			late = append(late, m)
		}
	}
	p.resolveClasses()
	p.substitute(say)
	p.propagateTargets()
	p.dropTitle()
	p.dropDocinfo()
	p.resolveAnonymous(say)
	p.resolveIndirect(say)
	p.numberFootnotes(say)
	p.numberSections()
	p.fillContents()
	p.resolveNames(say)
	p.placeTransitions()
	for _, n := range root.all("admonition") {
		n.classes = append(n.classes, strings.Fields(n.get("kind"))...)
	}
	if len(late) > 0 {
		sec := newNode("section", newNode("title", textNode("Docutils System Messages")))
		sec.classes = []string{"system-messages"}
		sec.add(late...)
		root.add(sec)
	}
}

// resolveClasses gives the classes of class directives to what follows them.
func (p *parser) resolveClasses() {
	for _, n := range assignClasses(p.doc.root, nil) {
		m := p.message(levelError, n.line, fmt.Sprintf("No suitable element following \"%s\" directive", n.get("name")), literal(n.get("source")))
		n.become(some(m)...)
	}
	for _, n := range p.doc.root.all("pending") {
		if n.has("class") {
			n.remove()
		}
	}
}

// assignClasses goes through n and returns the directives at its end, which
// are for what follows n.
func assignClasses(n *node, waiting []*node) []*node {
	for _, k := range n.kids {
		switch {
		case k.is("pending") && k.has("class"):
			waiting = append(waiting, k)
		case k.isInvisible() || k.is("system_message", "#text"):
		default:
			for _, w := range waiting {
				k.classes = append(k.classes, w.classes...)
			}
			waiting = assignClasses(k, nil)
		}
	}
	return waiting
}

// substitute puts the text of definitions in place of |name|.
func (p *parser) substitute(say func(*node)) {
	d := p.doc
	work := d.root.all("substitution_reference")
	used := 0
	for len(work) > 0 {
		ref := work[0]
		work = work[1:]
		name := normalSpace(ref.get("name"))
		def := d.subst[name]
		if def == nil {
			def = d.subst[d.substFold[strings.ToLower(name)]]
		}
		if outer := definitionOf(ref); def != nil && outer != nil {
			if def == outer && !def.has("circular") {
				def.set("circular", "1")
				m := p.message(levelError, def.line, "Circular substitution definition detected:", literal(def.raw))
				def.parent.insert(def.index(), some(m)...)
			}
			continue
		}
		used++
		problem := ""
		switch {
		case def == nil:
			problem = fmt.Sprintf("Undefined substitution referenced: \"%s\".", name)
		case nestedIn(ref, def):
			problem = fmt.Sprintf("Circular substitution definition referenced: \"%s\".", name)
		case used > maxSubstitute:
			problem = fmt.Sprintf("Too many substitutions; \"%s\" is left out.", name)
		}
		if problem != "" {
			m := p.message(levelError, p.placeOf(ref), problem)
			ref.become(p.problematic(original(ref.raw), m))
			say(m)
			continue
		}
		c := def.clone()
		trimAround(ref, def)
		for _, k := range c.kids {
			k.walk(func(n *node) {
				if n.is("substitution_reference") {
					n.set("within", strings.Trim(ref.get("within")+"\n"+name, "\n"))
					work = append(work, n)
				}
				if n.is("reference") && n.has("refname") {
					p.refer(n, n.get("refname"))
				}
			})
		}
		ref.become(c.kids...)
	}
}

// nestedIn tells that ref came from the definition that it refers to.
func nestedIn(ref, def *node) bool {
	for _, name := range strings.Split(ref.get("within"), "\n") {
		if name != "" && strings.EqualFold(name, normalSpace(ref.get("name"))) {
			return true
		}
	}
	return def == nil
}

// definitionOf is the definition that n stands in, or nil.
func definitionOf(n *node) *node {
	for ; n != nil; n = n.parent {
		if n.is("substitution_definition") {
			return n
		}
	}
	return nil
}

// trimAround removes the white space beside a substitution that asks for it.
func trimAround(ref, def *node) {
	if !def.has("ltrim") && !def.has("rtrim") {
		return
	}
	kids, i := ref.parent.kids, ref.index()
	if def.has("ltrim") && i > 0 && kids[i-1].is("#text") {
		kids[i-1].text = strings.TrimRightFunc(kids[i-1].text, isSpace)
	}
	if def.has("rtrim") && i+1 < len(kids) && kids[i+1].is("#text") {
		kids[i+1].text = strings.TrimLeftFunc(kids[i+1].text, isSpace)
	}
}

// carried are the ids and names that targets hand on to what follows, the
// nearest target's last. A long row of targets hands them on together.
type carried struct{ ids, names []string }

// propagateTargets gives the names of ".. _name:" to what follows.
func (p *parser) propagateTargets() {
	waiting := map[*node]*carried{}
	for _, t := range p.doc.root.all("target") {
		c := waiting[t]
		if t.parent.isText() || t.has("refuri") || t.has("refname") || len(t.ids) == 0 && c == nil && !t.has("anonymous") {
			continue
		}
		next := t.next()
		for next != nil && next.is("system_message") {
			next = next.next()
		}
		if next == nil || next.isInvisible() && !next.is("target") || next.is("footnote", "citation") {
			continue
		}
		delete(waiting, t)
		if c == nil {
			p.doc.giveID(t)
			c = &carried{}
		}
		c.ids, c.names = appendReversed(c.ids, t.ids), appendReversed(c.names, t.names)
		t.set("refid", c.ids[len(c.ids)-1])
		t.ids, t.names = nil, nil
		if before := waiting[next]; before != nil {
			p.hand(next, before)
		}
		waiting[next] = c
	}
	for n, c := range waiting {
		p.hand(n, c)
	}
}

// hand gives a node what targets before it have carried.
func (p *parser) hand(n *node, c *carried) {
	for _, id := range c.ids {
		p.doc.ids[id] = n
	}
	n.ids, n.names = appendReversed(n.ids, c.ids), appendReversed(n.names, c.names)
}

func appendReversed(to, list []string) []string {
	for _, s := range slices.Backward(list) {
		to = append(to, s)
	}
	return to
}

// preamble tells the nodes that may stand before a document's title.
func preamble(n *node) bool {
	return n.is("comment", "substitution_definition", "target", "pending", "system_message", "raw") || n.is("title", "subtitle")
}

func firstReal(n *node) int {
	for i, k := range n.kids {
		if !preamble(k) {
			return i
		}
	}
	return -1
}

// dropTitle makes a lone section the document, and removes its title, and once
// more for a subtitle.
func (p *parser) dropTitle() {
	root := p.doc.root
	for range 2 {
		i := firstReal(root)
		if i < 0 || i != len(root.kids)-1 || !root.kids[i].is("section") {
			return
		}
		sec := root.kids[i]
		before := root.kids[:i:i]
		root.kids = nil
		root.add(before...)
		root.add(sec.kids[1:]...)
		for _, id := range sec.ids {
			p.doc.ids[id] = root
		}
	}
}

// dropDocinfo removes a field list at the start: it describes the document and
// is no part of the fragment. Only abstract and dedication stay, as topics.
func (p *parser) dropDocinfo() {
	root := p.doc.root
	i := firstReal(root)
	if i < 0 || !root.kids[i].is("field_list") {
		return
	}
	var topics []*node
	for _, f := range root.kids[i].kids {
		name := strings.ToLower(f.kids[0].plain())
		if name != "abstract" && name != "dedication" {
			continue
		}
		t := newNode("topic", newNode("title", textNode(strings.ToUpper(name[:1])+name[1:])))
		t.classes = []string{name}
		t.add(f.kids[1].kids...)
		topics = append(topics, t)
	}
	root.kids[i].remove()
	root.insert(0, topics...)
}
