package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
)

// A branch is looked at before it is merged: the published course, what its next
// build finds, A+ and the grader notice nothing.
func TestABranchIsPreviewed(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	files := tiny("One")
	files["apps.meta"] = "exclude_patterns = kept\n"
	files["build.sh"] += "echo built >> kept\ncat kept\n"
	first := c.ended(t, c.push(t, files))
	c.published("course", first.Version)
	imports := len(c.world.APlus.Imports())
	grader, _ := c.world.Grader.Course(instance)

	c.repo.Switch("draft")
	files = tiny("Draft")
	files["build.sh"] += "ls\n"
	draft := c.repo.Commit(files, "draft")
	c.repo.Git("checkout", "-q", "main")
	b, err := c.system.store.RequestBuild(t.Context(), "course", course.BuildRequest{
		Options: course.BuildOptions{PreviewBranch: "draft"}, Trigger: course.TriggerAPI,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.system.workflows.Wake("course")
	preview := c.ended(t, b.ID)
	log, _, err := c.system.store.ReadLog(t.Context(), b.ID, 0)
	if err != nil || len(log) == 0 {
		t.Fatal(err)
	}
	if preview.Status != course.StatusSuccess || preview.Commit != draft || !strings.Contains(log[0].Text, "This is a preview of the branch draft") {
		t.Fatalf("the preview ended %s %s\n%s", preview.Status, preview.Reason, log[0].Text)
	}
	c.published("course", first.Version)
	heard, _ := c.world.Grader.Course(instance)
	if diff := cmp.Diff(grader, heard); diff != "" {
		t.Errorf("the grader has heard of the preview (-before +after):\n%s", diff)
	}
	if n := len(c.world.APlus.Imports()); n != imports {
		t.Errorf("A+ has imported %d times more", n-imports)
	}
	if stored, err := c.system.releases.Stored("course"); err == nil {
		t.Errorf("the stored release is %+v", stored)
	}
	var page struct{ Name string }
	c.asAPlus(t, c.base+"/preview/course/"+preview.Version+"/aplus-json", &page)
	if page.Name != "Draft" {
		t.Errorf("the preview is of %q", page.Name)
	}
	// A+'s build log is that of the course.
	if text := c.shownLog(t); !strings.Contains(text, "building One") {
		t.Errorf("A+ shows the log\n%s", text)
	}

	// The course's own copy is as it was: what it keeps is kept.
	next := c.ended(t, c.push(t, map[string]string{"new.txt": "x"}))
	if text := c.shownLog(t); next.Status != course.StatusSuccess || !strings.Contains(text, "built\nbuilt\n") || strings.Contains(text, "Cloning") {
		t.Errorf("the next build ended %s %s\n%s", next.Status, next.Reason, text)
	}
	if diff := cmp.Diff([]string{"course", "course.preview"}, c.copies(t)); diff != "" {
		t.Errorf("working copies (-want +got):\n%s", diff)
	}

	// A preview that nobody wants any more goes without a build of its course.
	c.keptPreviews(t, 1)
	if err := c.system.housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.keptPreviews(t, 1)
	c.storedLongAgo(t, "course", preview.Version)
	if err := c.system.housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.keptPreviews(t, 0)
}

func (c *campus) keptPreviews(t *testing.T, want int) {
	t.Helper()
	if list, err := c.system.releases.Previews("course"); err != nil || len(list) != want {
		t.Errorf("%d previews are kept, want %d: %v", len(list), want, err)
	}
}

// storedLongAgo makes a preview older than any that is kept.
func (c *campus) storedLongAgo(t *testing.T, key, version string) {
	t.Helper()
	file := filepath.Join(c.system.settings.StorePath, ".previews", key, version, "release.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := regexp.MustCompile(`"stored_at": ?"[^"]*"`).ReplaceAll(text, []byte(`"stored_at": "2001-01-31T12:00:00Z"`))
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, old, 0o600); err != nil || bytes.Equal(old, text) {
		t.Fatalf("%s: %v", text, err)
	}
}

func (c *campus) copies(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(c.system.settings.BuildPath)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, e.Name())
		}
	}
	return out
}

// Previews of several branches and builds of the course, asked for at once, run
// one after the other and none is lost.
func TestPreviewsWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.repo.Commit(tiny("Main"), "main")
	for _, branch := range []string{"one", "feature/with-a-name-that-is-longer-than-forty-characters"} {
		s.repo.Switch(branch)
		s.repo.Commit(tiny(branch), branch)
	}
	s.repo.Git("checkout", "-q", "main")
	start := func(body string) int64 {
		t.Helper()
		var b buildJSON
		if err := json.Unmarshal(s.do(http.MethodPost, "/api/v1/courses/course/builds", body, http.StatusAccepted), &b); err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	ids := map[int64]string{
		start(`{"preview_branch": "one"}`): "one",
		start(`{"preview_branch": "feature/with-a-name-that-is-longer-than-forty-characters"}`): "feature/with-a-name-that-is-longer-than-forty-characters",
		start(`{}`): "Main",
	}
	for id, title := range ids {
		b := s.succeed(id)
		if log := s.log("course", id); !strings.Contains(log, "building "+title+"\n") {
			t.Errorf("build %d of %s:\n%s", id, title, log)
		}
		if title == "Main" {
			s.published("course", b.Version)
			continue
		}
		if got := string(s.get("/preview/course/"+b.Version+"/static/", http.StatusOK)); got != "<p>"+title+"</p>\n" {
			t.Errorf("the preview of %s shows %q", title, got)
		}
	}
	if got := string(s.get("/static/course/index.html", http.StatusOK)); got != "<p>Main</p>\n" {
		t.Errorf("students see %q", got)
	}
	for _, body := range []string{`{"preview_branch": "-x"}`, `{"preview_branch": "a..b"}`, `{"preview_branch": "one", "skip_git": true}`} {
		s.do(http.MethodPost, "/api/v1/courses/course/builds", body, http.StatusBadRequest)
	}
	failed := s.await(start(`{"preview_branch": "none"}`))
	if failed.Status != course.StatusFailed || !strings.Contains(failed.Reason, `no branch "none"`) {
		t.Errorf("a branch that is not there: %s %s", failed.Status, failed.Reason)
	}
	s.idle("course")
	// With the course goes all of it.
	s.do(http.MethodDelete, "/api/v1/courses/course?confirm=course", "", http.StatusNoContent)
	for _, gone := range []string{
		filepath.Join(s.system.settings.BuildPath, "course.preview"), filepath.Join(s.system.settings.StorePath, ".previews", "course"),
	} {
		if _, err := os.Lstat(gone); !os.IsNotExist(err) {
			t.Errorf("%s: %v", gone, err)
		}
	}
}
