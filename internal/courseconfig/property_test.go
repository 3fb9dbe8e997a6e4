package courseconfig_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// FuzzLoad loads courses of one index, one exercise configuration and one
// included file, and holds the results to what is true of every course.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/oracle/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	reports, err := filepath.Glob("testdata/reports/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, reports...) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(named(archive, "index.yaml"), named(archive, "e1.yaml"), named(archive, "t.yaml"))
	}
	f.Fuzz(func(t *testing.T, index, exercise, included []byte) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "index.yaml"), index)
		writeFile(t, filepath.Join(dir, "e1.yaml"), exercise)
		writeFile(t, filepath.Join(dir, "t.yaml"), included)
		checkProperties(t, dir)
	})
}

func named(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if strings.TrimPrefix(f.Name, "input/") == name {
			return f.Data
		}
	}
	return nil
}

// TestProperties holds every course of the oracle to the same.
func TestProperties(t *testing.T) {
	t.Parallel()
	dirs, keys := allCourses(t)
	for i, dir := range dirs {
		t.Run(keys[i], func(t *testing.T) {
			t.Parallel()
			checkProperties(t, dir)
		})
	}
}

// checkProperties: loading is deterministic, a course comes exactly without
// errors, and what has loaded can be written: as ASCII JSON that leaves the base
// open, and with files that are in the course.
func checkProperties(t *testing.T, dir string) {
	t.Helper()
	s := courseconfig.Settings{Key: "key", DefaultGraderURL: "http://grader.example/", StaticContentHost: "https://static.example"}
	c, report, err := courseconfig.Load(t.Context(), dir, s)
	if err != nil {
		t.Fatal(err)
	}
	if (c != nil) != report.Accepted() {
		t.Fatalf("course %t, accepted %t", c != nil, report.Accepted())
	}
	again, reportAgain, err := courseconfig.Load(t.Context(), dir, s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, reportAgain); diff != "" {
		t.Errorf("another report\n%s", diff)
	}
	checkPlaces(t, report.Errors)
	if strings.ContainsFunc(report.Text(dir), func(r rune) bool { return r < ' ' && r != '\n' }) {
		t.Error("control characters in the report")
	}
	if c == nil {
		return
	}
	document := mustBytes(t)(c.Document(nil))
	if !bytes.Equal(document, mustBytes(t)(again.Document(nil))) {
		t.Error("another document")
	}
	if !json.Valid(document) || bytes.ContainsFunc(document, func(r rune) bool { return r > '~' || r < ' ' }) {
		t.Errorf("no ASCII JSON: %.200s", document)
	}
	if _, err := courseconfig.ReadCompiled(mustBytes(t)(c.Compiled())); err != nil {
		t.Error(err)
	}
	checkGraders(t, c)
}

func checkGraders(t *testing.T, c *courseconfig.Course) {
	t.Helper()
	seen := map[string]bool{}
	for _, g := range c.Configures() {
		if seen[g.URL] {
			t.Errorf("%s twice", g.URL)
		}
		seen[g.URL] = true
		if !json.Valid(g.CourseSpec) {
			t.Errorf("no JSON: %.200s", g.CourseSpec)
		}
		for _, e := range g.Exercises {
			if !json.Valid(e.Spec) || !json.Valid(e.Config) || e.Files == nil {
				t.Errorf("exercise %s: %.200s %.200s", e.Key, e.Spec, e.Config)
			}
		}
	}
}

func mustBytes(t *testing.T) func([]byte, error) []byte {
	t.Helper()
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// TestBaseStaysOpen finds the marker where an address of the service belongs.
func TestBaseStaysOpen(t *testing.T) {
	t.Parallel()
	c := load(t, courseFolder(t, map[string]string{
		"index.yaml": "name: C\ncategories: {c: {name: C}}\nmodules: [{key: m, name: M, children: [{key: c, category: c, static_content: a b.html}]}]\n",
	}))
	var document struct {
		Modules []struct {
			Children []struct{ URL string }
		}
	}
	if err := json.Unmarshal(mustBytes(t)(c.Document(nil)), &document); err != nil {
		t.Fatal(err)
	}
	if want := course.BaseURLMarker + "/static/large/a%20b.html"; document.Modules[0].Children[0].URL != want {
		t.Errorf("got %q, want %q", document.Modules[0].Children[0].URL, want)
	}
	exported := mustBytes(t)(c.Export("https://gm.example", nil))
	if !bytes.Contains(exported, []byte(`"url": "https://gm.example/static/large/a%20b.html"`)) || bytes.Contains(exported, []byte(`\ue0c0`)) {
		t.Errorf("got %s", exported)
	}
}

// TestConcurrentUse uses one course from several goroutines; the race detector
// watches.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := load(t, largeCourse(t, 2, 10))
	want := mustBytes(t)(c.Document(nil))
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if got := mustBytes(t)(c.Document(nil)); !bytes.Equal(got, want) {
				t.Error("another document")
			}
			if got := c.Configures(); len(got) != 1 || !reflect.DeepEqual(got, c.Configures()) {
				t.Error("other configures")
			}
		})
	}
}
