package rst

import (
	"slices"
	"strconv"
	"strings"
)

// writer makes HTML of a document. The three compact flags say where
// paragraphs go without tags, as docutils does for tight lists and cells.
type writer struct {
	b             strings.Builder
	level         int // of sections
	compactSimple bool
	compactP      bool
	compactFields bool
}

// render writes the whole document.
func render(root *node) string {
	w := &writer{compactP: true}
	w.kids(root)
	return w.b.String()
}

func (w *writer) kids(n *node) {
	for _, k := range n.kids {
		w.node(k)
	}
}

func (w *writer) put(parts ...string) {
	for _, s := range parts {
		w.b.WriteString(s)
	}
}

// around writes a start tag, the kids and what ends the element.
func (w *writer) around(n *node, start, end string) {
	w.put(start)
	w.kids(n)
	w.put(end)
}

func (w *writer) node(n *node) {
	switch {
	case n.is("#text"):
		w.put(encode(unescape(n.text)))
	case w.inline(n), w.list(n), w.tableNode(n), w.media(n):
	default:
		w.block(n)
	}
}

var htmlSpecial = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", ">", "&gt;", "@", "&#64;", "\u00a0", "&nbsp;")

func encode(s string) string { return htmlSpecial.Replace(s) }

// attribute is a name and value of a start tag.
type attribute struct{ name, value string }

// tag writes a start tag: class adds to the node's classes. Further ids of the
// node become empty spans.
func tag(n *node, name, class string, atts ...attribute) string {
	return buildTag(n, name, class, false, atts)
}

func emptyTag(n *node, name, class string, atts ...attribute) string {
	return buildTag(n, name, class, true, atts)
}

func buildTag(n *node, name, class string, empty bool, atts []attribute) string {
	var classes []string
	seen := map[string]bool{}
	atts = slices.Clone(atts)
	for _, c := range append(slices.Clone(n.classes), strings.Fields(class)...) {
		switch lang, isLang := strings.CutPrefix(c, "language-"); {
		case isLang && !slices.ContainsFunc(atts, func(a attribute) bool { return a.name == "lang" }):
			atts = append(atts, attribute{"lang", lang})
		case isLang, strings.TrimSpace(c) == "", seen[c], n.is("table") && strings.HasPrefix(c, "colwidths-"):
		default:
			classes, seen[c] = append(classes, c), true
		}
	}
	if len(classes) > 0 {
		atts = append(atts, attribute{"class", strings.Join(classes, " ")})
	}
	var before, after strings.Builder
	if len(n.ids) > 0 {
		atts = append(atts, attribute{"id", n.ids[0]})
		for _, id := range n.ids[1:] {
			span := `<span id="` + id + `"></span>`
			if empty || n.is("bullet_list", "enumerated_list", "definition_list", "field_list", "option_list", "line_block", "table", "docinfo") {
				before.WriteString(span)
			} else {
				after.WriteString(span)
			}
		}
	}
	slices.SortStableFunc(atts, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString(before.String() + "<" + name)
	for _, a := range atts {
		b.WriteString(" " + a.name + `="` + attributeValue(a.value) + `"`)
	}
	if empty {
		b.WriteString(" /")
	}
	b.WriteString(">" + after.String())
	return b.String()
}

// oneLine makes each white space character a blank.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ", "\v", " ", "\f", " ")

// attributeValue escapes a value and makes each white space character a blank.
func attributeValue(s string) string {
	return encode(oneLine.Replace(s))
}

// tagLine is tag with a newline, which goes before the spans of further ids.
func tagLine(n *node, name, class string, atts ...attribute) string {
	s := tag(n, name, class, atts...)
	if len(n.ids) < 2 || !strings.HasSuffix(s, "</span>") {
		return s + "\n"
	}
	i := strings.Index(s, "><span id=")
	return s[:i+1] + "\n" + s[i+1:]
}

// mark adds a class to a visible kid: the first, or the last.
func mark(n *node, class string, last bool) {
	kids := n.visible()
	if len(kids) == 0 {
		return
	}
	k := kids[0]
	if last {
		k = kids[len(kids)-1]
	}
	k.classes = append(k.classes, class)
}

func markFirstLast(n *node) {
	mark(n, "first", false)
	mark(n, "last", true)
}

func (w *writer) block(n *node) {
	switch n.tag {
	case "paragraph":
		w.paragraph(n)
	case "section":
		w.level++
		w.around(n, tagLine(n, "div", "section"), "</div>\n")
		w.level--
	case "title", "subtitle":
		w.title(n)
	case "literal_block":
		w.around(n, tagLine(n, "pre", "literal-block"), "\n</pre>\n")
	case "doctest_block":
		w.around(n, tagLine(n, "pre", "doctest-block"), "\n</pre>\n")
	case "block_quote":
		w.around(n, tagLine(n, "blockquote", ""), "</blockquote>\n")
	case "attribution":
		w.around(n, tag(n, "p", "attribution")+"&mdash;", "</p>\n")
	case "line_block":
		w.around(n, tagLine(n, "div", "line-block"), "</div>\n")
	case "line":
		w.put(tag(n, "div", "line"))
		if len(n.kids) == 0 {
			w.put("<br />")
		}
		w.around(n, "", "</div>\n")
	case "transition":
		w.put(emptyTag(n, "hr", "docutils"), "\n")
	case "admonition":
		n.classes = append([]string{"admonition"}, n.classes...)
		start := tagLine(n, "div", "")
		markFirstLast(n)
		w.around(n, start, "</div>\n")
	case "sidebar":
		markFirstLast(n)
		w.around(n, tagLine(n, "div", "sidebar"), "</div>\n")
	case "topic":
		w.around(n, tagLine(n, "div", "topic"), "</div>\n")
	case "rubric":
		w.around(n, tag(n, "p", "rubric"), "</p>\n")
	case "compound":
		w.compound(n)
	case "container":
		w.around(n, tagLine(n, "div", "docutils container"), "</div>\n")
	case "system_message":
		w.systemMessage(n)
	case "math_block":
		w.put(tagLine(n, "div", "formula"), formula(n.plain(), true), "\n</div>\n")
	case "comment":
		// Two hyphens would end the comment.
		w.put("<!-- ", strings.ReplaceAll(strings.ReplaceAll(n.plain(), "--", "- -"), "--", "- -"), " -->\n")
	case "substitution_definition", "pending":
	default:
		w.kids(n)
	}
}

// paragraph writes a paragraph, without its tags where the text around it is
// set tight.
func (w *writer) paragraph(n *node) {
	if w.compact(n) {
		w.kids(n)
		return
	}
	w.around(n, tag(n, "p", ""), "</p>\n")
}

func (w *writer) compact(n *node) bool {
	p := n.parent
	if p.is("document", "compound") || len(n.ids) > 0 || len(n.names) > 0 {
		return false
	}
	switch strings.Join(n.classes, " ") {
	case "", "first", "last", "first last":
	default:
		return false
	}
	count := 0
	for i, k := range p.kids {
		if i == 0 && k.is("label") || k.isInvisible() {
			continue
		}
		if count == 0 && k != n {
			return false
		}
		count++
	}
	return w.compactSimple || w.compactFields || w.compactP && count == 1
}

func (w *writer) title(n *node) {
	p := n.parent
	sub := n.is("subtitle")
	switch {
	case p.is("topic"):
		w.around(n, tag(n, "p", "topic-title"), "</p>\n")
	case p.is("sidebar") && sub:
		w.around(n, tag(n, "p", "sidebar-subtitle"), "</p>\n")
	case p.is("sidebar"):
		w.around(n, tag(n, "p", "sidebar-title"), "</p>\n")
	case p.is("admonition"):
		w.around(n, tag(n, "p", "admonition-title"), "</p>\n")
	case p.is("table"):
		w.around(n, tag(n, "caption", ""), "</caption>\n")
	default:
		name, class := "h"+strconv.Itoa(min(w.level, 6)), ""
		if w.level > 6 {
			class = "h" + strconv.Itoa(w.level)
		}
		start, end := tag(n, name, class), "</"+name+">\n"
		if n.has("refid") {
			start += `<a class="toc-backref" href="#` + n.get("refid") + `">`
			end = "</a>" + end
		}
		w.around(n, start, end)
	}
}

func (w *writer) compound(n *node) {
	start := tagLine(n, "div", "compound")
	if last := len(n.kids) - 1; last > 0 {
		for i, k := range n.kids {
			switch i {
			case 0:
				k.classes = append(k.classes, "compound-first")
			case last:
				k.classes = append(k.classes, "compound-last")
			default:
				k.classes = append(k.classes, "compound-middle")
			}
		}
	}
	w.around(n, start, "</div>\n")
}

func (w *writer) systemMessage(n *node) {
	w.put(tagLine(n, "div", "system-message"), `<p class="system-message-title">System Message: `, n.get("type"), "/", n.get("level"))
	w.put(` (<tt class="docutils">&lt;string&gt;</tt>`)
	if n.has("line") {
		w.put(", line ", n.get("line"))
	}
	w.put(")")
	switch len(n.back) {
	case 0:
	case 1:
		w.put(`; <em><a href="#`, n.back[0], `">backlink</a></em>`)
	default:
		var links []string
		for i, id := range n.back {
			links = append(links, `<a href="#`+id+`">`+strconv.Itoa(i+1)+`</a>`)
		}
		w.put("; <em>backlinks: ", strings.Join(links, ", "), "</em>")
	}
	w.around(n, "</p>\n", "</div>\n")
}
