package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func resultTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"once":                    finishOnce,
		"every final status":      finishStatuses,
		"not a final status":      finishPassing,
		"facts":                   recordFacts,
		"facts while not running": factsWhileNotRunning,
		"a pending build can end": finishPending,
	}
}

func finishOnce(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{})
	want := claim(t, s, "a", "run-1")
	before := time.Now()
	finish(t, s, want.ID, course.StatusFailed, "first")
	got := load(t, s, want.ID)
	checkTime(t, "FinishedAt", got.FinishedAt, before)
	want.Status, want.Reason, want.FinishedAt = course.StatusFailed, "first", got.FinishedAt
	for _, status := range []course.Status{course.StatusFailed, course.StatusSuccess, course.StatusCancelled} {
		ended, err := s.FinishBuild(t.Context(), want.ID, course.BuildResult{Status: status, Reason: "second"})
		if ended || err != nil {
			t.Errorf("FinishBuild again with %s = %v, %v; want false, nil", status, ended, err)
		}
	}
	if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
		t.Errorf("the first result stays (-want +got):\n%s", diff)
	}
}

func finishStatuses(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for _, status := range []course.Status{course.StatusSuccess, course.StatusFailed, course.StatusSkipped, course.StatusCancelled} {
		b := request(t, s, "a", course.BuildRequest{})
		claim(t, s, "a", string(status))
		if err := s.StartStep(t.Context(), b.ID, "open"); err != nil {
			t.Fatal(err)
		}
		finish(t, s, b.ID, status, "why")
		got := load(t, s, b.ID)
		want := course.OutcomeFailed
		if status == course.StatusSuccess {
			want = course.OutcomeOK
		}
		if got.Status != status || got.Reason != "why" {
			t.Errorf("build is %s, %q; want %s, why", got.Status, got.Reason, status)
		}
		if len(got.Steps) != 1 || got.Steps[0].Outcome != want || !got.Steps[0].FinishedAt.Equal(got.FinishedAt) {
			t.Errorf("%s: steps %+v; want the open one ended with the build, %s", status, got.Steps, want)
		}
	}
}

func finishPassing(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	for _, status := range []course.Status{course.StatusPending, course.StatusRunning, "", "success"} {
		ended, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: status})
		wantKind(t, "FinishBuild with "+string(status), err, course.ErrInvalid)
		if ended {
			t.Errorf("FinishBuild ended a build with %q", status)
		}
	}
	if got := load(t, s, b.ID); got.Status != course.StatusPending {
		t.Errorf("the build is %s; want PENDING", got.Status)
	}
}

func recordFacts(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{})
	want := claim(t, s, "a", "run-1")
	for _, f := range []course.Facts{{Host: "h1"}, {Commit: strings.Repeat("a", 40)}, {}, {Host: "h2", Version: "v"}} {
		if err := s.RecordFacts(t.Context(), want.ID, f); err != nil {
			t.Fatal(err)
		}
	}
	learnt := course.Facts{Author: "Ä. O'Neil", Subject: "Mend <chapter>", Changes: course.NewChanges([]string{"a.rst", "ö.yaml"}, false)}
	for _, f := range []course.Facts{learnt, {}} {
		if err := s.RecordFacts(t.Context(), want.ID, f); err != nil {
			t.Fatal(err)
		}
	}
	want.Host, want.Commit, want.Version = "h2", strings.Repeat("a", 40), "v"
	want.Author, want.Subject, want.Changes = learnt.Author, learnt.Subject, learnt.Changes
	if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
		t.Errorf("empty facts leave the row as it is (-want +got):\n%s", diff)
	}
}

func factsWhileNotRunning(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	final := ended(t, s, "a", course.StatusFailed)
	pending := request(t, s, "a", course.BuildRequest{})
	for _, want := range []course.Build{final, pending} {
		if err := s.RecordFacts(t.Context(), want.ID, course.Facts{Host: "h", Commit: "c", Version: "v"}); err != nil {
			t.Errorf("RecordFacts of a %s build = %v; want nil", want.Status, err)
		}
		if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
			t.Errorf("a %s build was changed (-want +got):\n%s", want.Status, diff)
		}
	}
}

func finishPending(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	finish(t, s, b.ID, course.StatusCancelled, "not wanted")
	claimNothing(t, s, "a", "run-1")
	if got := load(t, s, b.ID); !got.StartedAt.IsZero() || got.FinishedAt.IsZero() {
		t.Errorf("a build cancelled before its start has times %v to %v; want no start", got.StartedAt, got.FinishedAt)
	}
	if list, err := s.OpenBuilds(t.Context(), 10); err != nil || slices.Contains(buildIDs(list), b.ID) {
		t.Errorf("open builds %v, %v; want none", buildIDs(list), err)
	}
}
