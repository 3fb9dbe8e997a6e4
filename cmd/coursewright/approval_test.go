package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// without is the course of tiny that has lost its exercise.
func without(title string) map[string]string {
	files := tiny(title)
	var lines []string
	for line := range strings.Lines(files["index.yaml"]) {
		if !strings.Contains(line, "key: ex1") {
			lines = append(lines, line)
		}
	}
	files["index.yaml"] = strings.Join(lines, "")
	return files
}

// story is a system without A+ and one course of a repository.
type story struct {
	*harness
	repo *gitrepotest.Repo
}

func newStory(t *testing.T, environ ...string) *story {
	t.Helper()
	s := &story{harness: newHarness(t, harnessOptions{environ: environ}), repo: gitrepotest.New(t)}
	s.addCourse("course", s.repo.URL(), nil)
	return s
}

// commit commits and calls the hook; it names the build.
func (s *story) commit(files map[string]string) int64 {
	s.tb.Helper()
	s.repo.Commit(files, "change")
	return s.push("course")
}

// A teacher removes an exercise that students have solved. A+ is refused, tells
// why, and students go on seeing what they saw until somebody approves.
func TestARemovedExerciseWaitsForAnApproval(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.change(t, func(row *course.Course) { row.ApproveRemovals = true })
	first := c.ended(t, c.push(t, tiny("One")))
	c.published("course", first.Version)

	second := c.ended(t, c.push(t, without("Two")))
	log := c.shownLog(t)
	// A+ that has mailed the errors calls the import a success.
	if second.Status != course.StatusSuccess || !strings.Contains(log, "waits for an approval") || !strings.Contains(log, "the course was not published") ||
		!strings.Contains(log, "m1/ex1 (removed)") || !strings.Contains(log, "/gitmanager/course/releases/"+second.Version+"/diff") {
		t.Fatalf("build ended %s %s\n%s", second.Status, second.Reason, log)
	}
	if in := c.world.APlus.Import(t.Context(), instance); in.Success || !strings.Contains(strings.Join(in.Errors, " "), "waits for an approval") {
		t.Errorf("an import by hand: %+v", in)
	}
	c.published("course", first.Version)
	if got := string(c.get("/static/course/index.html", http.StatusOK)); got != "<p>One</p>\n" {
		t.Errorf("students see %q", got)
	}
	if at, ok := c.world.Grader.Course(instance); !ok || at.Live == nil || at.Live.Version != first.Version {
		t.Errorf("the grader shows %+v, want version %s", at, first.Version)
	}

	// The approval is for that release: it is what A+ imports at once.
	d, err := c.system.diffs.Approve("course", second.Version, first.Version, course.Approval{By: "user:teacher", At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.system.workflows.Announce(t.Context(), d.New, "user:teacher"); err != nil {
		t.Fatal(err)
	}
	c.published("course", second.Version)
	c.world.APlus.Import(t.Context(), instance) // ends after the import that publishes
	if log := c.shownLog(t); !strings.Contains(log, "was approved by user:teacher.") {
		t.Errorf("the log does not tell who approved:\n%s", log)
	}

	// What adds one needs none.
	third := c.ended(t, c.push(t, tiny("Three")))
	c.published("course", third.Version)
}

// Where no A+ asks, the service publishes by itself, and waits as well.
func TestPublishingByItselfWaitsForAnApproval(t *testing.T) {
	t.Parallel()
	c := newStory(t)
	first := c.succeed(c.commit(tiny("One")))
	c.published("course", first.Version)
	c.do(http.MethodPatch, "/api/v1/courses/course", `{"approve_removals": true}`, http.StatusOK)
	second := c.succeed(c.commit(without("Two")))
	c.idle("course")
	if log := c.log("course", second.ID); !strings.Contains(log, "Not published: release "+second.Version) {
		t.Errorf("the log does not tell that the release waits:\n%s", log)
	}
	at := "/api/v1/courses/course/releases/" + second.Version
	if text := string(c.do(http.MethodPost, at+"/publish", "", http.StatusConflict)); !strings.Contains(text, "m1/ex1 (removed)") {
		t.Errorf("publishing by hand: %s", text)
	}
	c.published("course", first.Version)
	c.do(http.MethodPost, at+"/approve", `{"against": "`+first.Version+`"}`, http.StatusOK)
	c.published("course", second.Version)
	// Back to the release with the exercise nothing is in danger, and a rollback is
	// somebody's own wish.
	c.do(http.MethodPost, "/api/v1/courses/course/releases/"+first.Version+"/publish", `{"rollback": true}`, http.StatusOK)
	c.published("course", first.Version)
	// The approval was for another moment: what is published now may differ.
	third := c.succeed(c.commit(without("Three")))
	c.idle("course")
	c.do(http.MethodPost, "/api/v1/courses/course/releases/"+third.Version+"/publish", "", http.StatusConflict)
}
