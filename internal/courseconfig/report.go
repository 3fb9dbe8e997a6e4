package courseconfig

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/course"
)

// Report tells what is wrong with a course: errors, which refuse it, and
// warnings, which do not.
//
// Of each sort several hundred are listed. Where there are more, the last entry
// of the list, which has no place, says how many, and so do the two numbers.
type Report struct {
	Errors       []course.Diagnostic
	Warnings     []course.Diagnostic
	MoreErrors   int // not listed
	MoreWarnings int // not listed
}

// Accepted says whether the course can be built, stored and exported.
func (r *Report) Accepted() bool { return len(r.Errors) == 0 }

// jsonDiagnostic is how JSON shows a diagnostic.
type jsonDiagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// JSON gives the report as an object: accepted, errors and warnings, the latter
// two lists of objects with file, line, column, path, message and hint.
func (r *Report) JSON() ([]byte, error) {
	return json.MarshalIndent(struct {
		Accepted bool             `json:"accepted"`
		Errors   []jsonDiagnostic `json:"errors"`
		Warnings []jsonDiagnostic `json:"warnings"`
	}{r.Accepted(), shownAsJSON(r.Errors), shownAsJSON(r.Warnings)}, "", "  ")
}

func shownAsJSON(list []course.Diagnostic) []jsonDiagnostic {
	out := make([]jsonDiagnostic, 0, len(list))
	for _, d := range list {
		out = append(out, jsonDiagnostic{File: d.File, Line: d.Line, Column: d.Column, Path: d.Path, Message: d.Message, Hint: d.Hint})
	}
	return out
}

// Text gives the report for a person: each problem with the line it is about,
// read from the course folder dir, and a caret under the place. The last line
// is a summary.
func (r *Report) Text(dir string) string {
	s := &sourceLines{files: map[string][]string{}}
	if root, err := os.OpenRoot(dir); err == nil {
		defer root.Close() //nolint:errcheck // only read
		s.folder = &folder{root: root}
	}
	var b strings.Builder
	for _, d := range r.Errors {
		s.write(&b, "error", d)
	}
	for _, d := range r.Warnings {
		s.write(&b, "warning", d)
	}
	fmt.Fprintf(&b, "%s, %s\n", count(r.CountErrors(), "error"), count(total(r.Warnings, r.MoreWarnings), "warning"))
	return b.String()
}

// CountErrors gives the number of errors, those that are not listed included.
func (r *Report) CountErrors() int { return total(r.Errors, r.MoreErrors) }

func total(list []course.Diagnostic, more int) int {
	if more > 0 {
		return len(list) - 1 + more // the last entry tells of those
	}
	return len(list)
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// maxExcerpts bounds how many diagnostics of a list get an excerpt.
const maxExcerpts = 50

// AddExcerpts gives the first diagnostics of each list the lines around their
// places, read from the course folder dir. A place that is not there stays
// without.
func AddExcerpts(dir string, lists ...[]course.Diagnostic) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close() //nolint:errcheck // only read
	s := &sourceLines{files: map[string][]string{}, folder: &folder{root: root}}
	for _, list := range lists {
		for i := range list[:min(len(list), maxExcerpts)] {
			s.addExcerpt(&list[i])
		}
	}
}

func (s *sourceLines) addExcerpt(d *course.Diagnostic) {
	const around, width = 2, 160
	if _, ok := s.line(d.File, d.Line); !ok {
		return
	}
	first := max(d.Line-around, 1)
	var lines []string
	for n := first; n <= d.Line+around; n++ {
		line, ok := s.line(d.File, n)
		if !ok {
			break
		}
		text := []rune(harmless(strings.TrimPrefix(line, "\ufeff")))
		if len(text) > width {
			text = append(text[:width:width], '…')
		}
		lines = append(lines, string(text))
	}
	d.Excerpt, d.ExcerptFrom = strings.Join(lines, "\n"), first
}

// sourceLines gives lines of the course's files.
type sourceLines struct {
	folder *folder // nil when the folder cannot be opened
	files  map[string][]string
	place  linePlace
}

func (s *sourceLines) write(b *strings.Builder, level string, d course.Diagnostic) {
	where := d.File
	if d.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", d.File, d.Line, max(d.Column, 1))
	}
	path := d.Path
	if path != "" {
		path += ": "
	}
	if where != "" {
		where += ": "
	}
	fmt.Fprintf(b, "%s%s: %s\n", harmless(where), level, harmless(path+d.Message))
	if line, ok := s.line(d.File, d.Line); ok {
		text, column := s.excerpt(line, d.Column)
		number := fmt.Sprintf("%5d", d.Line)
		fmt.Fprintf(b, "%s | %s\n", number, text)
		if d.Column > 0 {
			fmt.Fprintf(b, "%s | %s^\n", strings.Repeat(" ", len(number)), strings.Repeat(" ", column-1))
		}
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", harmless(d.Hint))
	}
}

// line gives one line of a file, counted from 1.
func (s *sourceLines) line(file string, number int) (string, bool) {
	if s.folder == nil || number < 1 || file == "" {
		return "", false
	}
	lines, ok := s.files[file]
	if !ok {
		data, _, err := s.folder.read(file)
		if err == nil {
			scanner := bufio.NewScanner(strings.NewReader(strings.ToValidUTF8(string(data), "\ufffd")))
			scanner.Buffer(nil, maxFileSize+1)
			for scanner.Scan() {
				lines = append(lines, scanner.Text())
			}
		}
		s.files[file] = lines
	}
	if number > len(lines) {
		return "", false
	}
	return lines[number-1], true
}

// excerpt gives the part of a line around a column, and the column in it.
func (s *sourceLines) excerpt(line string, column int) (string, int) {
	const width, before = 120, 60
	line = strings.TrimPrefix(line, "\ufeff")
	column = s.place.seek(line, max(column, 1)-1) + 1
	start, from := 0, 0
	if column > before && utf8.RuneCountInString(line[:min(len(line), width*utf8.UTFMax+1)]) > width {
		start, from = column-before, s.place.at
		for range before - 1 {
			_, size := utf8.DecodeLastRuneInString(line[:from])
			from -= size
		}
	}
	end := from
	for n := 0; n < width && end < len(line); n++ {
		_, size := utf8.DecodeRuneInString(line[end:])
		end += size
	}
	text := harmless(line[from:end])
	column -= start
	if start > 0 {
		text, column = "…"+text, column+1
	}
	if end < len(line) {
		text += "…"
	}
	return text, column
}

// linePlace is a character of a line. It is kept, so that problems in order of
// their places need one pass over a long line together.
type linePlace struct {
	line   string
	column int // characters before it
	at     int // bytes before it
}

// seek moves to the character behind so many others, or to the end of the line,
// and gives its column.
func (p *linePlace) seek(line string, column int) int {
	if p.line != line || p.column > column {
		*p = linePlace{line: line}
	}
	for p.column < column && p.at < len(line) {
		_, size := utf8.DecodeRuneInString(line[p.at:])
		p.at += size
		p.column++
	}
	return p.column
}

// visible replaces what would move or hide text on a terminal by one harmless
// character.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return '\ufffd'
}

func harmless(s string) string { return strings.Map(visible, s) }
