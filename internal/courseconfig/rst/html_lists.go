package rst

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// nameLimit is the length above which field names and options get a line of
// their own.
const nameLimit = 14

// list writes lists and their parts; false when n is none.
func (w *writer) list(n *node) bool {
	switch n.tag {
	case "bullet_list", "enumerated_list":
		w.bulletOrEnumerated(n)
	case "list_item":
		start := tag(n, "li", "")
		if len(n.kids) > 0 {
			n.kids[0].classes = append(n.kids[0].classes, "first")
		}
		w.around(n, start, "</li>\n")
	case "definition_list":
		w.around(n, tagLine(n, "dl", "docutils"), "</dl>\n")
	case "definition_list_item":
		w.kids(n)
	case "term":
		w.around(n, tag(n, "dt", ""), "")
	case "classifier":
		w.around(n, ` <span class="classifier-delimiter">:</span> `+tag(n, "span", "classifier"), "</span>")
	case "definition":
		start := "</dt>\n" + tag(n, "dd", "")
		markFirstLast(n)
		w.around(n, start, "</dd>\n")
	case "field_list":
		w.fieldList(n)
	case "option_list":
		w.put(tagLine(n, "table", "docutils option-list", attribute{"frame", "void"}, attribute{"rules", "none"}))
		w.around(n, "<col class=\"option\" />\n<col class=\"description\" />\n<tbody valign=\"top\">\n", "</tbody>\n</table>\n")
	case "option_list_item":
		w.option(n)
	case "footnote", "citation":
		w.footnote(n)
	default:
		return false
	}
	return true
}

func (w *writer) bulletOrEnumerated(n *node) {
	simple, p := w.compactSimple, w.compactP
	w.compactP = false
	w.compactSimple = !contains(n.classes, "open") &&
		(contains(n.classes, "compact") || simple || contains(n.parent.classes, "contents") || isSimpleList(n))
	class := ""
	if w.compactSimple && !simple {
		class = "simple"
	}
	if n.is("bullet_list") {
		w.around(n, tagLine(n, "ul", class), "</ul>\n")
	} else {
		var atts []attribute
		if n.has("start") {
			atts = append(atts, attribute{"start", n.get("start")})
		}
		w.around(n, tagLine(n, "ol", n.get("enumtype")+" "+class, atts...), "</ol>\n")
	}
	w.compactSimple, w.compactP = simple, p
}

// isSimpleList tells a list whose parts hold no more than a paragraph and a
// simple list.
func isSimpleList(n *node) bool {
	switch n.tag {
	case "paragraph", "#text", "term", "field_name":
		return true
	case "bullet_list", "enumerated_list", "definition_list", "definition_list_item", "classifier", "field_list", "field":
	case "list_item", "definition", "field_body":
		kids := n.visible()
		if last := len(kids) - 1; last > 0 && kids[0].is("paragraph") && kids[last].is("bullet_list", "enumerated_list", "field_list") {
			kids = kids[:last]
		}
		if len(kids) > 1 {
			return false
		}
	default:
		return n.isInvisible()
	}
	for _, k := range n.kids {
		if !isSimpleList(k) {
			return false
		}
	}
	return true
}

func (w *writer) fieldList(n *node) {
	fields, p := w.compactFields, w.compactP
	w.compactP = false
	if contains(n.classes, "compact") || !contains(n.classes, "open") {
		w.compactFields = true
	}
	for _, f := range n.kids {
		kids := f.kids[1].visible()
		if len(kids) > 1 || len(kids) == 1 && !kids[0].is("paragraph", "line_block") {
			w.compactFields = false
		}
	}
	w.put(tagLine(n, "table", "docutils field-list", attribute{"frame", "void"}, attribute{"rules", "none"}))
	w.put("<col class=\"field-name\" />\n<col class=\"field-body\" />\n<tbody valign=\"top\">\n")
	for i, f := range n.kids {
		w.field(f, i == len(n.kids)-1)
	}
	w.put("</tbody>\n</table>\n")
	w.compactFields, w.compactP = fields, p
}

func (w *writer) field(f *node, last bool) {
	name, content := f.kids[0], f.kids[1]
	w.put(tag(f, "tr", "field"))
	if utf8.RuneCountInString(name.plain()) > nameLimit {
		w.around(name, tag(name, "th", "field-name", attribute{"colspan", "2"}), ":</th>")
		w.put("</tr>\n", tag(&node{tag: "field", classes: f.classes}, "tr", "field"), "<td>&nbsp;</td>")
	} else {
		w.around(name, tag(name, "th", "field-name"), ":</th>")
	}
	start := tag(content, "td", "field-body")
	mark(content, "first", false)
	if w.compactFields || last {
		mark(content, "last", true)
	}
	w.around(content, start, "</td>\n")
	w.put("</tr>\n")
}

// option writes a line of an option list.
func (w *writer) option(n *node) {
	group, description := n.kids[0], n.kids[1]
	w.put(tag(n, "tr", ""))
	var texts, shown []string
	for _, o := range group.kids {
		s := encode(o.kids[0].plain())
		t := o.kids[0].plain()
		if len(o.kids) > 1 {
			s += o.kids[1].get("delimiter") + "<var>" + encode(o.kids[1].plain()) + "</var>"
			t += o.kids[1].get("delimiter") + o.kids[1].plain()
		}
		shown = append(shown, `<span class="option">`+s+`</span>`)
		texts = append(texts, t)
	}
	wide := utf8.RuneCountInString(strings.Join(texts, ", ")) > nameLimit
	if wide {
		w.put(tagLine(group, "td", "option-group", attribute{"colspan", "2"}))
	} else {
		w.put(tagLine(group, "td", "option-group"))
	}
	w.put("<kbd>", strings.Join(shown, ", "), "</kbd></td>\n")
	if wide {
		w.put("</tr>\n<tr><td>&nbsp;</td>")
	}
	start := tag(description, "td", "")
	markFirstLast(description)
	w.around(description, start, "</td>")
	w.put("</tr>\n")
}

func (w *writer) footnote(n *node) {
	w.put(tagLine(n, "table", "docutils "+n.tag, attribute{"frame", "void"}, attribute{"rules", "none"}))
	w.put("<colgroup><col class=\"label\" /><col /></colgroup>\n<tbody valign=\"top\">\n<tr>")
	open, shut, links := "", "", ""
	switch len(n.back) {
	case 0:
	case 1:
		open, shut = `<a class="fn-backref" href="#`+n.back[0]+`">`, "</a>"
	default:
		var all []string
		for i, id := range n.back {
			all = append(all, `<a class="fn-backref" href="#`+id+`">`+strconv.Itoa(i+1)+`</a>`)
		}
		links = "<em>(" + strings.Join(all, ", ") + ")</em> "
	}
	if len(n.kids) > 1 {
		if links == "" {
			n.kids[1].classes = append(n.kids[1].classes, "first")
		}
		last := n.kids[len(n.kids)-1]
		last.classes = append(last.classes, "last")
	}
	for _, k := range n.kids {
		if k.is("label") {
			w.around(k, tag(k, "td", "label")+open+"[", "]"+shut+"</td><td>"+links)
			continue
		}
		w.node(k)
	}
	w.put("</td></tr>\n</tbody>\n</table>\n")
}
