package rst

import (
	"strconv"
	"strings"
)

// cell is a table cell: how many further rows and columns it spans, and its
// content. first of the content is the line's number in the source.
type cell struct {
	moreRows, moreCols int
	content            block
}

// tableData is a table that has been read. Absent cells, covered by a cell that
// spans, are nil.
type tableData struct {
	widths []int
	head   [][]*cell
	body   [][]*cell
}

// isolation is what a kind of table finds: its lines, or messages about them.
type isolation struct {
	b        block
	messages []*node
	setOff   bool
	parse    func(block) (tableData, *tableError)
}

// tableError says what is wrong with a table, at an offset from its first line.
type tableError struct {
	problem string
	offset  int
}

func (s *body) table(isolate func() isolation) {
	iso := isolate()
	if len(iso.b.lines) > 0 {
		data, bad := iso.parse(iso.b)
		if bad != nil {
			s.node.addMessages(s.malformed(iso.b, bad.problem, bad.offset))
		} else {
			s.node.add(s.buildTable(data, 0, ""))
		}
	}
	s.node.addMessages(iso.messages...)
	if !iso.setOff {
		s.node.addMessages(s.p.message(levelWarning, s.line(), "Blank line required after table."))
	}
}

func (s *body) malformed(b block, problem string, offset int) *node {
	text := "Malformed table."
	if problem != "" {
		text += "\n" + problem
	}
	return s.p.message(levelError, b.first+offset, text, literal(b.text()))
}

// buildTable makes the nodes of a table. widths is "", "auto" or "given".
func (s *body) buildTable(data tableData, stubs int, widths string) *node {
	group := newNode("tgroup")
	table := newNode("table", group)
	if widths != "" {
		table.classes = append(table.classes, "colwidths-"+widths)
	}
	for i, w := range data.widths {
		spec := newNode("colspec").set("colwidth", strconv.Itoa(w))
		if i < stubs {
			spec.set("stub", "1")
		}
		group.add(spec)
	}
	if len(data.head) > 0 {
		group.add(s.buildRows("thead", data.head))
	}
	group.add(s.buildRows("tbody", data.body))
	return table
}

func (s *body) buildRows(tag string, rows [][]*cell) *node {
	part := newNode(tag)
	for _, cells := range rows {
		row := newNode("row")
		part.add(row)
		for _, c := range cells {
			if c == nil {
				continue
			}
			entry := newNode("entry")
			if c.moreRows > 0 {
				entry.set("morerows", strconv.Itoa(c.moreRows))
			}
			if c.moreCols > 0 {
				entry.set("morecols", strconv.Itoa(c.moreCols))
			}
			row.add(entry)
			s.p.nested(c.content, entry)
		}
	}
	return part
}

// isGridBorder tells the border of a grid table: +---+---+.
func isGridBorder(line string) bool {
	line = strings.TrimRight(line, " ")
	return len(line) >= 5 && strings.HasPrefix(line, "+-") && strings.HasSuffix(line, "-+") && strings.Trim(line, "+-") == ""
}

// isSimpleBorder tells the border of a simple table: ====  ====.
func isSimpleBorder(line string) bool {
	line = strings.TrimRight(line, " ")
	return strings.HasPrefix(line, "=") && strings.Contains(line, " ") && strings.Trim(line, "= ") == ""
}

// isolateGrid finds the lines of a grid table.
func (s *body) isolateGrid() isolation {
	iso := isolation{setOff: true, parse: parseGrid}
	start, end, again := s.i, s.i, 0
	for end < len(s.b.lines) && !isBlank(s.at(end)) {
		if s.at(end)[0] == ' ' {
			iso.messages = some(s.p.message(levelError, s.b.first+end, "Unexpected indentation."))
			iso.setOff = false
			break
		}
		end++
	}
	for i := start; i < end; i++ {
		if c := s.at(i)[0]; c != '+' && c != '|' {
			iso.setOff = false
			end = i
			break
		}
	}
	if !isGridBorder(s.at(end - 1)) {
		iso.setOff = false
		last := end - 2
		for last > start+1 && !isGridBorder(s.at(last)) {
			last--
		}
		if last <= start+1 {
			s.i = end
			iso.messages = append(iso.messages, s.malformed(s.slice(start, end), "", 0))
			return iso
		}
		end = last + 1
		// docutils goes back too far here and reads the last two lines again.
		again = 2
	}
	s.i = end - again
	b := s.slice(start, end)
	b.first -= again
	for i, line := range b.lines {
		b.lines[i] = padWide(strings.TrimRight(line, " "))
	}
	width := len([]rune(b.lines[0]))
	for _, line := range b.lines {
		r := []rune(line)
		if len(r) != width || r[width-1] != '+' && r[width-1] != '|' {
			iso.messages = append(iso.messages, s.malformed(s.slice(start, end), "", 0))
			return iso
		}
	}
	iso.b = b
	return iso
}

// slice copies lines of the block.
func (s *body) slice(start, end int) block {
	return block{lines: append([]string(nil), s.b.lines[start:end]...), first: s.b.first + start}
}

// widePad stands after each wide character of a table so that every character
// takes one column; it is removed from the cells.
const widePad = "\uE000"

func padWide(line string) string {
	if len(line) == len([]rune(line)) {
		return line
	}
	var b strings.Builder
	for _, r := range line {
		b.WriteRune(r)
		if columnWidth(string(r)) == 2 {
			b.WriteString(widePad)
		}
	}
	return b.String()
}

// cellBlock makes the content of a cell: without padding and common indentation.
func cellBlock(lines []string, first int) block {
	indent := -1
	for i, line := range lines {
		line = strings.TrimRight(strings.ReplaceAll(line, widePad, ""), " ")
		lines[i] = line
		if line != "" && (indent < 0 || indentOf(line) < indent) {
			indent = indentOf(line)
		}
	}
	for i, line := range lines {
		if line != "" && indent > 0 {
			lines[i] = line[indent:]
		}
	}
	b := block{lines: lines, first: first}
	if strings.Join(lines, "") == "" {
		b.lines = nil
	}
	return b
}

// isolateSimple finds the lines of a simple table.
func (s *body) isolateSimple() isolation {
	iso := isolation{setOff: true, parse: parseSimple}
	start := s.i
	top := len(strings.TrimSpace(s.at(start)))
	found, foundAt := 0, 0
	limit := len(s.b.lines) - 1
	for i := start + 1; i <= limit; i++ {
		line := s.at(i)
		if !isSimpleRule(line) {
			continue
		}
		setOff := i == limit || isBlank(s.at(i+1))
		if len(strings.TrimSpace(line)) != top {
			s.i = i + 1
			iso.messages = some(s.malformed(s.slice(start, i+1), "Bottom/header table border does not match top border.", 0))
			iso.setOff = setOff
			return iso
		}
		found, foundAt = found+1, i
		if found == 2 || setOff {
			s.i = i + 1
			iso.b, iso.setOff = s.slice(start, i+1), setOff
			return iso
		}
	}
	extra, end := "", limit+1
	if found > 0 {
		extra, end = " or no blank line after table bottom", foundAt+1
	}
	s.i = end
	iso.messages = some(s.malformed(s.slice(start, end), "No bottom table border found"+extra+".", 0))
	iso.setOff = extra == ""
	return iso
}

// isSimpleRule tells a line of equals signs and blanks.
func isSimpleRule(line string) bool {
	line = strings.TrimRight(line, " ")
	return strings.HasPrefix(line, "=") && strings.Trim(line, "= ") == ""
}
