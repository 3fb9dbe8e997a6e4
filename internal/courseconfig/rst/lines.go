package rst

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// block is a run of source lines. Its lines are consecutive lines of the
// source, perhaps without their indentation; first is the number of line 0.
type block struct {
	lines []string
	first int
}

func (b block) text() string { return strings.Join(b.lines, "\n") }

// trimBlank drops the empty lines at the end.
func (b block) trimBlank() block {
	for len(b.lines) > 0 && isBlank(b.lines[len(b.lines)-1]) {
		b.lines = b.lines[:len(b.lines)-1]
	}
	return b
}

func isBlank(s string) bool { return strings.TrimFunc(s, isSpace) == "" }

// from is the rest of the block, beginning with line i.
func (b block) from(i int) block { return block{lines: b.lines[i:], first: b.first + i} }

// indentRule says what belongs to an indented block.
type indentRule struct {
	first      int  // columns to drop from the first line, which belongs to the block; -1: all lines alike
	known      int  // columns that all lines must be indented by; -1: the least that they are
	untilBlank bool // end at an empty line
	keep       bool // keep the indentation
}

// cut takes the block of indented lines that begins with line i. It returns
// the block, which may end with empty lines, and whether an empty line or the
// end of the source sets it off from what follows.
func (b block) cut(i int, rule indentRule) (block, bool) {
	start, end := i, i
	indent := rule.known
	first := rule.first
	if rule.known >= 0 && first < 0 {
		first = rule.known
	}
	if first >= 0 {
		end++
	}
	setOff := true
	for ; end < len(b.lines); end++ {
		line := b.lines[end]
		if line != "" && (line[0] != ' ' || rule.known > 0 && !isBlank(prefix(line, rule.known))) {
			setOff = end > start && isBlank(b.lines[end-1])
			break
		}
		if isBlank(line) {
			if rule.untilBlank {
				break
			}
			continue
		}
		if rule.known < 0 {
			n := indentOf(line)
			if indent < 0 || n < indent {
				indent = n
			}
		}
	}
	lines := append([]string(nil), b.lines[start:min(end, len(b.lines))]...)
	for j, line := range lines {
		switch {
		case j == 0 && first >= 0:
			lines[j] = suffix(line, first)
		case !rule.keep && indent > 0:
			lines[j] = suffix(line, indent)
		}
	}
	return block{lines: lines, first: b.first + start}, setOff
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// prefix and suffix split a line at a column; columns count characters.
func prefix(line string, columns int) string { return line[:byteColumn(line, columns)] }
func suffix(line string, columns int) string { return line[byteColumn(line, columns):] }

func byteColumn(line string, columns int) int {
	for i := range line {
		if columns == 0 {
			return i
		}
		columns--
	}
	return len(line)
}

// splitSource makes lines without tabs and without white space at their ends.
func splitSource(source string) []string {
	source = strings.ToValidUTF8(strings.ReplaceAll(source, "\x00", "\uFFFD"), "\uFFFD")
	source = strings.TrimPrefix(source, "\ufeff")
	source = strings.NewReplacer("\v", " ", "\f", " ").Replace(source)
	var lines []string
	for source != "" {
		i := strings.IndexFunc(source, isLineBreak)
		if i < 0 {
			lines = append(lines, source)
			break
		}
		_, n := utf8.DecodeRuneInString(source[i:])
		if strings.HasPrefix(source[i:], "\r\n") {
			n = 2
		}
		lines = append(lines, source[:i])
		source = source[i+n:]
	}
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(expandTabs(line), isSpace)
	}
	return lines
}

func isLineBreak(r rune) bool {
	return r == '\n' || r == '\r' || (r >= 0x1c && r <= 0x1e) || r == 0x85 || r == 0x2028 || r == 0x2029
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

func expandTabs(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			column++
			continue
		}
		n := 8 - column%8
		b.WriteString(strings.Repeat(" ", n))
		column += n
	}
	return b.String()
}

// columnWidth counts the columns that a text takes: wide characters take two,
// combining ones none.
func columnWidth(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// markEscapes replaces each backslash by a NUL byte that marks the character
// after it as escaped.
func markEscapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(0)
		if i+1 < len(s) {
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// unescape removes the marks, and white space that was escaped.
func unescape(s string) string {
	if !strings.Contains(s, "\x00") {
		return s
	}
	return strings.NewReplacer("\x00 ", "", "\x00\n", "", "\x00", "").Replace(s)
}

// original puts the backslashes back.
func original(s string) string { return strings.ReplaceAll(s, "\x00", `\`) }

// normalSpace makes every run of white space one blank.
func normalSpace(s string) string { return strings.Join(strings.FieldsFunc(s, isSpace), " ") }

// refName is how names are compared: without regard to case and white space.
func refName(s string) string { return strings.ToLower(normalSpace(s)) }
