package djtemplate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

func escapeJS(in filterInput) (val, error) {
	var b strings.Builder
	for _, r := range in.text {
		if r < 0x20 || strings.ContainsRune("\\'\"><&=-;`\u2028\u2029", r) {
			fmt.Fprintf(&b, `\u%04X`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return safeText(b.String()), nil
}

// jsonScript writes a value as JSON in a script element with an id.
func jsonScript(in filterInput) (val, error) {
	if f := in.value.form; f == dictItems || f == dictKeys || f == dictValues {
		return val{}, fmt.Errorf("JSON cannot hold %s; loop over it instead", excerpt(in.value))
	}
	data, err := pyvalue.AppendJSON(nil, in.value.p)
	if err != nil {
		return val{}, err
	}
	data = []byte(strings.NewReplacer("<", `\u003C`, ">", `\u003E`, "&", `\u0026`).Replace(string(data)))
	return safeText(`<script id="` + conditionalEscape(in.arg) + `" type="application/json">` + string(data) + "</script>"), nil
}

// escapeLines escapes where needed and makes every line end a newline.
func escapeLines(in filterInput) string {
	s := strings.ReplaceAll(strings.ReplaceAll(in.text, "\r\n", "\n"), "\r", "\n")
	if in.escaping() {
		s = escapeHTML(s)
	}
	return s
}

var emptyLines = regexp.MustCompile(`\n{2,}`)

func lineBreaks(in filterInput) (val, error) {
	paragraphs := emptyLines.Split(escapeLines(in), -1)
	for i, p := range paragraphs {
		paragraphs[i] = "<p>" + strings.ReplaceAll(p, "\n", "<br>") + "</p>"
	}
	return safeText(strings.Join(paragraphs, "\n\n")), nil
}

func lineBreaksBR(in filterInput) (val, error) {
	return safeText(strings.ReplaceAll(escapeLines(in), "\n", "<br>")), nil
}

func lineNumbers(in filterInput) (val, error) {
	lines := strings.Split(in.text, "\n")
	width := len(strconv.Itoa(len(lines)))
	for i, line := range lines {
		if in.escaping() {
			line = escapeHTML(line)
		}
		lines[i] = fmt.Sprintf("%0*d. %s", width, i+1, line)
	}
	return safeText(strings.Join(lines, "\n")), nil
}

// stripTags removes tags, again while that uncovers further ones.
func stripTags(s string) string {
	const most = 50
	for range most {
		if !strings.Contains(s, "<") || !strings.Contains(s, ">") {
			break
		}
		stripped := stripTagsOnce(s)
		if strings.Count(stripped, "<") == strings.Count(s, "<") {
			break
		}
		s = stripped
	}
	return s
}

func stripTagsOnce(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := tagLen(s)
		if n == 0 {
			b.WriteByte('<')
			n = 1
		}
		s = s[n:]
	}
	b.WriteString(s)
	return b.String()
}

// tagLen returns the length of the tag, comment or declaration at the start of
// s, or 0.
func tagLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	end := ">"
	c := s[1]
	if c == '/' && len(s) > 2 {
		c = s[2]
	}
	switch {
	case strings.HasPrefix(s, "<!--"):
		end = "-->"
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		if s[1] != '/' {
			return startTagLen(s)
		}
	case s[1] != '!' && s[1] != '?' && s[1] != '/':
		return 0
	}
	i := strings.Index(s[1:], end)
	if i < 0 {
		return 0
	}
	return 1 + i + len(end)
}

// startTagLen finds the end of a start tag outside of quoted attributes.
func startTagLen(s string) int {
	quote := byte(0)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && s[i-1] == '=':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return 0
}

// unorderedList writes list items; a list after an item is the item's sublist.
func unorderedList(in filterInput) (val, error) {
	if !in.value.iterable() {
		return val{}, fmt.Errorf("needs a list, not %s", excerpt(in.value))
	}
	escape := pystr
	if in.r.escape {
		escape = conditionalEscape
	}
	if err := in.r.chargeItems(in.value); err != nil {
		return val{}, err
	}
	s, err := listItems(in.r, in.value.items(), escape, 1)
	return safeText(s), err
}

func listItems(r *renderer, items []val, escape func(val) string, depth int) (string, error) {
	indent := strings.Repeat("\t", depth)
	var lines []string
	for i := 0; i < len(items); i++ {
		sub := ""
		item := items[i]
		if i+1 < len(items) && items[i+1].is(pyvalue.List) && items[i+1].indexable() {
			i++
			if len(items[i].p.Items) > 0 {
				inner, err := listItems(r, items[i].items(), escape, depth+1)
				if err != nil {
					return "", err
				}
				sub = "\n" + indent + "<ul>\n" + inner + "\n" + indent + "</ul>\n" + indent
			}
		}
		lines = append(lines, indent+"<li>"+escape(item)+sub+"</li>")
		if err := r.charge(costMake + len(lines[len(lines)-1])); err != nil {
			return "", err
		}
	}
	return strings.Join(lines, "\n"), nil
}
