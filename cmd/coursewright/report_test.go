package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// toldJSON is what check --json prints and the API says about a build.
type toldJSON struct {
	Errors   []map[string]any `json:"errors"`
	Warnings []map[string]any `json:"warnings"`
}

// A teacher is told the same everywhere: by check, in the build's log with the
// lines of the files, and in the API.
func TestProblemsAreToldEverywhere(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["index.yaml"] = strings.Replace(files["index.yaml"], "max_points: 10", "max_pionts: ten", 1) + "startt: 2026-01-01\n"
	files["ex1.yaml"] = "titel: Exercise\nview_type: x\n"
	repo.Commit(files, "broken")
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "_build"), 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", gitrepotest.ServeHTTP(t, repo)+"/0.git", nil)

	id := h.push("course")
	if b := h.await(id); b.Status != course.StatusFailed || !strings.Contains(b.Reason, "2 errors") {
		t.Fatalf("the build is %s: %s", b.Status, b.Reason)
	}
	_, checked, _ := runCommand(t, "check", "--json", "--key", "course", dir)
	var want, got toldJSON
	if err := json.Unmarshal([]byte(checked), &want); err != nil {
		t.Fatal(err)
	}
	h.getJSON(fmt.Sprintf("/api/v1/courses/course/builds/%d", id), &got)
	for _, problem := range slices.Concat(got.Errors, got.Warnings) {
		// Those who have no files at hand get the lines around it as well.
		if problem["excerpt"] == nil || problem["excerpt_from"] == nil {
			t.Errorf("no excerpt in %v", problem)
		}
		delete(problem, "excerpt")
		delete(problem, "excerpt_from")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the API tells otherwise than check (-check +api):\n%s", diff)
	}
	if len(got.Errors) != 2 || len(got.Warnings) != 1 {
		t.Errorf("%d errors and %d warnings: %v", len(got.Errors), len(got.Warnings), got)
	}
	_, text, _ := runCommand(t, "check", "--key", "course", dir)
	if log := h.log("course", id); !strings.Contains(log, text) {
		t.Errorf("the log\n%s\nhas not what check tells:\n%s", log, text)
	}

	files["index.yaml"] = strings.Replace(files["index.yaml"], "max_pionts: ten", "max_points: 10", 1)
	files["ex1.yaml"] = tiny("One")["ex1.yaml"]
	repo.Commit(files, "mended")
	id = h.succeed(h.push("course")).ID
	got = toldJSON{}
	h.getJSON(fmt.Sprintf("/api/v1/courses/course/builds/%d", id), &got)
	if len(got.Errors) != 0 || len(got.Warnings) != 1 {
		t.Errorf("after the repair: %v", got)
	}
	if list := h.get("/api/v1/courses/course/builds", 200); bytes.Contains(list, []byte(`"warnings"`)) {
		t.Error("the list of builds has reports, which may be large")
	}
}
