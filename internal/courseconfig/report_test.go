package courseconfig_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

var update = flag.Bool("update", false, "write the expected reports anew")

// TestReports compares what teachers are told, word for word. Each archive
// holds a course and its report.
func TestReports(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/reports/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reports: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			want := -1
			for i, f := range archive.Files {
				if f.Name == "report" {
					want = i
					continue
				}
				writeFile(t, filepath.Join(dir, f.Name), f.Data)
			}
			_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c", DefaultGraderURL: "http://grader.example/"})
			if err != nil {
				t.Fatal(err)
			}
			got := report.Text(dir)
			if want < 0 {
				want = len(archive.Files)
				archive.Files = append(archive.Files, txtar.File{Name: "report"})
			}
			if *update {
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReportJSON(t *testing.T) {
	t.Parallel()
	r := &courseconfig.Report{Errors: []course.Diagnostic{{File: "index.yaml", Line: 3, Column: 9, Path: "modules", Message: "m", Hint: "h"}}}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"accepted": false,
		"errors":   []any{map[string]any{"file": "index.yaml", "line": 3.0, "column": 9.0, "path": "modules", "message": "m", "hint": "h"}},
		"warnings": []any{},
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestReportIsHarmless shows a report whose texts and lines hold control
// characters: none may reach a terminal.
func TestReportIsHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "index.yaml"), []byte("name: C\nmodules:\n- {key: m, name: M, \"a\\eb\": 1, late_penalty: \"x\\e[31m\\u202e\"}\n"))
	_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
	if err != nil {
		t.Fatal(err)
	}
	report.Errors = append(report.Errors, course.Diagnostic{File: "a\x1bb", Line: 1, Path: "\x07", Message: "\x1b[2J", Hint: "\r"})
	text := report.Text(dir)
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x202e }); i >= 0 {
		t.Errorf("control character at %d of %q", i, text)
	}
	if !strings.Contains(text, "late_penalty") {
		t.Errorf("the problem is missing: %s", text)
	}
}
