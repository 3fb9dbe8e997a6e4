package rst

import (
	"strconv"
	"strings"
)

// contentsTable reserves a place for the list of sections.
func contentsTable(c *call) []*node {
	if problem := c.misplaced(); problem != nil && !c.s.node.is("sidebar") {
		return problem
	}
	n := newNode("topic")
	n.classes = append([]string{"contents"}, strings.Fields(c.options["class"])...)
	_, local := c.option("local")
	name := "Contents"
	if local {
		n.classes = append(n.classes, "local")
	}
	if len(c.args) > 0 {
		nodes, _ := c.inline(c.args[0])
		n.add(newNode("title", nodes...))
		name = n.kids[0].plain()
	} else if !local {
		n.add(newNode("title", textNode(name)))
	}
	n.names = append(n.names, refName(name))
	c.s.p.note(n, nil, false)
	pending := newNode("pending").set("contents", c.options["depth"]).set("backlinks", c.options["backlinks"])
	if local {
		pending.set("local", "1")
	}
	n.add(pending)
	return []*node{n}
}

// fillContents writes the lists of sections.
func (p *parser) fillContents() {
	for _, n := range p.doc.root.all("pending") {
		if !n.has("contents") {
			continue
		}
		topic := n.parent
		t := tableOfContents{p: p, backlinks: n.get("backlinks"), topic: topic.ids[0]}
		depth, err := strconv.Atoi(n.get("contents"))
		if err != nil {
			depth = maxNested
		}
		from := p.doc.root
		if n.has("local") {
			for from = topic; from.parent != nil && !from.is("section"); {
				from = from.parent
			}
		}
		list := t.sections(from, max(depth, 1))
		if list == nil {
			topic.remove()
			continue
		}
		n.remove()
		topic.add(list)
	}
}

// tableOfContents is one list of sections that is being made.
type tableOfContents struct {
	p         *parser
	backlinks string // where titles link to: "entry" (the default), "top" or "none"
	topic     string // id of the table
}

func (t tableOfContents) sections(n *node, depth int) *node {
	list := newNode("bullet_list")
	numbered := false
	for _, sec := range n.kids {
		if !sec.is("section") || depth == 0 {
			continue
		}
		title := sec.kids[0]
		numbered = title.has("auto")
		ref := newNode("reference").set("refid", t.p.doc.giveID(sec))
		ref.add(withoutLinks(title)...)
		id := t.p.doc.giveID(ref)
		if t.backlinks == "top" {
			id = t.topic
		}
		if t.backlinks != "none" && len(title.all("reference")) == 0 {
			title.set("refid", id)
		}
		item := newNode("list_item", newNode("paragraph", ref))
		if sub := t.sections(sec, depth-1); sub != nil {
			item.add(sub)
		}
		list.add(item)
	}
	if len(list.kids) == 0 {
		return nil
	}
	if numbered {
		list.classes = append(list.classes, "auto-toc")
	}
	return list
}

// withoutLinks copies the kids of a title, of links and the like only their
// text.
func withoutLinks(n *node) []*node {
	var out []*node
	for _, k := range n.kids {
		switch {
		case k.is("citation_reference", "footnote_reference"):
		case k.is("image"):
			if k.has("alt") {
				out = append(out, textNode(k.get("alt")))
			}
		case k.is("problematic", "reference", "target", "group"):
			out = append(out, withoutLinks(k)...)
		case k.is("#text"):
			out = append(out, k.clone())
		default:
			c := *k
			c.kids, c.attrs = nil, nil
			for name, value := range k.attrs {
				c.set(name, value)
			}
			c.add(withoutLinks(k)...)
			out = append(out, &c)
		}
	}
	return out
}
