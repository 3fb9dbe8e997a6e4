package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// A copy that cannot be cleaned keeps nobody waiting: the log says why, and the
// next build begins at once and mends it.
func TestACopyThatCannotBeCleanedDelaysNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(files map[string]string){
		"patterns":  func(f map[string]string) { f["apps.meta"] = "exclude_patterns = \"unclosed\n" },
		"no HEAD":   func(f map[string]string) { f["build.sh"] += "echo junk > .git/HEAD\n" },
		"no config": func(f map[string]string) { f["build.sh"] += "rm -rf .git/refs\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := gitrepotest.New(t)
			files := tiny("One")
			change(files)
			repo.Commit(files, "first")
			h := newHarness(t, harnessOptions{})
			h.addCourse("course", repo.URL(), nil)
			first := h.succeed(h.push("course"))
			second := h.succeed(h.push("course"))
			if wait := second.StartedAt.Sub(second.RequestedAt); wait > 20*time.Second {
				t.Errorf("the second build waited %s", wait)
			}
			h.idle("course")
			if name == "patterns" && !strings.Contains(h.log("course", first.ID), "exclude_patterns") {
				t.Errorf("the log does not tell of the patterns:\n%s", h.log("course", first.ID))
			}
		})
	}
}

// A local source that is a link is copied like any other: the build never works
// in the developer's own folder.
func TestALocalSourceIsCopied(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	own := filepath.Join(t.TempDir(), "own")
	if err := makeDemoRepository(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	sources := t.TempDir()
	if err := os.Symlink(own, filepath.Join(sources, "course")); err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_LOCAL_COURSE_SOURCE_PATH=" + sources}})
	h.addCourse("course", "", nil)
	b := h.succeed(h.push("course"))
	if want, err := h.system.git.Head(own); err != nil || b.Commit != want {
		t.Errorf("commit is %q, want %q, %v", b.Commit, want, err)
	}
	if _, err := os.Stat(filepath.Join(own, "_build")); !os.IsNotExist(err) {
		t.Errorf("the build worked in the source folder: %v", err)
	}
}

// A stored release that nobody could read is not published over one that works.
func TestADamagedReleaseIsNotPublished(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_AUTO_PUBLISH=false"}})
	h.addCourse("course", repo.URL(), nil)
	good := h.succeed(h.push("course"))
	h.get("/course/publish/STORE/"+good.Version, http.StatusOK)
	h.published("course", good.Version)
	repo.Commit(tiny("Two"), "second")
	bad := h.succeed(h.push("course"))
	file := filepath.Join(h.system.settings.StorePath, "course", bad.Version, "lms.json")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Success bool }
	h.getJSON("/course/publish/STORE/"+bad.Version, &answer)
	if answer.Success {
		t.Error("a damaged release was published")
	}
	h.published("course", good.Version)
}

// The reason of a failure names the step that failed.
func TestTheReasonNamesTheStep(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(map[string]string{"index.yaml": "name: X\nmodules:\n  - name: no key\n"}, "broken")
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	b := h.await(h.push("course"))
	if b.Status != course.StatusFailed || !strings.HasPrefix(b.Reason, "validate: ") {
		t.Errorf("build ended %s: %s", b.Status, b.Reason)
	}
}
