package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func raceTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"requests and claims":    raceRequestsAndClaims,
		"claims of one build":    raceClaims,
		"results of one build":   raceResults,
		"courses with one key":   raceCourses,
		"request against delete": raceDelete,
		"appends to one log":     raceAppends,
		"a step begun by many":   raceSteps,
	}
}

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			fn(i)
		})
	}
	close(begin)
	group.Wait()
}

func raceRequestsAndClaims(t *testing.T, s store.Store) {
	t.Helper()
	const requesters, each, courses = 4, 25, 2
	keys := []string{"a", "b"}
	for _, key := range keys {
		newCourse(t, s, key)
	}
	var mu sync.Mutex
	requested, claimed := map[int64]bool{}, map[int64]bool{}
	var waiting atomic.Int64
	waiting.Store(requesters * courses)
	together((requesters+1)*courses, func(i int) {
		key, role := keys[i%courses], i/courses
		if role == 0 { // one workflow run per course at a time
			for run := 0; !t.Failed(); run++ {
				over := waiting.Load() == 0
				b, ok, err := s.ClaimBuild(t.Context(), key, fmt.Sprintf("run-%s-%d", key, run), nil)
				if err != nil {
					t.Errorf("ClaimBuild: %v", err)
				}
				if !ok {
					if over {
						return
					}
					continue
				}
				mu.Lock()
				if claimed[b.ID] {
					t.Errorf("build %d was claimed twice", b.ID)
				}
				claimed[b.ID] = true
				mu.Unlock()
				if ended, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess}); !ended || err != nil {
					t.Errorf("FinishBuild(%d) = %v, %v", b.ID, ended, err)
				}
			}
			return
		}
		defer waiting.Add(-1)
		for range each {
			b, err := s.RequestBuild(t.Context(), key, course.BuildRequest{})
			if err != nil {
				t.Errorf("RequestBuild: %v", err)
				return
			}
			mu.Lock()
			if requested[b.ID] {
				t.Errorf("id %d was given twice", b.ID)
			}
			requested[b.ID] = true
			mu.Unlock()
		}
	})
	checkHistory(t, s, keys, requested, claimed)
}

// checkHistory wants every requested build to be there once, claimed ones as
// SUCCESS and the others as SKIPPED in favour of a later one.
func checkHistory(t *testing.T, s store.Store, keys []string, requested, claimed map[int64]bool) {
	t.Helper()
	found := map[int64]bool{}
	for _, key := range keys {
		list, err := s.ListBuilds(t.Context(), key, course.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var taken int64 // the nearest later build that was claimed
		for _, b := range list {
			found[b.ID] = true
			want, reason := course.StatusSkipped, store.ReplacedReason(taken)
			if claimed[b.ID] {
				want, reason, taken = course.StatusSuccess, "", b.ID
			}
			if b.Status != want || b.Reason != reason {
				t.Errorf("build %d is %s, %q; want %s, %q", b.ID, b.Status, b.Reason, want, reason)
			}
		}
	}
	if diff := cmp.Diff(requested, found); diff != "" {
		t.Errorf("builds (-requested +found):\n%s", diff)
	}
}

func raceClaims(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for range 10 {
		request(t, s, "a", course.BuildRequest{})
	}
	var won atomic.Int64
	together(8, func(i int) {
		_, ok, err := s.ClaimBuild(t.Context(), "a", fmt.Sprintf("run-%d", i), nil)
		if err != nil {
			t.Errorf("ClaimBuild: %v", err)
		}
		if ok {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d runs got the one build; want 1", won.Load())
	}
	request(t, s, "a", course.BuildRequest{})
	var ids sync.Map
	together(8, func(int) {
		b, ok, err := s.ClaimBuild(t.Context(), "a", "the same run", nil)
		if err != nil || !ok {
			t.Errorf("ClaimBuild = %v, %v", ok, err)
		}
		ids.Store(b.ID, true)
	})
	var n int
	ids.Range(func(any, any) bool { n++; return true })
	list, err := s.OpenBuilds(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Status != course.StatusRunning || n != 1 {
		t.Errorf("one run that claims 8 times at once got %d builds, open are %v, %v; want one RUNNING", n, list, err)
	}
}

func raceResults(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for range 5 {
		b := request(t, s, "a", course.BuildRequest{})
		var winners sync.Map
		together(8, func(i int) {
			reason := fmt.Sprintf("number %d", i)
			ended, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusFailed, Reason: reason})
			if err != nil {
				t.Errorf("FinishBuild: %v", err)
			}
			if ended {
				winners.Store(reason, true)
			}
		})
		got := load(t, s, b.ID)
		var n int
		winners.Range(func(any, any) bool { n++; return true })
		if _, ok := winners.Load(got.Reason); n != 1 || !ok {
			t.Errorf("%d callers ended the build, its reason is %q; want one, and its reason", n, got.Reason)
		}
	}
}

func raceCourses(t *testing.T, s store.Store) {
	t.Helper()
	var created atomic.Int64
	together(8, func(i int) {
		_, err := s.CreateCourse(t.Context(), fullCourse("same", int64(i)))
		if err == nil {
			created.Add(1)
			return
		}
		wantTaken(t, "CreateCourse", err, "key")
	})
	if created.Load() != 1 {
		t.Errorf("%d courses with one key were made; want 1", created.Load())
	}
}

func raceDelete(t *testing.T, s store.Store) {
	t.Helper()
	for round := range 5 {
		key := fmt.Sprintf("a%d", round)
		newCourse(t, s, key)
		var requested, deleted atomic.Int64
		together(6, func(i int) {
			if i == 0 {
				if err := s.DeleteCourse(t.Context(), key); err != nil {
					t.Errorf("DeleteCourse: %v", err)
				} else {
					deleted.Add(1)
				}
				return
			}
			if _, err := s.RequestBuild(t.Context(), key, course.BuildRequest{}); err == nil {
				requested.Add(1)
			} else {
				wantKind(t, "RequestBuild", err, course.ErrNotFound)
			}
		})
		list, err := s.OpenBuilds(t.Context(), 10)
		if err != nil || len(list) != 0 || deleted.Load() != 1 {
			t.Errorf("after the delete %d builds are left, %v (%d were requested); want none", len(list), err, requested.Load())
		}
	}
}

func raceAppends(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	together(8, func(i int) {
		for n := range 10 {
			if err := s.AppendLog(t.Context(), id, fmt.Sprintf("%d %d\n", i, n)); err != nil {
				t.Errorf("AppendLog: %v", err)
			}
		}
	})
	text := joined(t, wholeLog(t, s, id), 0)
	next := make([]int, 8)
	for len(text) > 0 {
		var i, n int
		if _, err := fmt.Sscanf(text, "%d %d\n", &i, &n); err != nil || next[i] != n {
			t.Fatalf("log goes on with %.20q, %v; want %v next", text, err, next)
		}
		next[i]++
		text = text[4:]
	}
	if diff := cmp.Diff([]int{10, 10, 10, 10, 10, 10, 10, 10}, next); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func raceSteps(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	together(8, func(int) {
		if err := s.StartStep(t.Context(), id, "build"); err != nil {
			t.Errorf("StartStep: %v", err)
		}
	})
	wantSteps(t, load(t, s, id).Steps, []course.Step{{Name: "build"}})
}
