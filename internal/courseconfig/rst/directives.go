package rst

import (
	"fmt"
	"strings"
)

// findDirective knows the directives that courses use. Those for metadata,
// which a fragment does not show, do nothing.
func findDirective(name string) (directive, bool) {
	var d directive
	switch name {
	case "attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning":
		d = directive{options: "class name", content: true, run: admonition}
	case "admonition":
		d = directive{required: 1, spaces: true, options: "class name", content: true, run: admonition}
	case "image":
		d = directive{required: 1, spaces: true, options: "alt height width scale align target class name", run: image}
	case "figure":
		d = directive{
			required: 1, spaces: true, content: true, run: figure,
			options: "alt height width scale align target class name figwidth figclass",
		}
	case "code", "code-block", "sourcecode":
		d = directive{optional: 1, options: "class name number-lines", content: true, run: codeBlock}
	case "math":
		d = directive{optional: 1, spaces: true, options: "class name nowrap", content: true, run: mathBlock}
	case "raw":
		d = directive{required: 1, spaces: true, options: "file url encoding class", content: true, run: raw}
	case "include":
		d = directive{
			required: 1, spaces: true, content: true, run: disabled,
			options: "literal code encoding parser tab-width start-line end-line start-after end-before number-lines class name",
		}
	case "table":
		d = directive{optional: 1, spaces: true, options: "align class name width widths", content: true, run: tableDirective}
	case "list-table":
		d = directive{
			optional: 1, spaces: true, content: true, run: listTable,
			options: "header-rows stub-columns width widths class name align",
		}
	case "csv-table":
		d = directive{
			optional: 1, spaces: true, content: true, run: csvTable,
			options: "header-rows stub-columns header width widths file url encoding class name align delim keepspace quote escape",
		}
	case "date":
		d = directive{content: true, run: date}
	default:
		return findTextDirective(name)
	}
	return d, true
}

// findTextDirective knows the directives for pieces of text and for roles.
func findTextDirective(name string) (directive, bool) {
	d := directive{}
	switch name {
	case "topic":
		d = directive{required: 1, spaces: true, options: "class name", content: true, run: topic}
	case "sidebar":
		d = directive{optional: 1, spaces: true, options: "class name subtitle", content: true, run: topic}
	case "rubric":
		d = directive{required: 1, spaces: true, options: "class name", run: rubric}
	case "epigraph", "highlights", "pull-quote":
		d = directive{content: true, run: quote}
	case "compound":
		d = directive{options: "class name", content: true, run: compound}
	case "container":
		d = directive{optional: 1, spaces: true, options: "name", content: true, run: container}
	case "parsed-literal":
		d = directive{options: "class name", content: true, run: parsedLiteral}
	case "line-block":
		d = directive{options: "class name", content: true, run: lineBlockDirective}
	case "contents":
		d = directive{optional: 1, spaces: true, options: "depth local backlinks class", run: contentsTable}
	case "class", "rst-class":
		d = directive{required: 1, spaces: true, content: true, run: classDirective}
	case "role":
		d = directive{optional: 1, spaces: true, options: "class format language", content: true, run: roleDirective}
	case "default-role":
		d = directive{optional: 1, run: defaultRole}
	case "replace":
		d = directive{content: true, run: replacement}
	case "unicode":
		d = directive{required: 1, spaces: true, options: "trim ltrim rtrim", run: unicodeText}
	case "meta", "header", "footer":
		d = directive{content: true, run: nothing}
	case "title":
		d = directive{required: 1, spaces: true, run: nothing}
	case "sectnum", "section-numbering":
		d = directive{options: "depth start prefix suffix", run: sectionNumbers}
	}
	return d, d.run != nil
}

func nothing(*call) []*node { return nil }

// disabled stands for directives that would read files or the clock.
func disabled(c *call) []*node {
	return c.fail(levelWarning, fmt.Sprintf("\"%s\" directive disabled.", c.name))
}

// date would put the day of the conversion into the text, which would then
// change without a change of the course.
func date(c *call) []*node {
	if !c.s.node.has("substitution") {
		return c.fail(levelError, fmt.Sprintf("Invalid context: the \"%s\" directive can only be used within a substitution definition.", c.name))
	}
	return disabled(c)
}

func admonition(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	n := newNode("admonition")
	name := strings.ToLower(c.name)
	c.dress(n)
	title := newNode("title", textNode(admonitionTitle(name)))
	var messages []*node
	if name == "admonition" {
		var nodes []*node
		nodes, messages = c.inline(c.args[0])
		title = newNode("title", nodes...)
		if n.classes == nil {
			n.classes = []string{"admonition-" + makeID(title.plain())}
		}
	} else {
		n.set("kind", name)
	}
	c.named(n)
	if name == "admonition" {
		n.add(title)
		n.addMessages(messages...)
		c.inside(n)
		return []*node{n}
	}
	c.inside(n)
	n.insert(0, title)
	return []*node{n}
}

// admonitionTitle is the title of an admonition that its name decides.
func admonitionTitle(name string) string {
	title := strings.ToUpper(name[:1]) + name[1:]
	switch name {
	case "attention", "caution":
		return title + "!"
	case "danger":
		return "!DANGER!"
	}
	return title
}

// misplaced is the message for a directive that may stand between sections and
// their paragraphs only, when it stands elsewhere.
func (c *call) misplaced() []*node {
	if c.s.titles {
		return nil
	}
	return c.fail(levelError, fmt.Sprintf("The \"%s\" directive may not be used within topics or body elements.", c.name))
}

func topic(c *call) []*node {
	if problem := c.misplaced(); problem != nil && strings.EqualFold(c.name, "topic") {
		return problem
	}
	if c.s.node.is("sidebar") {
		return c.fail(levelError, fmt.Sprintf("The \"%s\" directive may not be used within a sidebar element.", c.name))
	}
	if problem := c.misplaced(); problem != nil {
		return problem
	}
	if empty := c.needContent(); empty != nil {
		return empty
	}
	n := newNode(strings.ToLower(c.name))
	var messages []*node
	add := func(tag, text string) {
		nodes, m := c.inline(text)
		n.add(newNode(tag, nodes...))
		messages = append(messages, m...)
	}
	if len(c.args) > 0 {
		add("title", c.args[0])
	}
	if text, ok := c.option("subtitle"); ok && text != "" {
		add("subtitle", text)
	}
	n.addMessages(messages...)
	c.named(c.dress(n))
	return []*node{c.inside(n)}
}

func rubric(c *call) []*node {
	nodes, messages := c.inline(c.args[0])
	n := c.named(c.dress(newNode("rubric", nodes...)))
	return append([]*node{n}, messages...)
}

// quote makes block quotes with the directive's name as their class.
func quote(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	holder := newNode("holder")
	lines := make([]string, len(c.content.lines))
	for i, l := range c.content.lines {
		if l != "" {
			lines[i] = " " + l
		}
	}
	c.s.p.nested(block{lines: lines, first: c.content.first}, holder)
	for _, k := range holder.kids {
		if k.is("block_quote") {
			k.classes = append(k.classes, strings.ToLower(c.name))
		}
	}
	return holder.kids
}

func compound(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	return []*node{c.inside(c.named(c.dress(newNode("compound"))))}
}

func container(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	n := newNode("container")
	if len(c.args) > 0 {
		classes, problem := classNames(c.args[0])
		if problem != "" {
			return c.fail(levelError, fmt.Sprintf("Invalid class attribute value for \"%s\" directive: \"%s\".", c.name, c.args[0]))
		}
		n.classes = strings.Fields(classes)
	}
	return []*node{c.inside(c.named(n))}
}

func parsedLiteral(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	nodes, messages := c.s.p.inline(c.content.text(), c.content.first, c.s.node)
	n := c.named(c.dress(newNode("literal_block", nodes...)))
	return append([]*node{n}, messages...)
}

func lineBlockDirective(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	n := c.named(c.dress(newNode("line_block")))
	var lines, messages []*node
	var indents []int
	for i, l := range c.content.lines {
		nodes, m := c.s.p.inline(strings.TrimSpace(l), c.content.first+i, c.s.node)
		lines = append(lines, newNode("line", nodes...))
		indents = append(indents, indentOf(l))
		messages = append(messages, m...)
	}
	nestLines(n, lines, indents, 0)
	return append([]*node{n}, messages...)
}

func raw(c *call) []*node {
	_, file := c.option("file")
	_, url := c.option("url")
	if file || url {
		return disabled(c)
	}
	if empty := c.needContent(); empty != nil {
		return empty
	}
	n := newNode("raw", textNode(c.content.text()))
	n.set("format", strings.ToLower(strings.Join(strings.Fields(c.args[0]), " ")))
	return []*node{c.dress(n)}
}

// classDirective gives classes to its content, or to what follows.
func classDirective(c *call) []*node {
	classes, problem := classNames(c.args[0])
	if problem != "" {
		return c.fail(levelError, fmt.Sprintf("Invalid class attribute value for \"%s\" directive: \"%s\".", c.name, c.args[0]))
	}
	if len(c.content.lines) == 0 {
		n := newNode("pending")
		n.classes = strings.Fields(classes)
		n.line = c.line
		n.set("class", "").set("source", c.source).set("name", c.name)
		return []*node{n}
	}
	holder := c.inside(newNode("holder"))
	for _, k := range holder.kids {
		if !k.is("system_message") {
			k.classes = append(k.classes, strings.Fields(classes)...)
		}
	}
	return holder.kids
}

// roleDirective makes a role: ".. role:: name(base)".
func roleDirective(c *call) []*node {
	if len(c.args) == 0 {
		return c.fail(levelError, fmt.Sprintf("\"%s\" directive requires arguments on the first line.", c.name))
	}
	if len(c.content.lines) > 0 {
		return c.fail(levelError, fmt.Sprintf("Error in \"%s\" directive:\nno content permitted.", c.name))
	}
	name, base, ok := strings.Cut(strings.Join(strings.Fields(c.args[0]), ""), "(")
	base = strings.TrimSuffix(base, ")")
	n, _ := nameLen(name)
	if n != len(name) || n == 0 {
		return c.fail(levelError, fmt.Sprintf("\"%s\" directive arguments not valid role names: \"%s\".", c.name, c.args[0]))
	}
	r := role{base: "inline"}
	if ok {
		if r, ok = c.s.p.findRole(base); !ok {
			return c.fail(levelError, fmt.Sprintf("Unknown interpreted text role \"%s\".", base))
		}
	}
	r.classes = append(r.classes[:len(r.classes):len(r.classes)], strings.Fields(c.options["class"])...)
	if _, given := c.option("class"); !given {
		r.classes = append(r.classes, makeID(name))
	}
	if v, given := c.option("language"); given {
		r.lang = v
	}
	if v, given := c.option("format"); given {
		r.format = v
	}
	c.s.p.roles[strings.ToLower(name)] = r
	return nil
}

func defaultRole(c *call) []*node {
	c.s.p.defaultRole = "title-reference"
	if len(c.args) > 0 {
		if _, ok := c.s.p.findRole(c.args[0]); !ok {
			return c.fail(levelError, fmt.Sprintf("Unknown interpreted text role \"%s\".", c.args[0]))
		}
		c.s.p.defaultRole = c.args[0]
	}
	return nil
}
