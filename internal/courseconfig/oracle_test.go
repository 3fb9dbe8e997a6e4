package courseconfig_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// oracle is what gitmanager answered for a course.
type oracle struct {
	Key      string             `json:"key"`
	Accepted bool               `json:"accepted"`
	Load     string             `json:"load"`
	Settings map[string]*string `json:"settings"`
	Course   struct {
		Key string `json:"key"`
	} `json:"course"`
	Defaults        json.RawMessage     `json:"defaults"`
	Warnings        map[string][]string `json:"warnings"`
	AplusJSON       json.RawMessage     `json:"aplus_json"`
	AplusJSONFailed bool                `json:"aplus_json_failed"`
	StoreFiles      names               `json:"store_files"`
	InputLinks      map[string]string   `json:"input_links"`
	GraderRequests  []graderRequest     `json:"grader_requests"`
}

type graderRequest struct {
	CourseSpec any            `json:"course_spec"`
	Exercises  any            `json:"exercises"`
	Fields     *graderRequest `json:"fields"` // the longer shape of the real courses
}

// names are the names of files: a list, or the keys of an object.
type names []string

func (n *names) UnmarshalJSON(data []byte) error {
	var sizes map[string]int
	if json.Unmarshal(data, (*[]string)(n)) == nil || json.Unmarshal(data, &sizes) != nil {
		return nil
	}
	*n = slices.Collect(maps.Keys(sizes))
	return nil
}

// differences are the cases in which this program answers otherwise, each with
// the heading of docs/differences.md that says why.
var differences = map[string]string{
	"chapter-unicode-space":           "Question marks and number signs in page names",
	"course-categories-any":           "Categories that are no mappings",
	"course-categories-date-value":    "Values that JSON cannot hold",
	"course-categories-dates-only":    "Values that JSON cannot hold",
	"course-static-dir-dotdot":        "Paths that leave the course",
	"course-unprotected-dotdot-alone": "Paths that leave the course",
	"ex-config-dotdot":                "Paths that leave the course",
	"ex-config-other-ext-plus-yaml":   "Files found by another extension",
	"ex-form-null-groups":             "Crashes while a request is answered",
	"ex-model-files-dotdot":           "Paths that leave the course",
	"ex-model-files-space":            "Names of model and template files",
	"ex-no-submission-info-null":      "Crashes while a request is answered",
	"ex-rst-raw":                      "Files in reStructuredText",
	"failsafe-off-grader":             "Courses without build failsafes",
	"failsafe-off-grader-reject":      "Courses without build failsafes",
	"grader-default-container-null":   "Grader files of odd configurations",
	"inc-in-grader-config-dir":        "Included files are stored",
	"inc-no-ext":                      "Included files are stored",
	"inc-recursive":                   "Included files are stored",
	"inc-template-i18n-load":          "Template tags that reach the server",
	"meta-grader-config-dotdot":       "Paths that leave the course",
	"meta-two-equals":                 "Equals signs in apps.meta",
}

// realDifferences are the same for the real courses.
var realDifferences = map[string]string{
	"grader-testcourse": "Exercises whose key comes in two modules",
	"mankro-templates":  "Exercises whose key comes in two modules",
	"test_course":       "Exercises whose key comes in two modules",
	"mankro-test":       "Dates that reset A+",
}

func TestOracle(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/oracle/*.txtar")
	if err != nil || len(files) < 300 {
		t.Fatalf("found %d cases: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, want := unpack(t, file)
			checkOracle(t, dir, want, differences[name])
		})
	}
}

// TestOracleReal holds the program to real courses, which are not part of the
// project: they are read from a folder shared/oracle/real beside it.
func TestOracleReal(t *testing.T) {
	t.Parallel()
	folder := findAbove(t, filepath.Join("shared", "oracle", "real"))
	if folder == "" {
		t.Skip("no real courses beside the project")
	}
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		t.Run(entry.Name(), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(folder, entry.Name(), "expected.json"))
			if err != nil {
				t.Skip(err)
			}
			var want oracle
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			want.Key = want.Course.Key
			checkOracle(t, filepath.Join(folder, entry.Name(), "input"), want, realDifferences[entry.Name()])
		})
	}
}

func unpack(t *testing.T, file string) (dir string, want oracle) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "expected.json" {
			if err := json.Unmarshal(f.Data, &want); err != nil {
				t.Fatal(err)
			}
			continue
		}
		writeFile(t, filepath.Join(dir, f.Name), f.Data)
	}
	dir = filepath.Join(dir, "input")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range want.InputLinks {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

func writeFile(tb testing.TB, file string, data []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// findAbove looks for a path in the folders above the test's.
func findAbove(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// checkOracle loads a course and compares. With a reason the answers must
// differ: a difference that is gone is to be taken off the list.
func checkOracle(t *testing.T, dir string, want oracle, reason string) {
	t.Helper()
	if !want.Accepted && want.Load == "ok" {
		t.Skip("refused after loading")
	}
	got := answer(t, dir, want)
	wanted := expected(t, want)
	wanted.Files = outside(wanted.Files, got.static)
	diff := cmp.Diff(wanted, got, cmpopts.IgnoreUnexported(told{}))
	switch {
	case reason == "" && diff != "":
		t.Errorf("differs from gitmanager (-its +ours):\n%s", diff)
	case reason != "" && diff == "":
		t.Errorf("does not differ from gitmanager any more: %s", reason)
	}
}

// told is what is compared.
type told struct {
	Accepted  bool
	AplusJSON any
	Warnings  []string // places that gitmanager warned of
	Graders   []any
	Files     []string // outside the static folder
	static    string
}

// outside gives the sorted files that are not in a folder.
func outside(files []string, dir string) []string {
	var out []string
	for _, f := range files {
		if !strings.HasPrefix(f, dir+"/") && dir != "." && dir != "" {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

func expected(t *testing.T, want oracle) told {
	t.Helper()
	out := told{Accepted: want.Accepted, Files: want.StoreFiles}
	if !want.Accepted {
		return told{}
	}
	out.AplusJSON = normal(parseJSON(t, want.AplusJSON))
	for place := range want.Warnings {
		out.Warnings = append(out.Warnings, place)
	}
	slices.Sort(out.Warnings)
	for _, r := range want.GraderRequests {
		if r.Fields != nil {
			r = *r.Fields
		}
		if r.Exercises == nil {
			continue // a publish request
		}
		out.Graders = append(out.Graders, normal(reparse(t, map[string]any{"spec": r.CourseSpec, "exercises": r.Exercises})))
	}
	return out
}

func answer(t *testing.T, dir string, want oracle) told {
	t.Helper()
	c, report, err := courseconfig.Load(t.Context(), dir, want.settings())
	if err != nil {
		t.Fatal(err)
	}
	if (c != nil) != report.Accepted() {
		t.Fatalf("course %t, report accepted %t", c != nil, report.Accepted())
	}
	if c == nil {
		checkPlaces(t, report.Errors)
		return told{}
	}
	var defaults map[string]json.RawMessage
	_ = json.Unmarshal(want.Defaults, &defaults) // gitmanager may have had no defaults
	text, err := c.Export("http://gitmanager.example", defaults)
	if err != nil {
		t.Fatal(err)
	}
	out := told{Accepted: true, AplusJSON: normal(parseJSON(t, text)), static: c.StaticDir()}
	for _, w := range report.Warnings {
		if _, ok := want.Warnings[w.Path]; ok {
			out.Warnings = append(out.Warnings, w.Path)
		}
	}
	slices.Sort(out.Warnings)
	if len(want.GraderRequests) > 0 {
		for _, g := range c.Configures() {
			out.Graders = append(out.Graders, normal(reparse(t, map[string]any{"spec": g.CourseSpec, "exercises": g.Exercises})))
		}
	}
	if want.StoreFiles != nil {
		out.Files = outside(c.Files(), c.StaticDir())
	}
	return out
}

func checkPlaces(t *testing.T, list []course.Diagnostic) {
	t.Helper()
	for _, d := range list {
		if d.File == "" || d.Message == "" {
			t.Errorf("error without file or message: %+v", d)
		}
	}
}

func (o oracle) settings() courseconfig.Settings {
	text := func(name string) string {
		if s := o.Settings[name]; s != nil {
			return *s
		}
		return ""
	}
	return courseconfig.Settings{
		Key: o.Key, StaticContentHost: text("STATIC_CONTENT_HOST"), DefaultGraderURL: text("DEFAULT_GRADER_URL"),
		PersonalizedContentDir: "personalized_exercises",
	}
}

func parseJSON(t *testing.T, data []byte) any {
	t.Helper()
	if len(data) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return v
}

func reparse(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return parseJSON(t, data)
}

// normal leaves out what is not compared: addresses that hold a version, file
// times, and two defects of gitmanager that have headings in differences.md. It
// writes equal numbers alike.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			switch key {
			case "_warnings", "publish_url", "build_log_url", "mtime", "errors", "include":
			default:
				out[key] = normal(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normal(v[i])
		}
		return out
	case json.Number:
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return r.RatString()
		}
	}
	return v
}
