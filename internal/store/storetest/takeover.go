package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func takeoverTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"everything is taken":     takeoverTakes,
		"nothing twice":           takeoverTwice,
		"what is new":             takeoverNew,
		"both sides":              takeoverBothSides,
		"dry run":                 takeoverDryRun,
		"taken by another":        takeoverTaken,
		"deleted here":            takeoverDeleted,
		"half a course":           takeoverHalf,
		"builds that were pruned": takeoverPruned,
	}
}

func foreignCourse() course.Takeover {
	id := int64(77)
	return course.Takeover{
		Source: "old", ID: 5,
		Course: course.Course{
			Key: "a", RemoteID: &id, GitOrigin: "https://user:pw@git.example.org/a.git", GitBranch: "main",
			UpdateHook: "https://hook.example.org/", EmailOnError: true, SkipBuildFailsafes: true, WebhookSecret: "s3cret",
		},
		Builds: []course.TakenBuild{
			foreignBuild(11, course.StatusSuccess), foreignBuild(12, course.StatusFailed), foreignBuild(14, course.StatusSkipped),
		},
	}
}

func foreignBuild(id int64, status course.Status) course.TakenBuild {
	at := time.Date(2024, 2, 29, 12, 0, int(id), 5000, time.UTC)
	return course.TakenBuild{
		Build: course.Build{
			Status: status, Trigger: course.TriggerHook, RequestIP: "192.0.2.1", RequestedAt: at,
			FinishedAt: at.Add(time.Minute), Commit: strings.Repeat("a", 40), Reason: "because",
		},
		SourceID: id, Log: "log\nof " + string(status) + "\n",
	}
}

func takeOver(t *testing.T, s store.Store, in course.Takeover) course.TakeoverResult {
	t.Helper()
	got, err := s.TakeOver(t.Context(), in, false)
	if err != nil {
		t.Fatalf("TakeOver: %v", err)
	}
	return got
}

func takeoverTakes(t *testing.T, s store.Store) {
	t.Helper()
	in := foreignCourse()
	in.Builds[1].Log = strings.Repeat("much output \xff\x00 here\n", 5000)
	got := takeOver(t, s, in)
	if !got.New || got.Builds != 3 || len(got.BuildIDs) != 3 {
		t.Errorf("TakeOver = %+v; want a new course and three builds", got)
	}
	c, err := s.Course(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := in.Course
	want.ID, want.CreatedAt, want.Revision = c.ID, c.CreatedAt, c.Revision
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the course differs (-want +got):\n%s", diff)
	}
	list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
	if err != nil || len(list) != 3 {
		t.Fatalf("ListBuilds = %d builds, %v; want 3", len(list), err)
	}
	for i, b := range list {
		want := in.Builds[2-i].Build
		want.ID, want.CourseID, want.CourseKey = got.BuildIDs[in.Builds[2-i].SourceID], c.ID, "a"
		if diff := cmp.Diff(want, b); diff != "" {
			t.Errorf("build %d differs (-want +got):\n%s", i, diff)
		}
	}
	first, _, err := s.ReadLog(t.Context(), list[2].ID, 0)
	if err != nil || len(first) != 1 || first[0].Text != "log\nof SUCCESS\n" {
		t.Errorf("the log of the first build is %+v, %v", first, err)
	}
	long, _, err := s.ReadLog(t.Context(), list[1].ID, 0)
	if err != nil || len(long) < 3 || !strings.HasPrefix(long[0].Text, "much output \ufffd here\n") {
		t.Errorf("the long log has %d chunks, %v; want head, gap and tail of clean text", len(long), err)
	}
}

func takeoverTwice(t *testing.T, s store.Store) {
	t.Helper()
	first := takeOver(t, s, foreignCourse())
	again := takeOver(t, s, foreignCourse())
	want := course.TakeoverResult{Course: first.Course, BuildIDs: first.BuildIDs}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("the second takeover differs from nothing to do (-want +got):\n%s", diff)
	}
	if list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10}); err != nil || len(list) != 3 {
		t.Errorf("after it there are %d builds, %v; want 3", len(list), err)
	}
}

func takeoverNew(t *testing.T, s store.Store) {
	t.Helper()
	in := foreignCourse()
	in.Builds[1].Open, in.Builds[1].Log = true, "so far"
	first := takeOver(t, s, in)
	in.Builds[1].Open, in.Builds[1].Log, in.Builds[1].Status = false, "so far and to the end", course.StatusSuccess
	in.Builds = append(in.Builds, foreignBuild(20, course.StatusFailed))
	in.Course.GitBranch, in.Course.WebhookSecret = "next", "other"
	got := takeOver(t, s, in)
	if got.New || got.Builds != 2 || cmp.Diff([]string{"git_branch", "webhook_secret"}, got.Changed) != "" || got.Conflicts != nil {
		t.Errorf("TakeOver = %+v; want two builds and two fields", got)
	}
	if got.Course.GitBranch != "next" || got.Course.WebhookSecret != "other" {
		t.Errorf("the course is %+v; want the new branch and secret", got.Course)
	}
	ended, err := s.Build(t.Context(), first.BuildIDs[12])
	if err != nil || ended.Status != course.StatusSuccess {
		t.Errorf("the build that ended meanwhile is %+v, %v; want SUCCESS under the same id", ended, err)
	}
	log, _, err := s.ReadLog(t.Context(), ended.ID, 0)
	if err != nil || len(log) != 1 || log[0].Text != "so far and to the end" {
		t.Errorf("its log is %+v, %v", log, err)
	}
	if later := request(t, s, "a", course.BuildRequest{}); later.ID <= got.BuildIDs[20] {
		t.Errorf("the next build has the id %d, not above those taken (%d)", later.ID, got.BuildIDs[20])
	}
}

func takeoverBothSides(t *testing.T, s store.Store) {
	t.Helper()
	in := foreignCourse()
	c := takeOver(t, s, in).Course
	c.GitBranch, c.GitOrigin, c.EmailOnError = "here", "https://git.example.org/here.git", false
	if _, err := s.UpdateCourse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	in.Course.GitBranch, in.Course.EmailOnError, in.Course.Key = "there", false, "renamed"
	for range 2 {
		got := takeOver(t, s, in)
		if diff := cmp.Diff([]string{"key", "git_branch"}, got.Conflicts); diff != "" || got.Changed != nil {
			t.Errorf("TakeOver = %+v; want conflicts of key and branch, told every time", got)
		}
		if got.Course.GitBranch != "here" || got.Course.GitOrigin != "https://git.example.org/here.git" || got.Course.Key != "a" {
			t.Errorf("the course is %+v; what was changed here must stay", got.Course)
		}
	}
	in.Course.Key, in.Course.GitBranch = "a", "here"
	if got := takeOver(t, s, in); got.Conflicts != nil || got.Changed != nil {
		t.Errorf("once both agree there is still %+v", got)
	}
}

func takeoverDryRun(t *testing.T, s store.Store) {
	t.Helper()
	in := foreignCourse()
	try := func(what string) course.TakeoverResult {
		got, err := s.TakeOver(t.Context(), in, true)
		if err != nil {
			t.Fatalf("dry run %s: %v", what, err)
		}
		return got
	}
	if got := try("of all"); !got.New || got.Builds != 3 {
		t.Errorf("the dry run tells %+v", got)
	}
	if _, err := s.Course(t.Context(), "a"); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("after a dry run the course gives %v; want ErrNotFound", err)
	}
	takeOver(t, s, in)
	in.Course.GitBranch = "next"
	if got := try("of a change"); len(got.Changed) != 1 {
		t.Errorf("the dry run tells %+v", got)
	}
	if c, err := s.Course(t.Context(), "a"); err != nil || c.GitBranch != "main" {
		t.Errorf("after it the branch is %q, %v", c.GitBranch, err)
	}
}

func takeoverTaken(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "b")
	id := int64(77)
	c.RemoteID = &id
	if _, err := s.UpdateCourse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	in := foreignCourse()
	in.Course.Key = "b"
	for _, dry := range []bool{true, false} {
		_, err := s.TakeOver(t.Context(), in, dry)
		var fields *course.FieldErrors
		if !errors.Is(err, course.ErrConflict) || !errors.As(err, &fields) || len(fields.Fields) != 2 {
			t.Errorf("TakeOver of a taken key and remote id: %v; want ErrConflict naming both", err)
		}
	}
	if list, err := s.ListBuilds(t.Context(), "b", course.Page{Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("the other course has %d builds now, %v", len(list), err)
	}
}

func takeoverDeleted(t *testing.T, s store.Store) {
	t.Helper()
	takeOver(t, s, foreignCourse())
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TakeOver(t.Context(), foreignCourse(), false); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("TakeOver of a course that is deleted here: %v; want ErrNotFound", err)
	}
	other := foreignCourse()
	other.Source = "another"
	if got := takeOver(t, s, other); !got.New {
		t.Errorf("the same id in another service is %+v; want a new course", got)
	}
}

// A build that cannot be taken leaves nothing of its course behind.
func takeoverHalf(t *testing.T, s store.Store) {
	t.Helper()
	in := foreignCourse()
	in.Builds[2].Status = course.StatusRunning
	if _, err := s.TakeOver(t.Context(), in, false); !errors.Is(err, course.ErrInvalid) {
		t.Fatalf("TakeOver of a running build: %v; want ErrInvalid", err)
	}
	if _, err := s.Course(t.Context(), "a"); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("the course gives %v; want ErrNotFound", err)
	}
	if got := takeOver(t, s, foreignCourse()); !got.New || got.Builds != 3 {
		t.Errorf("TakeOver afterwards = %+v; want everything", got)
	}
}

func takeoverPruned(t *testing.T, s store.Store) {
	t.Helper()
	c := takeOver(t, s, foreignCourse()).Course
	if n, err := s.PruneBuilds(t.Context(), c.ID, 1); err != nil || n != 2 {
		t.Fatalf("PruneBuilds = %d, %v; want 2", n, err)
	}
	if got := takeOver(t, s, foreignCourse()); got.Builds != 0 {
		t.Errorf("TakeOver = %+v; pruned builds came back", got)
	}
}
