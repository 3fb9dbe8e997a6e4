package rst

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// span is a range of columns; the end of the last one is open.
type span struct{ start, end int }

// simpleTable is a simple table while it is being read.
type simpleTable struct {
	b       block
	columns []span
	border  int // where the last column ends in the borders
	data    tableData
	lines   [][]rune
}

// parseSimple reads a table whose columns the equals signs of its borders mark.
func parseSimple(b block) (tableData, *tableError) {
	t := &simpleTable{b: b}
	for _, line := range b.lines {
		t.lines = append(t.lines, []rune(padWide(line)))
	}
	t.columns = spans(t.lines[0], '=')
	last := &t.columns[len(t.columns)-1]
	t.border = last.end
	for _, c := range t.columns {
		t.data.widths = append(t.data.widths, c.end-c.start)
	}
	var rows [][]*cell
	start, text := 1, false
	for i := 1; i < len(t.lines); i++ {
		line := string(t.lines[i])
		switch {
		case isSimpleRule(line) || isDashRule(line):
			added, bad := t.row(start, i, spans(t.lines[i], t.lines[i][0]), i)
			if bad != nil {
				return tableData{}, bad
			}
			rows = append(rows, added...)
			start, text = i+1, false
			if isSimpleRule(line) && i < len(t.lines)-1 {
				t.data.head, rows = rows, nil
			}
		case strings.TrimSpace(string(t.part(t.lines[i], t.columns[0]))) != "":
			if text && i != start {
				added, bad := t.row(start, i, nil, i)
				if bad != nil {
					return tableData{}, bad
				}
				rows = append(rows, added...)
			}
			start, text = i, true
		case !text:
			start = i + 1
		}
	}
	t.data.body = rows
	last = &t.columns[len(t.columns)-1]
	t.data.widths[len(t.data.widths)-1] = max(t.border, last.end) - last.start
	return t.data, nil
}

// isDashRule tells the line under cells that span columns.
func isDashRule(line string) bool {
	line = strings.TrimRight(line, " ")
	return strings.HasPrefix(line, "-") && strings.Trim(line, "- ") == ""
}

func spans(line []rune, mark rune) []span {
	var out []span
	for i := 0; i < len(line); {
		if line[i] != mark {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] == mark {
			i++
		}
		out = append(out, span{start, i})
	}
	return out
}

// part is the text of a line within a span.
func (t *simpleTable) part(line []rune, s span) []rune {
	start, end := min(s.start, len(line)), min(s.end, len(line))
	return line[start:end]
}

// row makes the cells of lines start to end. columns are those that the rule
// under the row marks; nil without one.
func (t *simpleTable) row(start, end int, columns []span, at int) ([][]*cell, *tableError) {
	if start >= end && columns == nil {
		return nil, nil
	}
	start = min(start, end)
	if columns == nil {
		columns = append([]span(nil), t.columns...)
	}
	cells, bad := t.layout(columns, at)
	if bad != nil {
		return nil, bad
	}
	if bad := t.check(start, end, columns); bad != nil {
		return nil, bad
	}
	for i, c := range cells {
		var lines []string
		for _, line := range t.lines[start:end] {
			lines = append(lines, string(t.part(line, columns[i])))
		}
		for len(lines) > 0 && isBlank(lines[len(lines)-1]) {
			lines = lines[:len(lines)-1]
		}
		c.content = cellBlock(lines, t.b.first+start)
	}
	return [][]*cell{cells}, nil
}

// layout finds how many columns each span covers.
func (t *simpleTable) layout(columns []span, at int) ([]*cell, *tableError) {
	var cells []*cell
	i := 0
	for _, c := range columns {
		if i >= len(t.columns) || c.start != t.columns[i].start {
			return nil, &tableError{problem: "Column span alignment problem in table line " + itoa(at+1) + ".", offset: at}
		}
		more := 0
		for i+more < len(t.columns) && c.end != t.columns[i+more].end {
			more++
			if i+more >= len(t.columns) || c.end < t.columns[i+more].start {
				if c.end >= t.border && i+more >= len(t.columns) {
					more = len(t.columns) - i - 1
					break
				}
				return nil, &tableError{problem: "Column span alignment problem in table line " + itoa(at+1) + ".", offset: at}
			}
		}
		cells = append(cells, &cell{moreCols: more})
		i += more + 1
	}
	return cells, nil
}

// check refuses text in the margins between columns. Text may go on to the
// right of the last column, which becomes wider.
func (t *simpleTable) check(start, end int, columns []span) *tableError {
	lastColumn := len(columns) - 1
	for i := range columns {
		if i == lastColumn {
			for _, line := range t.lines[start:end] {
				columns[i].end = max(columns[i].end, len(strings.TrimRight(string(line), " ")))
				t.columns[len(t.columns)-1].end = max(t.columns[len(t.columns)-1].end, len(line))
			}
			continue
		}
		for j := start; j < end; j++ {
			margin := t.part(t.lines[j], span{columns[i].end, columns[i+1].start})
			if strings.TrimSpace(string(margin)) != "" {
				return &tableError{problem: "Text in column margin in table line " + itoa(j+1) + ".", offset: j}
			}
		}
	}
	return nil
}
