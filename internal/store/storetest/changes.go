package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func changeTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"each is told":              changesAreTold,
		"of one build":              changesOfOneBuild,
		"the end":                   changesEnd,
		"a reader who does nothing": changesUnread,
	}
}

// noticeTimeout is how long a test waits for what should come at once.
const noticeTimeout = 20 * time.Second

// expect reads changes until the wanted one comes. One of kind ChangeUnknown
// does as well only where unknown says so: a store may begin with one.
func expect(t *testing.T, changes <-chan course.Change, what string, want course.Change) {
	t.Helper()
	timer := time.NewTimer(noticeTimeout)
	defer timer.Stop()
	for {
		select {
		case got, open := <-changes:
			if !open {
				t.Fatalf("%s: the channel is closed", what)
			}
			if got == want {
				return
			}
		case <-timer.C:
			t.Fatalf("%s: no %+v within %s", what, want, noticeTimeout)
		}
	}
}

// listening gives the changes to a build, or to all, once the store hears them
// for certain: it begins to listen in the background.
func listening(t *testing.T, s store.Store, build int64) <-chan course.Change {
	t.Helper()
	changes := s.Changes(t.Context(), 0)
	newCourse(t, s, fmt.Sprintf("probe-%d", build))
	probe := request(t, s, fmt.Sprintf("probe-%d", build), course.BuildRequest{})
	for n := 0; ; n++ {
		finished := time.After(100 * time.Millisecond)
		appendLog(t, s, probe.ID, "probe\n")
		for waiting := true; waiting; {
			select {
			case c := <-changes:
				if c.Kind == course.ChangeLog && c.BuildID == probe.ID {
					if build == 0 {
						return changes
					}
					return s.Changes(t.Context(), build)
				}
			case <-finished:
				waiting = false
			}
		}
		if n > 200 {
			t.Fatal("the store tells of no change")
		}
	}
}

func changesAreTold(t *testing.T, s store.Store) {
	t.Helper()
	changes := listening(t, s, 0)
	c := newCourse(t, s, "a")
	older := request(t, s, "a", course.BuildRequest{})
	b := request(t, s, "a", course.BuildRequest{})
	state := course.Change{Kind: course.ChangeState, CourseID: c.ID, BuildID: b.ID}
	log := course.Change{Kind: course.ChangeLog, CourseID: c.ID, BuildID: b.ID}
	claim(t, s, "a", "run")
	expect(t, changes, "ClaimBuild, the skipped one", course.Change{Kind: course.ChangeState, CourseID: c.ID, BuildID: older.ID})
	expect(t, changes, "ClaimBuild", state)
	for _, step := range []struct {
		what string
		want course.Change
		call func() error
	}{
		{"StartStep", state, func() error { return s.StartStep(t.Context(), b.ID, "build") }},
		{"RecordFacts", state, func() error { return s.RecordFacts(t.Context(), b.ID, course.Facts{Commit: "c"}) }},
		{"AppendLog", log, func() error { return s.AppendLog(t.Context(), b.ID, "text\n") }},
		{"FinishStep", state, func() error { return s.FinishStep(t.Context(), b.ID, "build", course.OutcomeOK, "") }},
		{"SaveReport", state, func() error {
			return s.SaveReport(t.Context(), b.ID, course.Report{Errors: []course.Diagnostic{{Message: "m"}}})
		}},
		{"FinishBuild", state, func() error {
			_, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess})
			return err
		}},
	} {
		if err := step.call(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		expect(t, changes, step.what, step.want)
	}
	// What is told can be read.
	if got := load(t, s, b.ID); got.Status != course.StatusSuccess {
		t.Errorf("the build is %s after its change was told", got.Status)
	}
}

func changesOfOneBuild(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	one, other := request(t, s, "a", course.BuildRequest{}), request(t, s, "a", course.BuildRequest{})
	changes := listening(t, s, one.ID)
	appendLog(t, s, other.ID, "text\n")
	appendLog(t, s, one.ID, "text\n")
	want := course.Change{Kind: course.ChangeLog, CourseID: c.ID, BuildID: one.ID}
	for got := range changes {
		if got == want {
			return
		}
		if got.BuildID != 0 {
			t.Fatalf("who waits for build %d is told %+v", one.ID, got)
		}
	}
}

func changesEnd(t *testing.T, s store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changes := s.Changes(ctx, 0)
	cancel()
	timer := time.NewTimer(noticeTimeout)
	defer timer.Stop()
	for {
		select {
		case _, open := <-changes:
			if !open {
				return
			}
		case <-timer.C:
			t.Fatal("the channel is not closed when the context has ended")
		}
	}
}

// changesUnread has a reader fall behind: nobody waits for it, and it is told
// that it has missed something or, of each build, the last.
func changesUnread(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	changes := listening(t, s, b.ID)
	for range 100 {
		appendLog(t, s, b.ID, "text\n")
	}
	finish(t, s, b.ID, course.StatusCancelled, "")
	var n int
	want := course.Change{Kind: course.ChangeState, CourseID: c.ID, BuildID: b.ID}
	for got := range changes {
		if n++; got == want {
			break
		}
	}
	if n > 20 {
		t.Errorf("%d changes were told after 100 appends that nobody looked at; equal ones are joined", n)
	}
}
