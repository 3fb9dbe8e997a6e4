package rst

import (
	"regexp"
	"strings"
)

// inline writes an inline element; false when n is none.
func (w *writer) inline(n *node) bool {
	simple := map[string]string{
		"emphasis": "em", "strong": "strong", "title_reference": "cite", "abbreviation": "abbr",
		"acronym": "acronym", "inline": "span",
	}
	if name := simple[n.tag]; name != "" {
		w.around(n, tag(n, name, ""), "</"+name+">")
		return true
	}
	switch n.tag {
	case "subscript", "superscript":
		name := n.tag[:3]
		if n.parent.is("literal_block") {
			w.around(n, tag(n, "span", n.tag), "</span>")
		} else {
			w.around(n, tag(n, name, ""), "</"+name+">")
		}
	case "literal":
		w.literal(n)
	case "reference":
		w.reference(n)
	case "footnote_reference":
		w.around(n, tag(n, "a", "footnote-reference", attribute{"href", "#" + n.get("refid")})+"[", "]</a>")
	case "citation_reference":
		w.around(n, tag(n, "a", "citation-reference", attribute{"href", "#" + n.get("refid")})+"[", "]</a>")
	case "target":
		if n.has("refuri") || n.has("refid") || n.has("refname") {
			w.kids(n)
		} else {
			w.around(n, tag(n, "span", "target"), "</span>")
		}
	case "problematic":
		w.around(n, `<a href="#`+n.get("refid")+`">`+tag(n, "span", "problematic"), "</span></a>")
	case "math":
		w.put(tag(n, "span", "formula"), formula(n.plain(), false), "</span>")
	case "raw":
		w.raw(n)
	default:
		return false
	}
	return true
}

func (w *writer) raw(n *node) {
	if !contains(strings.Fields(n.get("format")), "html") {
		return
	}
	name := "div"
	if n.parent.isText() {
		name = "span"
	}
	text := unescape(n.text)
	for _, k := range n.kids {
		text += unescape(k.text)
	}
	if len(n.classes) == 0 {
		w.put(text)
		return
	}
	w.put(tag(n, name, ""), text, "</"+name+">")
}

var (
	wordsAndSpaces = regexp.MustCompile(`[^ \n]+| +|\n`)
	wrapPoint      = regexp.MustCompile(`.[^\p{L}\p{N}_][^\p{L}\p{N}_].|[-?].`)
)

// literal writes text as it is: words that a browser could break are kept
// together, and so are runs of blanks.
func (w *writer) literal(n *node) {
	if contains(n.classes, "code") {
		n.classes = without(n.classes, "code")
		w.around(n, tag(n, "code", ""), "</code>")
		return
	}
	w.put(tag(n, "tt", "docutils literal"))
	for _, part := range wordsAndSpaces.FindAllString(n.plain(), -1) {
		switch {
		case part == "\n" || part == " ":
			w.put(part)
		case part[0] == ' ':
			w.put(strings.Repeat("&nbsp;", len(part)-1), " ")
		case wrapPoint.MatchString(part):
			w.put(`<span class="pre">`, encode(part), `</span>`)
		default:
			w.put(encode(part))
		}
	}
	w.put("</tt>")
}

func (w *writer) reference(n *node) {
	class, href := "reference external", n.get("refuri")
	if !n.has("refuri") {
		class, href = "reference internal", "#"+n.get("refid")
	}
	inText := n.parent.isText()
	if !inText {
		class += " image-reference"
	}
	end := "</a>"
	if !inText {
		end += "\n"
	}
	w.around(n, tag(n, "a", class, attribute{"href", href}), end)
}
