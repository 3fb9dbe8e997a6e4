package rst

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// bulletLen is the length of a bullet and the blanks after it, or 0.
func bulletLen(line string) int {
	for _, b := range []string{"-", "+", "*", "•", "‣", "⁃"} {
		if marked(line, b) {
			return markLen(line, b)
		}
	}
	return 0
}

// item reads a list item whose mark has n bytes.
func (s *body) item(list *node, n int) bool {
	line := s.at(s.i)
	columns := utf8.RuneCountInString(line[:n])
	rule := indentRule{first: columns, known: -1}
	if line[n:] != "" {
		rule = indentRule{first: -1, known: columns}
	}
	b, setOff := s.cut(rule)
	it := newNode("list_item")
	list.add(it)
	s.p.nested(b, it)
	return setOff
}

func (s *body) bulletList() {
	list := newNode("bullet_list")
	list.line = s.line()
	s.node.add(list)
	bullet, _ := utf8.DecodeRuneInString(s.at(s.i))
	setOff := true
	for {
		line := s.at(s.i)
		next, _ := utf8.DecodeRuneInString(line)
		if line == "" || next != bullet || bulletLen(line) == 0 {
			break
		}
		setOff = s.item(list, bulletLen(line))
	}
	s.unindent(setOff, "Bullet list")
}

// enumerator is the mark of an item: its text and what stands around it.
type enumerator struct {
	before, text, after string
	sequence            string // kind of numbering, "#" for automatic
	ordinal             int    // 0 when the text is no number of the sequence
}

// splitEnumerator finds the mark "(x)", "x)" or "x." at the start of a line.
func splitEnumerator(line string) (enumerator, int) {
	e := enumerator{}
	rest := line
	if strings.HasPrefix(rest, "(") {
		e.before, rest = "(", rest[1:]
	}
	n := 0
	for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n]) || rest[n] == '#') {
		n++
	}
	if n == 0 || n >= len(rest) {
		return e, 0
	}
	e.text, e.after = rest[:n], rest[n:n+1]
	if e.after != ")" && (e.after != "." || e.before != "") || possibleSequences(e.text) == nil {
		return e, 0
	}
	mark := e.before + e.text + e.after
	if !marked(line, mark) {
		return e, 0
	}
	return e, markLen(line, mark)
}

func enumeratorLen(line string) int {
	_, n := splitEnumerator(line)
	return n
}

// possibleSequences lists the kinds of numbering that a text may belong to, in
// the order in which they are tried.
func possibleSequences(text string) []string {
	only := func(set string) bool { return strings.Trim(text, set) == "" }
	var out []string
	switch {
	case text == "#":
		return []string{"#"}
	case only("0123456789"):
		return []string{"arabic"}
	}
	if len(text) == 1 && text[0] >= 'a' && text[0] <= 'z' {
		out = append(out, "loweralpha")
	}
	if len(text) == 1 && text[0] >= 'A' && text[0] <= 'Z' {
		out = append(out, "upperalpha")
	}
	if only("ivxlcdm") {
		out = append(out, "lowerroman")
	}
	if only("IVXLCDM") {
		out = append(out, "upperroman")
	}
	return out
}

// number finds out what the mark counts. The sequence of the list so far is
// tried first; "" means that there is none.
func (e *enumerator) number(expected string) {
	possible := possibleSequences(e.text)
	e.sequence = possible[0]
	switch {
	case e.text == "#":
	case expected != "" && contains(possible, expected):
		e.sequence = expected
	case expected == "" && e.text == "i":
		e.sequence = "lowerroman"
	case expected == "" && e.text == "I":
		e.sequence = "upperroman"
	}
	switch e.sequence {
	case "#":
		e.ordinal = 1
	case "arabic":
		n, err := strconv.Atoi(e.text)
		if err != nil {
			n = -1
		}
		e.ordinal = n
	case "loweralpha", "upperalpha":
		e.ordinal = int(e.text[0]|0x20-'a') + 1
	default:
		e.ordinal = fromRoman(strings.ToUpper(e.text))
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// mark is the mark that another number would have, or "".
func (e *enumerator) mark(ordinal int) string {
	text := ""
	switch e.sequence {
	case "#":
		text = "#"
	case "arabic":
		text = strconv.Itoa(ordinal)
	case "loweralpha", "upperalpha":
		if ordinal <= 26 {
			text = string(rune('a' + ordinal - 1))
		}
	default:
		text = strings.ToLower(toRoman(ordinal))
	}
	if text == "" {
		return ""
	}
	if strings.HasPrefix(e.sequence, "upper") {
		text = strings.ToUpper(text)
	}
	return e.before + text + e.after + " "
}

// valid tells that the line is an item: the next line is empty, indented, or
// the next item.
func (s *body) validItem(e *enumerator) bool {
	if e.ordinal <= 0 && e.sequence != "arabic" || e.ordinal < 0 {
		return false
	}
	next := s.at(s.i + 1)
	if next == "" || next[0] == ' ' {
		return true
	}
	mark := e.mark(e.ordinal + 1)
	return mark != "" && (strings.HasPrefix(next, mark) || strings.HasPrefix(next, e.before+"#"+e.after+" "))
}

// enumeratedList reads a list with numbers; false when the line is no item.
func (s *body) enumeratedList() bool {
	first, n := splitEnumerator(s.at(s.i))
	first.number("")
	if !s.validItem(&first) {
		return false
	}
	list := newNode("enumerated_list")
	s.node.add(list)
	sequence, auto := first.sequence, first.sequence == "#"
	if auto {
		sequence = "arabic"
	}
	list.set("enumtype", sequence)
	if first.ordinal != 1 {
		list.set("start", strconv.Itoa(first.ordinal))
	}
	setOff := s.item(list, n)
	for last := first.ordinal; ; {
		line := s.at(s.i)
		if isBlank(line) || line[0] == ' ' || bulletLen(line) > 0 {
			break
		}
		e, n := splitEnumerator(line)
		if n == 0 || e.before != first.before || e.after != first.after {
			break
		}
		e.number(sequence)
		if e.sequence != "#" && (e.sequence != sequence || auto || e.ordinal != last+1) || !s.validItem(&e) {
			break
		}
		auto = auto || e.sequence == "#"
		setOff = s.item(list, n)
		last = e.ordinal
	}
	s.unindent(setOff, "Enumerated list")
	return true
}

var romanDigits = []struct {
	value int
	text  string
}{
	{1000, "M"},
	{900, "CM"},
	{500, "D"},
	{400, "CD"},
	{100, "C"},
	{90, "XC"},
	{50, "L"},
	{40, "XL"},
	{10, "X"},
	{9, "IX"},
	{5, "V"},
	{4, "IV"},
	{1, "I"},
}

func toRoman(n int) string {
	if n <= 0 || n >= 5000 {
		return ""
	}
	out := ""
	for _, d := range romanDigits {
		for ; n >= d.value; n -= d.value {
			out += d.text
		}
	}
	return out
}

// fromRoman is 0 for what is no proper Roman number.
func fromRoman(s string) int {
	n, rest := 0, s
	for _, d := range romanDigits {
		for strings.HasPrefix(rest, d.text) && n < 5000 {
			n += d.value
			rest = rest[len(d.text):]
		}
	}
	if toRoman(n) != s {
		return 0
	}
	return n
}
