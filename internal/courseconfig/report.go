package courseconfig

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"

	"coursewright/internal/course"
)

// Report tells what is wrong with a course: errors, which refuse it, and
// warnings, which do not.
type Report struct {
	Errors   []course.Diagnostic
	Warnings []course.Diagnostic
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
		out = append(out, jsonDiagnostic(d))
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
	fmt.Fprintf(&b, "%s, %s\n", count(len(r.Errors), "error"), count(len(r.Warnings), "warning"))
	return b.String()
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// sourceLines gives lines of the course's files.
type sourceLines struct {
	folder *folder // nil when the folder cannot be opened
	files  map[string][]string
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
	fmt.Fprintf(b, "%s: %s: %s\n", harmless(where), level, harmless(path+d.Message))
	if line, ok := s.line(d.File, d.Line); ok {
		text, column := excerpt(line, d.Column)
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
func excerpt(line string, column int) (string, int) {
	const width, before = 120, 60
	runes := []rune(strings.TrimPrefix(line, "\ufeff"))
	for i, r := range runes {
		runes[i] = visible(r)
	}
	column = min(max(column, 1), len(runes)+1)
	start := 0
	if len(runes) > width && column > before {
		start = column - before
	}
	end := min(len(runes), start+width)
	text := string(runes[start:end])
	column -= start
	if start > 0 {
		text, column = "…"+text, column+1
	}
	if end < len(runes) {
		text += "…"
	}
	return text, column
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
