package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func courseTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"create and find":            createAndFind,
		"taken fields are all named": takenFields,
		"update":                     updateCourse,
		"update conflicts":           updateConflicts,
		"stale updates":              staleUpdates,
		"unknown courses":            unknownCourses,
		"pages":                      coursePages,
		"delete":                     deleteCourse,
		"delete while running":       deleteRunning,
		"odd texts":                  oddCourses,
		"build host":                 buildHost,
		"ping":                       ping,
	}
}

func fullCourse(key string, remote int64) course.Course {
	return course.Course{
		Key: key, RemoteID: &remote, GitOrigin: "git@git.example.org:a/b.git", GitBranch: "main",
		UpdateHook: "https://hook.example.org/x?y=z", EmailOnError: true, SkipBuildFailsafes: true, WebhookSecret: "s3cret",
		OldSecret: "0ld", OldSecretUntil: time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
}

func createAndFind(t *testing.T, s store.Store) {
	t.Helper()
	want := fullCourse("cs-A1110", 17)
	before := time.Now()
	got, err := s.CreateCourse(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID <= 0 {
		t.Errorf("id %d; want a positive one", got.ID)
	}
	checkTime(t, "CreatedAt", got.CreatedAt, before)
	want.ID, want.CreatedAt, want.Revision = got.ID, got.CreatedAt, 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CreateCourse (-want +got):\n%s", diff)
	}
	byKey, err := s.Course(t.Context(), "cs-A1110")
	if diff := cmp.Diff(want, byKey); err != nil || diff != "" {
		t.Errorf("Course: %v (-want +got):\n%s", err, diff)
	}
	byID, err := s.CourseByRemoteID(t.Context(), 17)
	if diff := cmp.Diff(want, byID); err != nil || diff != "" {
		t.Errorf("CourseByRemoteID: %v (-want +got):\n%s", err, diff)
	}
	first, second := newCourse(t, s, "one"), newCourse(t, s, "two")
	if first.RemoteID != nil || len(first.WebhookSecret) != 64 || first.WebhookSecret == second.WebhookSecret {
		t.Errorf("a course without remote id and secret got remote id %v and secrets %q and %q; want nil and two new secrets",
			first.RemoteID, first.WebhookSecret, second.WebhookSecret)
	}
}

// checkTime wants a time of now, in UTC and whole microseconds.
func checkTime(t *testing.T, what string, got, after time.Time) {
	t.Helper()
	if got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
		t.Errorf("%s is %v; want UTC in whole microseconds", what, got)
	}
	if got.Before(after.Truncate(time.Microsecond)) || got.After(time.Now()) {
		t.Errorf("%s is %v; want a time from %v to now", what, got, after)
	}
}

func wantTaken(t *testing.T, what string, err error, fields ...string) {
	t.Helper()
	wantKind(t, what, err, course.ErrConflict)
	var got []string
	if fe, ok := asFieldErrors(err); ok {
		for _, f := range fe.Fields {
			got = append(got, f.Field)
			if f.Message == "" {
				t.Errorf("%s: field %s has no message", what, f.Field)
			}
		}
	}
	if diff := cmp.Diff(fields, got); diff != "" {
		t.Errorf("%s: taken fields (-want +got):\n%s", what, diff)
	}
}

func takenFields(t *testing.T, s store.Store) {
	t.Helper()
	for _, c := range []course.Course{fullCourse("a", 1), fullCourse("b", 2)} {
		if _, err := s.CreateCourse(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		give   course.Course
		fields []string
	}{
		"key":             {fullCourse("a", 3), []string{"key"}},
		"remote id":       {fullCourse("c", 2), []string{"remote_id"}},
		"both":            {fullCourse("a", 1), []string{"key", "remote_id"}},
		"both, other row": {fullCourse("a", 2), []string{"key", "remote_id"}},
	} {
		_, err := s.CreateCourse(t.Context(), test.give)
		wantTaken(t, "CreateCourse with a taken "+name, err, test.fields...)
	}
	if _, err := s.CreateCourse(t.Context(), fullCourse("A", 4)); err != nil {
		t.Errorf("a key that differs in case only: %v; want it to be free", err)
	}
}

func updateCourse(t *testing.T, s store.Store) {
	t.Helper()
	old, err := s.CreateCourse(t.Context(), fullCourse("old", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetBuildHost(t.Context(), old.ID, "host-1"); err != nil {
		t.Fatal(err)
	}
	b := request(t, s, "old", course.BuildRequest{})
	want := course.Course{
		ID: old.ID, Key: "new", GitOrigin: "https://other.example.org/x.git", GitBranch: "dev",
		UpdateAutomatically: true, WebhookSecret: "other", CreatedAt: time.Unix(1, 0), BuildHost: "host-2",
	}
	got, err := s.UpdateCourse(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	want.CreatedAt, want.BuildHost, want.Revision = old.CreatedAt, "host-1", 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("UpdateCourse (-want +got):\n%s", diff)
	}
	found, err := s.Course(t.Context(), "new")
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("Course after the update: %v (-want +got):\n%s", err, diff)
	}
	_, err = s.Course(t.Context(), "old")
	wantKind(t, "Course with the old key", err, course.ErrNotFound)
	if got := load(t, s, b.ID); got.CourseKey != "new" {
		t.Errorf("the course's build has key %q; want the present key", got.CourseKey)
	}
}

func updateConflicts(t *testing.T, s store.Store) {
	t.Helper()
	for _, c := range []course.Course{fullCourse("a", 1), fullCourse("b", 2)} {
		if _, err := s.CreateCourse(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	b, err := s.Course(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	one := int64(1)
	changed := b
	changed.Key, changed.RemoteID, changed.GitBranch = "a", &one, "other"
	_, err = s.UpdateCourse(t.Context(), changed)
	wantTaken(t, "UpdateCourse", err, "key", "remote_id")
	if got, err := s.Course(t.Context(), "b"); err != nil || !cmp.Equal(got, b) {
		t.Errorf("after a refused update the course is %+v, %v; want it unchanged", got, err)
	}
	if _, err := s.UpdateCourse(t.Context(), b); err != nil {
		t.Errorf("UpdateCourse without a change: %v; a course does not conflict with itself", err)
	}
	changed.ID = 1 << 40
	_, err = s.UpdateCourse(t.Context(), changed)
	wantKind(t, "UpdateCourse with an unknown id", err, course.ErrNotFound)
}

func unknownCourses(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a") // without remote id: no id finds it
	ctx := t.Context()
	_, err := s.Course(ctx, "nope")
	wantKind(t, "Course", err, course.ErrNotFound)
	_, err = s.CourseByRemoteID(ctx, 0)
	wantKind(t, "CourseByRemoteID", err, course.ErrNotFound)
	wantKind(t, "DeleteCourse", s.DeleteCourse(ctx, "nope"), course.ErrNotFound)
	wantKind(t, "SetBuildHost", s.SetBuildHost(ctx, 1<<40, "h"), course.ErrNotFound)
	_, err = s.RequestBuild(ctx, "nope", course.BuildRequest{})
	wantKind(t, "RequestBuild", err, course.ErrNotFound)
	_, err = s.ListBuilds(ctx, "nope", course.Page{Limit: 1})
	wantKind(t, "ListBuilds", err, course.ErrNotFound)
	claimNothing(t, s, "nope", "run-1")
}

func coursePages(t *testing.T, s store.Store) {
	t.Helper()
	want := []string{"e", "d", "c", "b", "a"}
	for i := len(want) - 1; i >= 0; i-- {
		newCourse(t, s, want[i])
	}
	var got []string
	page := course.Page{Limit: 2}
	for calls := 0; ; calls++ {
		list, err := s.ListCourses(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 2 || calls > 5 {
			t.Fatalf("call %d gave %d courses; want at most 2, and an end", calls, len(list))
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			got = append(got, c.Key)
		}
		page.Before = list[len(list)-1].ID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("courses, newest first (-want +got):\n%s", diff)
	}
}

func deleteCourse(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "gone")
	newCourse(t, s, "kept")
	gone, kept := ended(t, s, "gone", course.StatusSuccess), ended(t, s, "kept", course.StatusSuccess)
	pending := request(t, s, "gone", course.BuildRequest{})
	for _, id := range []int64{gone.ID, kept.ID} {
		if err := s.AppendLog(t.Context(), id, "text\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteCourse(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Course(t.Context(), "gone")
	wantKind(t, "Course", err, course.ErrNotFound)
	for _, id := range []int64{gone.ID, pending.ID} {
		_, err := s.Build(t.Context(), id)
		wantKind(t, "Build", err, course.ErrNotFound)
		wantKind(t, "AppendLog", s.AppendLog(t.Context(), id, "x"), course.ErrNotFound)
		_, _, err = s.ReadLog(t.Context(), id, 0)
		wantKind(t, "ReadLog", err, course.ErrNotFound)
	}
	chunks, _, err := s.ReadLog(t.Context(), kept.ID, 0)
	if err != nil || len(chunks) != 1 {
		t.Errorf("the other course's log: %v, %v; want one chunk", chunks, err)
	}
	again := newCourse(t, s, "gone")
	if b := request(t, s, "gone", course.BuildRequest{}); b.ID <= pending.ID || again.ID <= 0 {
		t.Errorf("a new build has id %d; ids grow, the last one was %d", b.ID, pending.ID)
	}
}

func deleteRunning(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	claim(t, s, "a", "run-1")
	wantKind(t, "DeleteCourse while a build runs", s.DeleteCourse(t.Context(), "a"), course.ErrConflict)
	if got := load(t, s, b.ID); got.Status != course.StatusRunning {
		t.Errorf("the running build has status %s afterwards; want RUNNING", got.Status)
	}
	finish(t, s, b.ID, course.StatusFailed, "x")
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Errorf("DeleteCourse after the end of the build: %v", err)
	}
}

func oddCourses(t *testing.T, s store.Store) {
	t.Helper()
	for name, text := range oddTexts() {
		c := newCourse(t, s, "odd-"+name)
		c.GitOrigin, c.UpdateHook, c.WebhookSecret = text, text, text
		if _, err := s.UpdateCourse(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := s.Course(t.Context(), c.Key)
		c.Revision++
		if diff := cmp.Diff(c, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if got, err := s.Course(t.Context(), "' OR 1=1 --"); err == nil {
		t.Errorf("a key with a quote finds %s", got.Key)
	}
}

func buildHost(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	for _, host := range []string{"host-1", ""} {
		if err := s.SetBuildHost(t.Context(), c.ID, host); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Course(t.Context(), "a"); err != nil || got.BuildHost != host {
			t.Errorf("BuildHost %q, %v; want %q", got.BuildHost, err, host)
		}
	}
}

func ping(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping of a closed store succeeds")
	}
	if _, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{}); err == nil {
		t.Error("RequestBuild of a closed store succeeds")
	}
}

// staleUpdates changes a course twice from the same reading.
func staleUpdates(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	read := newCourse(t, s, "a")
	if err := s.SetBuildHost(ctx, read.ID, "host-1"); err != nil {
		t.Fatal(err)
	}
	first, second := read, read
	first.GitBranch, second.GitBranch = "first", "second"
	first, err := s.UpdateCourse(ctx, first)
	if err != nil || first.Revision <= read.Revision {
		t.Fatalf("UpdateCourse: %v, revision %d after %d; want a greater one", err, first.Revision, read.Revision)
	}
	_, err = s.UpdateCourse(ctx, second)
	wantKind(t, "UpdateCourse of what somebody else has changed", err, course.ErrStale)
	wantKind(t, "UpdateCourse of what somebody else has changed", err, course.ErrConflict)
	if got, err := s.Course(ctx, "a"); err != nil || got.GitBranch != "first" || got.Revision != first.Revision {
		t.Errorf("the course is %+v, %v; want it as the first change left it", got, err)
	}
	second.Revision = 0
	if _, err := s.UpdateCourse(ctx, second); err != nil {
		t.Errorf("UpdateCourse whatever the revision: %v", err)
	}
}
