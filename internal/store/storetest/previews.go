package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func previewTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"wishes of a course":             previewWishes,
		"never skip builds of a course":  previewClaims,
		"are not the course's history":   previewHistory,
		"are pruned apart":               previewPruning,
		"are kept with their deliveries": previewDelivery,
	}
}

func preview(branch string) course.BuildRequest {
	return course.BuildRequest{Options: course.BuildOptions{PreviewBranch: branch}, Trigger: course.TriggerHook}
}

func previewWishes(t *testing.T, s store.Store) {
	t.Helper()
	c := course.New("a")
	c.GitBranch, c.ApproveRemovals, c.PreviewBranches = "main", true, true
	made, err := s.CreateCourse(t.Context(), c)
	if err != nil || !made.ApproveRemovals || !made.PreviewBranches {
		t.Fatalf("CreateCourse = %+v, %v", made, err)
	}
	for _, on := range [][2]bool{{false, true}, {true, false}} {
		made.ApproveRemovals, made.PreviewBranches = on[0], on[1]
		if made, err = s.UpdateCourse(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		got, err := s.Course(t.Context(), "a")
		if err != nil || got.ApproveRemovals != on[0] || got.PreviewBranches != on[1] {
			t.Errorf("Course = %+v, %v; want %v", got, err, on)
		}
	}
}

func previewClaims(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	draft := request(t, s, "a", preview("draft"))
	main := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	other := request(t, s, "a", preview("other"))
	again := request(t, s, "a", preview("draft"))
	rebuild := preview("draft")
	rebuild.Options.RebuildAll = true
	last := request(t, s, "a", rebuild)
	want := []int64{main.ID, last.ID, other.ID}
	for i, id := range want {
		b := claim(t, s, "a", "run")
		if b.ID != id {
			t.Fatalf("claim %d is build %d, want %d", i+1, b.ID, id)
		}
		if rebuilt := b.Options.RebuildAll; rebuilt != (id == last.ID) {
			t.Errorf("build %d rebuilds all: %t", id, rebuilt)
		}
		finish(t, s, b.ID, course.StatusSuccess, "")
	}
	claimNothing(t, s, "a", "run")
	for _, b := range []course.Build{draft, again} {
		got := load(t, s, b.ID)
		if got.Status != course.StatusSkipped || got.Reason != store.ReplacedReason(last.ID) {
			t.Errorf("build %d is %s: %s", b.ID, got.Status, got.Reason)
		}
	}
}

func previewHistory(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	success := ended(t, s, "a", course.StatusSuccess)
	failed := ended(t, s, "a", course.StatusFailed)
	b := request(t, s, "a", preview("draft"))
	claim(t, s, "a", "run")
	finish(t, s, b.ID, course.StatusSuccess, "")
	next := request(t, s, "a", preview("other"))

	latest, err := s.LatestBuilds(t.Context(), []int64{c.ID})
	if err != nil || latest[c.ID].ID != failed.ID {
		t.Errorf("LatestBuilds = %d, %v; want %d", latest[c.ID].ID, err, failed.ID)
	}
	history, err := s.EndedBuilds(t.Context(), c.ID, next.ID)
	if diff := cmp.Diff([]int64{failed.ID, success.ID}, buildIDs(history)); err != nil || diff != "" {
		t.Errorf("EndedBuilds: %v (-want +got):\n%s", err, diff)
	}
	list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
	if err != nil || len(list) != 4 || list[1].Options.PreviewBranch != "draft" {
		t.Errorf("ListBuilds = %v, %v", list, err)
	}
}

func previewPruning(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	var kept []int64
	for i := range 3 {
		b := ended(t, s, "a", course.StatusFailed)
		p := request(t, s, "a", preview("draft"))
		finish(t, s, p.ID, course.StatusCancelled, "")
		if i == 2 {
			kept = []int64{p.ID, b.ID}
		}
	}
	if n, err := s.PruneBuilds(t.Context(), c.ID, 1); n != 4 || err != nil {
		t.Errorf("PruneBuilds = %d, %v; want 4", n, err)
	}
	list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
	if diff := cmp.Diff(kept, buildIDs(list)); err != nil || diff != "" {
		t.Errorf("what is left: %v (-want +got):\n%s", err, diff)
	}
}

func previewDelivery(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	r := preview("draft")
	r.Delivery = &course.Delivery{Service: "github", Verdict: course.DeliveryAccepted, Options: r.Options}
	request(t, s, "a", r)
	list, err := s.ListDeliveries(t.Context(), "a", course.Page{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Options != r.Options {
		t.Errorf("ListDeliveries = %+v, %v", list, err)
	}
}
