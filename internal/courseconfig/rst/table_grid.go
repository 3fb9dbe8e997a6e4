package rst

import (
	"container/heap"
	"slices"
	"strings"
)

// grid is a grid table while its cells are being found. Every line has the
// same number of characters.
type grid struct {
	b     block
	cells [][]rune
	done  []int // per column: the last line whose cells are known
	rows  map[int]bool
	cols  map[int]bool
	found []gridCell
	work  int
}

// maxGridWork bounds the steps of following the borders of a table.
const maxGridWork = 5_000_000

type gridCell struct {
	top, left, bottom, right int
	lines                    []string
}

// parseGrid finds the cells of a grid table by following their borders.
func parseGrid(b block) (tableData, *tableError) {
	g := &grid{b: b, rows: map[int]bool{0: true}, cols: map[int]bool{0: true}}
	head := -1
	for i, line := range b.lines {
		r := []rune(line)
		if strings.HasPrefix(line, "+=") && strings.Trim(line, "+=") == "" {
			if head >= 0 {
				return tableData{}, &tableError{problem: "Multiple head/body row separators (table lines " +
					itoa(head+1) + " and " + itoa(i+1) + "); only one allowed.", offset: i}
			}
			head = i
			r = []rune(strings.ReplaceAll(line, "=", "-"))
		}
		g.cells = append(g.cells, r)
	}
	if head == 0 || head == len(b.lines)-1 {
		return tableData{}, &tableError{problem: "The head/body row separator may not be the first or last line of the table.", offset: head}
	}
	g.done = make([]int, len(g.cells[0]))
	for i := range g.done {
		g.done[i] = -1
	}
	if !g.scan() {
		return tableData{}, &tableError{problem: "Malformed table; parse incomplete."}
	}
	return g.structure(head)
}

// scan visits the corners of cells from the top left on.
func (g *grid) scan() bool {
	bottom, right := len(g.cells)-1, len(g.cells[0])-1
	corners := &cornerHeap{{0, 0}}
	for corners.Len() > 0 && g.work < maxGridWork {
		corner := heap.Pop(corners).([2]int) //nolint:forcetypeassert // the heap holds nothing else
		top, left := corner[0], corner[1]
		if top == bottom || left == right || top <= g.done[left] {
			continue
		}
		b, r, ok := g.box(top, left)
		if !ok {
			continue
		}
		g.mark(top, left, b, r)
		var lines []string
		for i := top + 1; i < b; i++ {
			lines = append(lines, string(g.cells[i][left+1:r]))
		}
		g.found = append(g.found, gridCell{top, left, b, r, lines})
		heap.Push(corners, [2]int{top, r})
		heap.Push(corners, [2]int{b, left})
	}
	for _, d := range g.done[:right] {
		if d != bottom-1 {
			return false
		}
	}
	return true
}

// cornerHeap gives the corner that is highest and then leftmost.
type cornerHeap [][2]int

func (h cornerHeap) Len() int           { return len(h) }
func (h cornerHeap) Less(i, j int) bool { return slices.Compare(h[i][:], h[j][:]) < 0 }
func (h cornerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop serve container/heap.
func (h *cornerHeap) Push(x any) { *h = append(*h, x.([2]int)) } //nolint:forcetypeassert // see scan

// Pop removes the last corner.
func (h *cornerHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (g *grid) mark(top, left, bottom, right int) {
	for c := left; c < right; c++ {
		g.done[c] = bottom - 1
	}
	for _, r := range []int{top, bottom} {
		g.rows[r] = true
	}
	for _, c := range []int{left, right} {
		g.cols[c] = true
	}
}

// box finds the smallest box whose top left corner is given.
func (g *grid) box(top, left int) (bottom, right int, ok bool) {
	if g.cells[top][left] != '+' {
		return 0, 0, false
	}
	for c := left + 1; c < len(g.cells[top]); c++ {
		switch g.cells[top][c] {
		case '+':
			if b, ok := g.down(top, left, c); ok {
				return b, c, true
			}
		case '-':
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// down follows the right border from the top right corner.
func (g *grid) down(top, left, right int) (int, bool) {
	for r := top + 1; r < len(g.cells) && g.work < maxGridWork; r++ {
		g.work++
		switch g.cells[r][right] {
		case '+':
			if g.closes(top, left, r, right) {
				return r, true
			}
		case '|':
		default:
			return 0, false
		}
	}
	return 0, false
}

// closes follows the bottom border and the left one back.
func (g *grid) closes(top, left, bottom, right int) bool {
	for c := right - 1; c > left; c-- {
		g.work++
		if x := g.cells[bottom][c]; x != '-' && x != '+' {
			return false
		}
	}
	if g.cells[bottom][left] != '+' {
		return false
	}
	for r := bottom - 1; r > top; r-- {
		g.work++
		if x := g.cells[r][left]; x != '|' && x != '+' {
			return false
		}
	}
	return true
}

// structure puts the cells into rows and columns.
func (g *grid) structure(head int) (tableData, *tableError) {
	rows, cols := keys(g.rows), keys(g.cols)
	data := tableData{}
	for i := 1; i < len(cols); i++ {
		data.widths = append(data.widths, cols[i]-cols[i-1]-1)
	}
	table := make([][]*cell, len(rows)-1)
	for i := range table {
		table[i] = make([]*cell, len(cols)-1)
	}
	for _, c := range g.found {
		r, _ := slices.BinarySearch(rows, c.top)
		r2, _ := slices.BinarySearch(rows, c.bottom)
		l, _ := slices.BinarySearch(cols, c.left)
		l2, _ := slices.BinarySearch(cols, c.right)
		table[r][l] = &cell{moreRows: r2 - r - 1, moreCols: l2 - l - 1, content: cellBlock(c.lines, g.b.first+c.top+1)}
	}
	split := 0
	if head >= 0 {
		split, _ = slices.BinarySearch(rows, head)
	}
	data.head, data.body = table[:split], table[split:]
	return data, nil
}

func keys(set map[int]bool) []int {
	var out []int
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
