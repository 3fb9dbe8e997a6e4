package courseconfig_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/courseconfig"
)

// largeCourse writes a course of equal modules: each exercise has a form in two
// languages in a file of its own.
func largeCourse(tb testing.TB, modules, exercises int) string {
	tb.Helper()
	dir := tb.TempDir()
	var index strings.Builder
	index.WriteString("name: {en: Large course, fi: Iso kurssi}\nlang: [en, fi]\nstart: 2026-09-01\nend: 2026-12-31 23:59\n" +
		"categories:\n  ex: {name: Exercises}\n  ch: {name: Chapters, status: nototal}\n" +
		"exercise_types:\n  form: {category: ex, max_submissions: 10, max_points: 50, points_to_pass: 25}\nmodules:\n")
	for m := range modules {
		fmt.Fprintf(&index, "- key: m%d\n  name: {en: Module %d, fi: Moduuli %d}\n  open: 2026-09-01 12:00\n  close: 2026-10-01 12:00\n  late_close: 2026-11-01 12:00\n  late_penalty: 0.5\n  children:\n", m, m, m)
		fmt.Fprintf(&index, "  - key: m%d_chapter\n    category: ch\n    name: Chapter\n    static_content: {en: m%d/chapter_en.html, fi: m%d/chapter_fi.html}\n    children:\n", m, m, m)
		for e := range exercises / modules {
			fmt.Fprintf(&index, "    - key: m%d_e%d\n      type: form\n      config: exercises/m%d_e%d.yaml\n      difficulty: B\n", m, e, m, e)
			writeFile(tb, filepath.Join(dir, fmt.Sprintf("exercises/m%d_e%d.yaml", m, e)), []byte(fmt.Sprintf(largeExercise, m, e, m, e)))
		}
	}
	writeFile(tb, filepath.Join(dir, "index.yaml"), []byte(index.String()))
	return dir
}

const largeExercise = `title|i18n: {en: "Exercise %d %d", fi: "Tehtävä %d %d"}
view_type: access.types.stdsync.createForm
description|i18n: {en: Answer the questions., fi: Vastaa kysymyksiin.}
fieldgroups:
- title|i18n: {en: Questions, fi: Kysymykset}
  fields:
  - key: first
    type: radio
    title|i18n: {en: "What is two and two?", fi: "Paljonko on kaksi ja kaksi?"}
    options:
    - {label: "3", value: three}
    - {label: "4", value: four, correct: true}
    - {label|i18n: {en: none of these, fi: ei mikään näistä}, value: none}
  - key: second
    type: text
    title|i18n: {en: "Why?", fi: "Miksi?"}
    required: true
`

func load(tb testing.TB, dir string) *courseconfig.Course {
	tb.Helper()
	c, report, err := courseconfig.Load(tb.Context(), dir, courseconfig.Settings{
		Key: "large", DefaultGraderURL: "http://grader.example/configure", StaticContentHost: "http://static.example",
	})
	if err != nil {
		tb.Fatal(err)
	}
	if c == nil {
		tb.Fatalf("refused: %s", report.Errors[0])
	}
	return c
}

// BenchmarkLoad loads, validates and exports courses of 1,000 and 10,000
// exercises, each with a file of its own, in modules of 20.
func BenchmarkLoad(b *testing.B) {
	for _, exercises := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(exercises), func(b *testing.B) {
			dir := largeCourse(b, exercises/20, exercises)
			b.ReportAllocs()
			for b.Loop() {
				c := load(b, dir)
				if _, err := c.Document(map[string]json.RawMessage{"m0_e0": []byte(`{"url": "http://grader.example/e"}`)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
