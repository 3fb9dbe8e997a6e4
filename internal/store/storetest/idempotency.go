package storetest

import (
	"sync"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func idempotencyTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"the same again":  idempotentAgain,
		"something else":  idempotentOther,
		"other courses":   idempotentCourses,
		"forgotten":       idempotentForgotten,
		"pruned":          idempotentPruned,
		"at once":         idempotentRace,
		"course is gone":  idempotentGone,
		"without the key": idempotentWithout,
	}
}

func keyed(key string, keep time.Duration) course.BuildRequest {
	return course.BuildRequest{
		Options: course.BuildOptions{SkipGit: true, BuildCommand: "make"}, Trigger: course.TriggerAPI,
		Idempotency: &course.Idempotency{Key: key, Keep: keep},
	}
}

func idempotentAgain(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for name, key := range oddTexts() {
		if name == "long" {
			continue // callers of the API may not
		}
		first := request(t, s, "a", keyed(key, time.Hour))
		finish(t, s, first.ID, course.StatusSuccess, "")
		again := request(t, s, "a", keyed(key, time.Hour))
		if again.ID != first.ID || again.Status != course.StatusSuccess {
			t.Errorf("%s: asked again it is build %d (%s); want build %d as it is now", name, again.ID, again.Status, first.ID)
		}
	}
}

func idempotentOther(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	first := request(t, s, "a", keyed("k", time.Hour))
	other := keyed("k", time.Hour)
	other.Options.RebuildAll = true
	_, err := s.RequestBuild(t.Context(), "a", other)
	wantKind(t, "RequestBuild by the key of another request", err, course.ErrReused)
	// What a build inherits from those that it replaces is not what it was asked for by.
	request(t, s, "a", course.BuildRequest{Options: course.BuildOptions{RebuildAll: true}})
	claim(t, s, "a", "run")
	if again := request(t, s, "a", keyed("k", time.Hour)); again.ID != first.ID {
		t.Errorf("asked again it is build %d; want %d", again.ID, first.ID)
	}
}

func idempotentCourses(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	a, b := request(t, s, "a", keyed("k", time.Hour)), request(t, s, "b", keyed("k", time.Hour))
	if a.ID == b.ID || b.CourseKey != "b" {
		t.Errorf("the same key of another course gives build %d of %s", b.ID, b.CourseKey)
	}
}

func idempotentForgotten(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	first := request(t, s, "a", keyed("k", -time.Second)) // kept until a second ago
	other := keyed("k", time.Hour)
	other.Options.RebuildAll = true
	if next := request(t, s, "a", other); next.ID == first.ID {
		t.Error("a key that is not kept any more gives the old build")
	}
}

func idempotentPruned(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	first := request(t, s, "a", keyed("k", time.Hour))
	finish(t, s, first.ID, course.StatusCancelled, "")
	if _, err := s.PruneBuilds(t.Context(), c.ID, 0); err != nil {
		t.Fatal(err)
	}
	if next := request(t, s, "a", keyed("k", time.Hour)); next.ID == first.ID || next.Status != course.StatusPending {
		t.Errorf("the key of a pruned build gives %+v; want a new build", next)
	}
}

func idempotentRace(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	const callers = 8
	ids := make([]int64, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			b, err := s.RequestBuild(t.Context(), "a", keyed("k", time.Hour))
			if err != nil {
				t.Errorf("RequestBuild: %v", err)
			}
			ids[i] = b.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("callers at once got the builds %v; want one", ids)
		}
	}
	if list, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: callers}); err != nil || len(list) != 1 {
		t.Errorf("%d builds were recorded, %v; want 1", len(list), err)
	}
}

func idempotentGone(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	first := request(t, s, "a", keyed("k", time.Hour))
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, err := s.RequestBuild(t.Context(), "a", keyed("k", time.Hour))
	wantKind(t, "RequestBuild of a removed course", err, course.ErrNotFound)
	newCourse(t, s, "a")
	if next := request(t, s, "a", keyed("k", time.Hour)); next.ID == first.ID {
		t.Error("a new course has the builds of a removed one")
	}
}

func idempotentWithout(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	r := keyed("", time.Hour)
	r.Idempotency = nil
	if first, second := request(t, s, "a", r), request(t, s, "a", r); first.ID == second.ID {
		t.Error("two requests without a key give one build")
	}
}
