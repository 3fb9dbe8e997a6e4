package rst

import (
	"path"
	"strconv"
	"strings"
)

// tableNode writes a table; false when n is none.
func (w *writer) tableNode(n *node) bool {
	if !n.is("table") {
		return false
	}
	p := w.compactP
	w.compactP = true
	atts := []attribute{{"border", "1"}}
	class := "docutils"
	if n.has("align") {
		class += " align-" + n.get("align")
	}
	if n.has("width") {
		atts = append(atts, attribute{"style", "width: " + n.get("width")})
	}
	w.put(tagLine(n, "table", class, atts...))
	for _, k := range n.kids {
		if k.is("tgroup") {
			w.tableGroup(k)
		} else {
			w.node(k)
		}
	}
	w.put("</table>\n")
	w.compactP = p
	return true
}

func (w *writer) tableGroup(n *node) {
	specs := n.all("colspec")
	total := 0
	for _, s := range specs {
		total += atoi(s.get("colwidth"))
	}
	if !contains(n.parent.classes, "colwidths-auto") && len(specs) > 0 {
		w.put("<colgroup>\n")
		for _, s := range specs {
			percent := int(float64(atoi(s.get("colwidth")))*100/float64(max(total, 1)) + 0.5)
			w.put(`<col width="`, strconv.Itoa(percent), "%\" />\n")
		}
		w.put("</colgroup>\n")
	}
	for _, part := range n.kids {
		switch part.tag {
		case "thead":
			w.put(tagLine(part, "thead", "", attribute{"valign", "bottom"}))
		case "tbody":
			w.put(tagLine(part, "tbody", "", attribute{"valign", "top"}))
		default:
			continue
		}
		for _, row := range part.kids {
			w.put(tag(row, "tr", ""))
			w.row(row, specs, part.is("thead"))
			w.put("</tr>\n")
		}
		w.put("</", part.tag, ">\n")
	}
}

func (w *writer) row(row *node, specs []*node, head bool) {
	column := 0
	for _, e := range row.kids {
		name, class := "td", ""
		if head {
			name, class = "th", "head"
		}
		if column < len(specs) && specs[column].has("stub") {
			name, class = "th", strings.TrimSpace(class+" stub")
		}
		var atts []attribute
		column++
		if e.has("morerows") {
			atts = append(atts, attribute{"rowspan", strconv.Itoa(atoi(e.get("morerows")) + 1)})
		}
		if e.has("morecols") {
			atts = append(atts, attribute{"colspan", strconv.Itoa(atoi(e.get("morecols")) + 1)})
			column += atoi(e.get("morecols"))
		}
		start := tag(e, name, class, atts...)
		if len(e.kids) == 0 {
			start += "&nbsp;"
		}
		markFirstLast(e)
		w.around(e, start, "</"+name+">\n")
	}
}

// atoi reads a number that the parser wrote.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// media writes images and figures; false when n is none.
func (w *writer) media(n *node) bool {
	switch n.tag {
	case "image":
		w.image(n)
	case "figure":
		var atts []attribute
		class := "figure"
		if n.get("width") != "" {
			atts = append(atts, attribute{"style", "width: " + n.get("width")})
		}
		if n.get("align") != "" {
			class += " align-" + n.get("align")
		}
		w.around(n, tagLine(n, "div", class, atts...), "</div>\n")
	case "caption":
		w.around(n, tag(n, "p", "caption"), "</p>\n")
	case "legend":
		w.around(n, tagLine(n, "div", "legend"), "</div>\n")
	default:
		return false
	}
	return true
}

func (w *writer) image(n *node) {
	uri := n.get("uri")
	alt := uri
	if n.has("alt") {
		alt = n.get("alt")
	}
	var styles []string
	for _, size := range []string{"width", "height"} {
		if v, ok := n.attrs[size]; ok {
			if n.has("scale") {
				v = scaled(v, atoi(n.get("scale")))
			}
			if strings.Trim(v, "0123456789.") == "" {
				v += "px"
			}
			styles = append(styles, size+": "+v+";")
		}
	}
	var atts []attribute
	if len(styles) > 0 {
		atts = append(atts, attribute{"style", strings.Join(styles, " ")})
	}
	class := ""
	if n.has("align") {
		class = "align-" + n.get("align")
	}
	end := "\n"
	if n.parent.isText() && !n.parent.is("reference") || n.parent.is("reference") && n.parent.parent != nil {
		end = ""
	}
	types := map[string]string{".svg": "image/svg+xml", ".swf": "application/x-shockwave-flash"}
	if kind := types[strings.ToLower(path.Ext(uri))]; kind != "" {
		atts = append(atts, attribute{"data", uri}, attribute{"type", kind})
		w.put(tag(n, "object", class, atts...), alt, "</object>", end)
		return
	}
	atts = append(atts, attribute{"src", uri}, attribute{"alt", alt})
	w.put(emptyTag(n, "img", class, atts...), end)
}

// scaled multiplies a size, as "200px", by a percentage.
func scaled(size string, percent int) string {
	n := 0
	for n < len(size) && (isDigit(size[n]) || size[n] == '.') {
		n++
	}
	f, err := strconv.ParseFloat(size[:n], 64)
	if err != nil {
		return size
	}
	s := strconv.FormatFloat(f*(float64(percent)/100), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s + size[n:]
}
