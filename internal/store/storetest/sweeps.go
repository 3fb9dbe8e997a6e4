package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func sweepTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"one turn at a time": sweepTurns,
		"the latest is told": sweepTold,
		"closings in pages":  closingPages,
	}
}

// sweepTurns has many take the turn at once: one gets it, and the next only once
// it was long enough ago.
func sweepTurns(t *testing.T, s store.Store) {
	t.Helper()
	take := func(every time.Duration) int64 {
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				ok, err := s.BeginSweep(t.Context(), fmt.Sprint("process ", i), every)
				if err != nil {
					t.Errorf("BeginSweep: %v", err)
				}
				if ok {
					won.Add(1)
				}
			})
		}
		all.Wait()
		return won.Load()
	}
	if n := take(time.Hour); n != 1 {
		t.Errorf("%d of 8 have the first turn", n)
	}
	if n := take(time.Hour); n != 0 {
		t.Errorf("%d of 8 have another turn within the hour", n)
	}
	if ok, err := s.BeginSweep(t.Context(), "late", 0); err != nil || !ok {
		t.Errorf("a turn that is due: %v, %v", ok, err)
	}
}

func sweepTold(t *testing.T, s store.Store) {
	t.Helper()
	_, err := s.LastSweep(t.Context())
	wantKind(t, "LastSweep before the first", err, course.ErrNotFound)
	if _, err := s.BeginSweep(t.Context(), "a", time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = s.LastSweep(t.Context())
	wantKind(t, "LastSweep during the first", err, course.ErrNotFound)
	begin := time.Now()
	for _, want := range []course.Sweep{
		{By: "a", Took: 3 * time.Millisecond, Running: 1, Pending: 2, Closed: 3, Signalled: 4, Courses: []string{"x", "y"}, Trouble: "Temporal's"},
		{By: "b"},
	} {
		if err := s.RecordSweep(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := s.LastSweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkTime(t, "EndedAt", got.EndedAt, begin)
		want.EndedAt = got.EndedAt
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sweep (-want +got):\n%s", diff)
		}
	}
}

func closingPages(t *testing.T, s store.Store) {
	t.Helper()
	begin := time.Now()
	for i := range int64(3) {
		c := course.Closing{Course: "a", BuildID: i, Reason: "reason " + fmt.Sprint(i)}
		if err := s.RecordClosing(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	page := course.Page{Limit: 2}
	for _, want := range [][]int64{{2, 1}, {0}, nil} {
		list, err := s.ListClosings(t.Context(), page)
		if err != nil || len(list) != len(want) {
			t.Fatalf("closings before %d: %+v, %v", page.Before, list, err)
		}
		for i, c := range list {
			checkTime(t, "At", c.At, begin)
			if c.BuildID != want[i] || c.Course != "a" || c.Reason != fmt.Sprint("reason ", want[i]) {
				t.Errorf("closing %d is %+v, want build %d", i, c, want[i])
			}
			page.Before = c.ID
		}
	}
}
