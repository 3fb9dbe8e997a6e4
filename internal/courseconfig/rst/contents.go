package rst

import (
	"strconv"
	"strings"
)

// contentsTable reserves a place for the list of sections.
func contentsTable(c *call) []*node {
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
	pending := newNode("pending").set("contents", c.options["depth"])
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
		list := p.sectionList(from, depth)
		if list == nil {
			topic.remove()
			continue
		}
		n.remove()
		topic.add(list)
	}
}

func (p *parser) sectionList(n *node, depth int) *node {
	list := newNode("bullet_list")
	for _, sec := range n.kids {
		if !sec.is("section") || depth == 0 {
			continue
		}
		title := sec.kids[0]
		ref := newNode("reference").set("refid", p.doc.giveID(sec))
		for _, k := range title.kids {
			ref.add(k.clone())
		}
		id := p.doc.giveID(ref)
		title.set("refid", id)
		item := newNode("list_item", newNode("paragraph", ref))
		if sub := p.sectionList(sec, depth-1); sub != nil {
			item.add(sub)
		}
		list.add(item)
	}
	if len(list.kids) == 0 {
		return nil
	}
	return list
}
