package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func listTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"pages of builds": buildPages,
		"latest builds":   latestBuilds,
		"open builds":     openBuilds,
		"a running build": runningBuild,
		"ended builds":    endedBuilds,
		"prune":           pruneBuilds,
		"prune many":      pruneMany,
	}
}

func wantBuilding(t *testing.T, s store.Store, key string, want bool) {
	t.Helper()
	if got, err := s.Building(t.Context(), key); err != nil || got != want {
		t.Errorf("Building(%s) = %v, %v; want %v", key, got, err, want)
	}
}

func wantIDs(t *testing.T, what string, list []course.Build, err error, want ...int64) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(append([]int64{}, want...), buildIDs(list)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func buildPages(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	var want []int64
	for range 5 {
		b := request(t, s, "a", course.BuildRequest{})
		ended(t, s, "b", course.StatusSuccess)
		for _, step := range []string{"checkout", "build"} {
			if err := s.StartStep(t.Context(), b.ID, step); err != nil {
				t.Fatal(err)
			}
		}
		want = append([]int64{b.ID}, want...)
	}
	var got []course.Build
	page := course.Page{Limit: 2}
	for calls := 0; ; calls++ {
		list, err := s.ListBuilds(t.Context(), "a", page)
		if err != nil || len(list) > 2 || calls > 5 {
			t.Fatalf("call %d gave %d builds, %v; want at most 2, and an end", calls, len(list), err)
		}
		if len(list) == 0 {
			break
		}
		got = append(got, list...)
		page.Before = list[len(list)-1].ID
	}
	wantIDs(t, "builds of course a, newest first", got, nil, want...)
	for _, b := range got {
		if diff := cmp.Diff(load(t, s, b.ID), b); diff != "" {
			t.Errorf("a listed build is as a loaded one, with steps (-loaded +listed):\n%s", diff)
		}
		if len(b.Steps) != 2 {
			t.Errorf("build %d has %d steps; want 2", b.ID, len(b.Steps))
		}
	}
	newCourse(t, s, "empty")
	list, err := s.ListBuilds(t.Context(), "empty", course.Page{Limit: 5})
	wantIDs(t, "builds of a new course", list, err)
}

func latestBuilds(t *testing.T, s store.Store) {
	t.Helper()
	a, b, none, skipped := newCourse(t, s, "a"), newCourse(t, s, "b"), newCourse(t, s, "none"), newCourse(t, s, "skipped")
	ended(t, s, "a", course.StatusSuccess)
	lastA := ended(t, s, "a", course.StatusFailed)
	ended(t, s, "a", course.StatusSkipped)
	ended(t, s, "skipped", course.StatusSkipped)
	lastB := request(t, s, "b", course.BuildRequest{})
	got, err := s.LatestBuilds(t.Context(), []int64{a.ID, b.ID, none.ID, skipped.ID, 1 << 40, a.ID})
	want := map[int64]course.Build{a.ID: lastA, b.ID: lastB}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("LatestBuilds: %v (-want +got):\n%s", err, diff)
	}
	for _, ids := range [][]int64{nil, {}, {none.ID}} {
		if got, err := s.LatestBuilds(t.Context(), ids); err != nil || len(got) != 0 {
			t.Errorf("LatestBuilds(%v) = %v, %v; want nothing", ids, got, err)
		}
	}
}

func openBuilds(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	ended(t, s, "a", course.StatusSuccess)
	request(t, s, "a", course.BuildRequest{})
	running := claim(t, s, "a", "run-1")
	pending := request(t, s, "b", course.BuildRequest{})
	later := request(t, s, "a", course.BuildRequest{})
	list, err := s.OpenBuilds(t.Context(), 10)
	wantIDs(t, "open builds, oldest first", list, err, running.ID, pending.ID, later.ID)
	list, err = s.OpenBuilds(t.Context(), 2)
	wantIDs(t, "two open builds", list, err, running.ID, pending.ID)
	if len(list) > 0 {
		if diff := cmp.Diff(running, list[0]); diff != "" {
			t.Errorf("open build (-want +got):\n%s", diff)
		}
	}
}

func runningBuild(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	wantBuilding(t, s, "none", false)
	request(t, s, "a", course.BuildRequest{})
	wantBuilding(t, s, "a", false)
	b, ok, err := s.ClaimBuild(t.Context(), "a", "run", nil)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	wantBuilding(t, s, "a", true)
	wantBuilding(t, s, "b", false)
	if _, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusFailed}); err != nil {
		t.Fatal(err)
	}
	wantBuilding(t, s, "a", false)
}

func endedBuilds(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	newCourse(t, s, "b")
	ended(t, s, "a", course.StatusFailed)
	older := ended(t, s, "a", course.StatusSuccess)
	newer := ended(t, s, "a", course.StatusSuccess)
	ended(t, s, "a", course.StatusSkipped)
	ended(t, s, "b", course.StatusSuccess)
	failed := ended(t, s, "a", course.StatusFailed)
	request(t, s, "a", course.BuildRequest{})
	cancelled := claim(t, s, "a", "run-of-cancelled")
	finish(t, s, cancelled.ID, course.StatusCancelled, "while it ran")
	waiting := request(t, s, "a", course.BuildRequest{})
	finish(t, s, waiting.ID, course.StatusCancelled, "before it started")
	last := ended(t, s, "a", course.StatusFailed)
	now := request(t, s, "a", course.BuildRequest{})
	for name, test := range map[string]struct {
		before int64
		want   []int64
	}{
		"of the present build":       {now.ID, []int64{last.ID, cancelled.ID, failed.ID, newer.ID}},
		"of the last":                {last.ID, []int64{cancelled.ID, failed.ID, newer.ID}},
		"of the newer success":       {newer.ID, []int64{older.ID}},
		"without a success":          {older.ID, []int64{older.ID - 1}},
		"of the first":               {older.ID - 1, nil},
		"of all, after the last one": {1 << 40, []int64{last.ID, cancelled.ID, failed.ID, newer.ID}},
	} {
		list, err := s.EndedBuilds(t.Context(), c.ID, test.before)
		wantIDs(t, "ended builds before that "+name, list, err, test.want...)
	}
}

func pruneBuilds(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	newCourse(t, s, "b")
	other := ended(t, s, "b", course.StatusSuccess)
	gone := ended(t, s, "a", course.StatusSuccess)
	if err := s.AppendLog(t.Context(), gone.ID, "text\n"); err != nil {
		t.Fatal(err)
	}
	request(t, s, "a", course.BuildRequest{})
	running := claim(t, s, "a", "run-1")
	pending := request(t, s, "a", course.BuildRequest{})
	skipped := ended2(t, s, "a", course.StatusSkipped)
	kept := ended2(t, s, "a", course.StatusFailed)
	list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
	wantIDs(t, "before", list, err, kept.ID, skipped.ID, pending.ID, running.ID, gone.ID)
	for _, step := range []struct {
		keep, gone int
		left       []int64
	}{
		{10, 0, []int64{kept.ID, skipped.ID, pending.ID, running.ID, gone.ID}},
		{2, 1, []int64{kept.ID, skipped.ID, pending.ID, running.ID}},
		{1, 1, []int64{kept.ID, pending.ID, running.ID}},
		{0, 1, []int64{pending.ID, running.ID}},
	} {
		n, err := s.PruneBuilds(t.Context(), c.ID, step.keep)
		if n != step.gone || err != nil {
			t.Errorf("PruneBuilds(keep %d) = %d, %v; want %d", step.keep, n, err, step.gone)
		}
		list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
		wantIDs(t, "what is left", list, err, step.left...)
	}
	_, _, err = s.ReadLog(t.Context(), gone.ID, 0)
	wantKind(t, "ReadLog of a pruned build", err, course.ErrNotFound)
	if got := load(t, s, other.ID); got.Status != course.StatusSuccess {
		t.Errorf("the other course's build is %s", got.Status)
	}
}

// ended2 makes a final build without claiming one.
func ended2(t *testing.T, s store.Store, key string, status course.Status) course.Build {
	t.Helper()
	b := request(t, s, key, course.BuildRequest{})
	finish(t, s, b.ID, status, "")
	return b
}

func pruneMany(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	for range 45 {
		ended2(t, s, "a", course.StatusFailed)
	}
	if n, err := s.PruneBuilds(t.Context(), c.ID, 5); n != 40 || err != nil {
		t.Errorf("PruneBuilds = %d, %v; want 40", n, err)
	}
	list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 50})
	if err != nil || len(list) != 5 {
		t.Errorf("%d builds are left, %v; want 5", len(list), err)
	}
}
