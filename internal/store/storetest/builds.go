package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func requestTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"everything is kept": requestKeeps,
		"addresses are cut":  requestCutsIP,
		"odd texts":          oddBuilds,
		"unknown builds":     unknownBuilds,
	}
}

func requestKeeps(t *testing.T, s store.Store) {
	c := newCourse(t, s, "a")
	before := time.Now()
	r := course.BuildRequest{
		Options:   course.BuildOptions{SkipGit: true, SkipNotify: true, BuildImage: "image:1", BuildCommand: "make html"},
		Trigger:   course.TriggerPage,
		RequestIP: "2001:db8::1",
	}
	got := request(t, s, "a", r)
	checkTime(t, "RequestedAt", got.RequestedAt, before)
	want := course.Build{
		ID: got.ID, CourseID: c.ID, CourseKey: "a", Status: course.StatusPending,
		Options: r.Options, Trigger: r.Trigger, RequestIP: r.RequestIP, RequestedAt: got.RequestedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("RequestBuild (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, load(t, s, got.ID)); diff != "" {
		t.Errorf("Build (-want +got):\n%s", diff)
	}
	other := course.BuildRequest{Options: course.BuildOptions{SkipBuild: true, RebuildAll: true}, Trigger: course.TriggerHook}
	next := request(t, s, "a", other)
	if next.ID <= got.ID || next.Options != other.Options {
		t.Errorf("the second request is %+v; want a greater id and its own options", next)
	}
}

func requestCutsIP(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	for name, test := range map[string]struct{ give, want string }{
		"short":     {"192.0.2.1", "192.0.2.1"},
		"exact":     {strings.Repeat("1", 40), strings.Repeat("1", 40)},
		"long":      {strings.Repeat("1", 5000), strings.Repeat("1", 40)},
		"umlauts":   {strings.Repeat("ä", 41), strings.Repeat("ä", 40)},
		"not UTF-8": {"1\xff2", "1\ufffd2"},
		"NUL":       {"1\x002", "12"},
	} {
		b := request(t, s, "a", course.BuildRequest{RequestIP: test.give})
		if got := load(t, s, b.ID).RequestIP; got != test.want || b.RequestIP != test.want {
			t.Errorf("%s: RequestIP %q, loaded %q; want %q", name, b.RequestIP, got, test.want)
		}
	}
}

func oddBuilds(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	for name, text := range oddTexts() {
		b := request(t, s, "a", course.BuildRequest{
			Options: course.BuildOptions{BuildImage: text, BuildCommand: text}, Trigger: course.Trigger(text),
		})
		claim(t, s, "a", text)
		if err := s.RecordFacts(t.Context(), b.ID, course.Facts{Host: text, Commit: text, Version: text}); err != nil {
			t.Errorf("%s: RecordFacts: %v", name, err)
		}
		finish(t, s, b.ID, course.StatusFailed, text)
		got := load(t, s, b.ID)
		for i, field := range []string{got.Options.BuildImage, got.Options.BuildCommand, string(got.Trigger), got.RunID, got.Host, got.Commit, got.Version, got.Reason} {
			if field != text {
				t.Errorf("%s: field %d is %.60q; want %.60q", name, i, field, text)
			}
		}
	}
	b := request(t, s, "a", course.BuildRequest{})
	finish(t, s, b.ID, course.StatusFailed, "exit \xff\x00 1")
	if got := load(t, s, b.ID).Reason; !utf8.ValidString(got) || strings.Contains(got, "\x00") || !strings.HasPrefix(got, "exit ") {
		t.Errorf("a reason that is not UTF-8 is kept as %q; want it cleaned", got)
	}
}

func unknownBuilds(t *testing.T, s store.Store) {
	ctx := t.Context()
	const id = 1 << 40
	_, err := s.Build(ctx, id)
	wantKind(t, "Build", err, course.ErrNotFound)
	ended, err := s.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusFailed})
	wantKind(t, "FinishBuild", err, course.ErrNotFound)
	if ended {
		t.Error("FinishBuild ended an unknown build")
	}
	wantKind(t, "RecordFacts", s.RecordFacts(ctx, id, course.Facts{Host: "h"}), course.ErrNotFound)
	wantKind(t, "StartStep", s.StartStep(ctx, id, "build"), course.ErrNotFound)
	wantKind(t, "AppendLog", s.AppendLog(ctx, id, "x"), course.ErrNotFound)
	wantKind(t, "AppendLog of nothing", s.AppendLog(ctx, id, ""), course.ErrNotFound)
	_, _, err = s.ReadLog(ctx, id, 0)
	wantKind(t, "ReadLog", err, course.ErrNotFound)
	if err := s.FinishStep(ctx, id, "build", course.OutcomeOK, ""); err != nil {
		t.Errorf("FinishStep = %v; without a running step nothing happens", err)
	}
	if n, err := s.PruneBuilds(ctx, id, 1); n != 0 || err != nil {
		t.Errorf("PruneBuilds of an unknown course = %d, %v; want 0", n, err)
	}
}

func claimTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"nothing to claim":          claimEmpty,
		"the newest, others skip":   claimNewest,
		"rebuild_all is kept":       claimRebuildAll,
		"again by the same run":     claimAgain,
		"by another run":            claimByOther,
		"other courses are left be": claimOtherCourse,
	}
}

func claimEmpty(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	claimNothing(t, s, "a", "run-1")
	ended(t, s, "a", course.StatusCancelled)
	claimNothing(t, s, "a", "run-1")
	request(t, s, "a", course.BuildRequest{})
	_, ok, err := s.ClaimBuild(t.Context(), "a", "")
	wantKind(t, "ClaimBuild without a run id", err, course.ErrInvalid)
	if ok {
		t.Error("ClaimBuild without a run id claims a build")
	}
}

func claimNewest(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	cancelled := ended(t, s, "a", course.StatusCancelled)
	first := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	second := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	third := request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{BuildImage: "mine"}, Trigger: course.TriggerAPI})
	before := time.Now()
	got := claim(t, s, "a", "run-1")
	want := third
	want.Status, want.RunID, want.StartedAt = course.StatusRunning, "run-1", got.StartedAt
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

func resultTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"once":                    finishOnce,
		"every final status":      finishStatuses,
		"not a final status":      finishPassing,
		"facts":                   recordFacts,
		"facts of a final build":  factsAfterEnd,
		"facts of a pending one":  factsBeforeStart,
		"a pending build can end": finishPending,
	}
}

func finishOnce(t *testing.T, s store.Store) {
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
	newCourse(t, s, "a")
	request(t, s, "a", course.BuildRequest{})
	want := claim(t, s, "a", "run-1")
	for _, f := range []course.Facts{{Host: "h1"}, {Commit: strings.Repeat("a", 40)}, {}, {Host: "h2", Version: "v"}} {
		if err := s.RecordFacts(t.Context(), want.ID, f); err != nil {
			t.Fatal(err)
		}
	}
	want.Host, want.Commit, want.Version = "h2", strings.Repeat("a", 40), "v"
	if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
		t.Errorf("empty facts leave the row as it is (-want +got):\n%s", diff)
	}
}

func factsAfterEnd(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	want := ended(t, s, "a", course.StatusFailed)
	if err := s.RecordFacts(t.Context(), want.ID, course.Facts{Host: "h", Commit: "c", Version: "v"}); err != nil {
		t.Errorf("RecordFacts of a final build = %v; want nil", err)
	}
	if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
		t.Errorf("a final build was changed (-want +got):\n%s", diff)
	}
}

func factsBeforeStart(t *testing.T, s store.Store) {
	newCourse(t, s, "a")
	want := request(t, s, "a", course.BuildRequest{})
	if err := s.RecordFacts(t.Context(), want.ID, course.Facts{Host: "h"}); err != nil {
		t.Errorf("RecordFacts of a pending build = %v; want nil", err)
	}
	if diff := cmp.Diff(want, load(t, s, want.ID)); diff != "" {
		t.Errorf("a pending build has learnt nothing (-want +got):\n%s", diff)
	}
}

func finishPending(t *testing.T, s store.Store) {
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
