package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/gitrepo/gitrepotest"
)

// Every real course that gitmanager accepted is built from git, stored,
// published and served, with the modules and objects of the recorded answer.
// The courses lie beside the repository; without them the test is skipped.
func TestRealCourses(t *testing.T) {
	t.Parallel()
	folder := sharedFolder(t, "oracle", "real")
	cases, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_STATIC_CONTENT_HOST=http://static.example"}})
	for _, c := range cases {
		var want struct {
			Accepted bool
			Course   struct{ Key string }
			Document map[string]any `json:"aplus_json"`
		}
		text, err := os.ReadFile(filepath.Join(folder, c.Name(), "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if !want.Accepted {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			repo := gitrepotest.New(t)
			if err := os.CopyFS(repo.Tree(), os.DirFS(filepath.Join(folder, c.Name(), "input"))); err != nil {
				t.Fatal(err)
			}
			repo.CommitAll("as it is")
			h.tb = t
			h.addCourse(want.Course.Key, repo.URL(), nil)
			b := h.succeed(h.push(want.Course.Key))
			h.published(want.Course.Key, b.Version)
			got := h.document(want.Course.Key)
			if d := cmp.Diff(outline(want.Document["modules"]), outline(got["modules"])); d != "" {
				t.Errorf("modules (-want +got):\n%s", d)
			}
		})
	}
}

// entry is what the outline of a document keeps of a module or object.
type entry struct {
	Key, Name any
	Children  []entry
}

func outline(list any) []entry {
	var out []entry
	items, _ := list.([]any)
	for _, item := range items {
		m, _ := item.(map[string]any)
		out = append(out, entry{Key: m["key"], Name: m["name"], Children: outline(m["children"])})
	}
	return out
}

// sharedFolder finds a folder of the material beside the repository.
func sharedFolder(t *testing.T, parts ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(append([]string{dir, "shared"}, parts...)...)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("the recorded real courses are not beside this repository")
	return ""
}
