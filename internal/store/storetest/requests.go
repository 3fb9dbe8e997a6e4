package storetest

import (
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
	t.Helper()
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
	t.Helper()
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
	t.Helper()
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
	t.Helper()
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
