package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func claimTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"nothing to claim":          claimEmpty,
		"the newest, others skip":   claimNewest,
		"rebuild_all is kept":       claimRebuildAll,
		"again by the same run":     claimAgain,
		"by another run":            claimByOther,
		"other courses are left be": claimOtherCourse,
		"by a run that has ended":   claimByEnded,
	}
}

func claimEmpty(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	claimNothing(t, s, "a", "run-1")
	ended(t, s, "a", course.StatusCancelled)
	claimNothing(t, s, "a", "run-1")
	request(t, s, "a", course.BuildRequest{})
	_, ok, err := s.ClaimBuild(t.Context(), "a", "", nil)
	wantKind(t, "ClaimBuild without a run id", err, course.ErrInvalid)
	if ok {
		t.Error("ClaimBuild without a run id claims a build")
	}
}

func claimNewest(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	cancelled := ended(t, s, "a", course.StatusCancelled)
	first := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	second := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	third := request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{BuildImage: "mine"}, Trigger: course.TriggerAPI, Trace: trace})
	before := time.Now()
	got := claim(t, s, "a", "run-1")
	want := third
	want.Status, want.RunID, want.StartedAt, want.Trace = course.StatusRunning, "run-1", got.StartedAt, trace
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ClaimBuild (-want +got):\n%s", diff)
	}
	checkTime(t, "StartedAt", got.StartedAt, before)
	if diff := cmp.Diff(want, load(t, s, third.ID)); diff != "" {
		t.Errorf("Build (-want +got):\n%s", diff)
	}
	for _, b := range []course.Build{first, second} {
		got := load(t, s, b.ID)
		want := b
		want.Status, want.FinishedAt, want.Reason = course.StatusSkipped, got.FinishedAt, store.ReplacedReason(third.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("skipped build (-want +got):\n%s", diff)
		}
		checkTime(t, "FinishedAt of a skipped build", got.FinishedAt, before)
	}
	if diff := cmp.Diff(cancelled, load(t, s, cancelled.ID)); diff != "" {
		t.Errorf("a final build was changed (-want +got):\n%s", diff)
	}
}

func claimRebuildAll(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{RebuildAll: true, SkipGit: true}})
	request(t, s, "a", course.BuildRequest{})
	request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{SkipNotify: true}})
	b := claim(t, s, "a", "run-1")
	want := course.BuildOptions{RebuildAll: true, SkipNotify: true}
	if b.Options != want || load(t, s, b.ID).Options != want {
		t.Errorf("claimed options %+v; want %+v: its own, and RebuildAll of a skipped one", b.Options, want)
	}
	finish(t, s, b.ID, course.StatusSuccess, "")
	request(t, s, "a", course.BuildRequest{})
	if b := claim(t, s, "a", "run-1"); b.Options.RebuildAll {
		t.Error("RebuildAll is kept beyond the build that had it")
	}
}

func claimAgain(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{})
	first := claim(t, s, "a", "run-1")
	later := request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{RebuildAll: true}})
	if diff := cmp.Diff(first, claim(t, s, "a", "run-1")); diff != "" {
		t.Errorf("claimed again (-first +second):\n%s", diff)
	}
	if got := load(t, s, later.ID); got.Status != course.StatusPending {
		t.Errorf("the later build is %s; want PENDING while the first runs", got.Status)
	}
	finish(t, s, first.ID, course.StatusSuccess, "")
	if got := claim(t, s, "a", "run-1"); got.ID != later.ID {
		t.Errorf("after the end the run claims %d; want %d", got.ID, later.ID)
	}
	finish(t, s, later.ID, course.StatusSuccess, "")
	claimNothing(t, s, "a", "run-1")
}

func claimByOther(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{RebuildAll: true}})
	lost := claim(t, s, "a", "run-1")
	if err := s.StartStep(t.Context(), lost.ID, "build"); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	claimNothing(t, s, "a", "run-2")
	got := load(t, s, lost.ID)
	if got.Status != course.StatusFailed || !strings.Contains(got.Reason, "run-1") {
		t.Errorf("the lost run's build is %s, %q; want FAILED with a reason that names the run, also when nothing is pending", got.Status, got.Reason)
	}
	checkTime(t, "FinishedAt", got.FinishedAt, before)
	if len(got.Steps) != 1 || got.Steps[0].Outcome != course.OutcomeFailed || got.Steps[0].FinishedAt.IsZero() {
		t.Errorf("its steps are %+v; want the open one failed", got.Steps)
	}
	next := request(t, s, "a", course.BuildRequest{})
	claim(t, s, "a", "run-2")
	newest := request(t, s, "a", course.BuildRequest{})
	if b := claim(t, s, "a", "run-3"); b.ID != newest.ID || b.Options.RebuildAll {
		t.Errorf("run-3 claims %d, %+v; want %d with its own options", b.ID, b.Options, newest.ID)
	}
	if got := load(t, s, next.ID).Status; got != course.StatusFailed {
		t.Errorf("run-2's build is %s; want FAILED", got)
	}
}

func claimOtherCourse(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	a, b := request(t, s, "a", course.BuildRequest{}), request(t, s, "b", course.BuildRequest{})
	request(t, s, "b", course.BuildRequest{})
	if got := claim(t, s, "a", "run-1"); got.ID != a.ID {
		t.Errorf("course a gets build %d; want %d", got.ID, a.ID)
	}
	if got := load(t, s, b.ID); got.Status != course.StatusPending {
		t.Errorf("course b's build is %s; want PENDING", got.Status)
	}
	claim(t, s, "b", "run-2")
	if got := load(t, s, a.ID); got.Status != course.StatusRunning || got.RunID != "run-1" {
		t.Errorf("course a's build is %s of %s; want it to run on", got.Status, got.RunID)
	}
}

// A run that ended before its claim came takes nothing: neither what the next run
// builds nor what waits. While that is looked into nobody else claims.
func claimByEnded(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	hasEnded := errors.New("it has ended")
	late := func(context.Context) error { return hasEnded }
	if _, ok, err := s.ClaimBuild(t.Context(), "a", "late", late); ok || err != nil {
		t.Errorf("ClaimBuild of an ended run with nothing to claim = %v, %v; want no question, which others would wait for", ok, err)
	}
	request(t, s, "a", course.BuildRequest{})
	if _, ok, err := s.ClaimBuild(t.Context(), "a", "late", late); ok || !errors.Is(err, hasEnded) {
		t.Errorf("ClaimBuild of an ended run, with none before it = %v, %v", ok, err)
	}
	running := claim(t, s, "a", "next")
	if _, ok, err := s.ClaimBuild(t.Context(), "a", "late", late); ok || !errors.Is(err, hasEnded) {
		t.Errorf("ClaimBuild of an ended run that would close one = %v, %v", ok, err)
	}
	waiting := request(t, s, "a", course.BuildRequest{})
	_, ok, err := s.ClaimBuild(t.Context(), "a", "late", late)
	if ok || !errors.Is(err, hasEnded) {
		t.Errorf("ClaimBuild of an ended run = %v, %v", ok, err)
	}
	for want, id := range map[course.Status]int64{course.StatusRunning: running.ID, course.StatusPending: waiting.ID} {
		if b := load(t, s, id); b.Status != want {
			t.Errorf("build %d is %s: %s; want %s", id, b.Status, b.Reason, want)
		}
	}
	finish(t, s, running.ID, course.StatusSuccess, "")

	other := make(chan error, 1)
	b, ok, err := s.ClaimBuild(t.Context(), "a", "alive", func(ctx context.Context) error {
		go func() {
			_, _, err := s.ClaimBuild(context.WithoutCancel(ctx), "a", "other", nil)
			other <- err
		}()
		select {
		case err := <-other:
			other <- err
			return fmt.Errorf("another run claims meanwhile: %w", err)
		case <-time.After(100 * time.Millisecond):
			return nil
		}
	})
	if !ok || err != nil || b.ID != waiting.ID {
		t.Errorf("ClaimBuild = %d, %v, %v; want %d", b.ID, ok, err, waiting.ID)
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
}
