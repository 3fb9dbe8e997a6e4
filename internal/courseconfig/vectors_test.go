package courseconfig_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig"
	"coursewright/internal/courseconfig/pyvalue"
)

// vectorDifferences are the vectors that are answered otherwise, each with a
// heading of docs/differences.md.
var vectorDifferences = map[string]string{
	"categories":              "Categories that are no mappings",
	"categories strange":      "Categories that are no mappings",
	"int category key":        "Categories that are no mappings", // without names; the oracle has them with
	"unknown nested category": "Categories that are no mappings",
	"dup across modules":      "Categories that are no mappings",
	"null enrollment":         "Dates that reset A+",
	"head_urls ok":            "Addresses without a scheme",
	"static_dir ..":           "Paths that leave the course",
	"static_dir abs":          "Paths that leave the course",
}

// TestCoercion reads single values as gitmanager's validators did.
func TestCoercion(t *testing.T) {
	t.Parallel()
	var rows []struct {
		Kind   string          `json:"kind"`
		Label  string          `json:"label"`
		YAML   string          `json:"yaml"`
		Result json.RawMessage `json:"result"`
	}
	readVectors(t, "coercion.json", &rows)
	for _, row := range rows {
		t.Run(row.Kind+" "+row.Label, func(t *testing.T) {
			t.Parallel()
			var got json.RawMessage
			v, err := pyvalue.ReadYAML("index.yaml", []byte(row.YAML), pyvalue.Limits{})
			if err == nil {
				got, _ = courseconfig.ReadModel(row.Kind, v, courseconfig.Settings{DefaultGraderURL: "http://grader:8080/configure"})
			}
			diff := cmp.Diff(normal(parseJSON(t, row.Result)), normal(parseJSON(t, got)))
			if reason := vectorDifferences[row.Label]; (reason == "") != (diff == "") {
				t.Errorf("(-its +ours, want a difference: %q)\n%s", reason, diff)
			}
		})
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	var rows []struct {
		Label    string          `json:"label"`
		Language string          `json:"default_lang"`
		In       json.RawMessage `json:"in"`
		Out      json.RawMessage `json:"out"`
	}
	readVectors(t, "tags.json", &rows)
	for _, row := range rows {
		t.Run(row.Label, func(t *testing.T) {
			t.Parallel()
			v, err := pyvalue.ReadJSON("e.json", row.In, pyvalue.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got, _ := courseconfig.ReadTags(v, row.Language)
			if diff := cmp.Diff(normal(parseJSON(t, row.Out)), normal(parseJSON(t, got))); diff != "" {
				t.Errorf("(-its +ours)\n%s", diff)
			}
		})
	}
}

// TestWholeCourses compares two courses that use most features at once.
func TestWholeCourses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one-language", "two-languages"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, want := unpack(t, "testdata/vectors/"+name+".txtar")
			checkOracle(t, dir, want, "")
		})
	}
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
