package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/store/storetest"
)

// BenchmarkStore is comparable with the one of the same name in package
// postgres.
func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store {
		b.Helper()
		return open(b, sqlite.Options{Path: newPath(b), Migrate: true})
	})
}

// logText is one kilobyte of output.
var logText = strings.Repeat("a line of a build's output, as they are\n", 25)

// benchStore is a store with courses that have 20 builds each.
func benchStore(b *testing.B, courses int) *sqlite.Store {
	b.Helper()
	s := open(b, sqlite.Options{Path: newPath(b), Migrate: true})
	for i := range courses {
		key := fmt.Sprintf("course-%d", i)
		newCourse(b, s, key)
		for range 20 {
			build := request(b, s, key)
			if err := s.StartStep(b.Context(), build.ID, "build"); err != nil {
				b.Fatal(err)
			}
			if _, err := s.FinishBuild(b.Context(), build.ID, course.BuildResult{Status: course.StatusSuccess}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return s
}

func BenchmarkRequestBuild(b *testing.B) {
	measureRequests(b, benchStore(b, 1))
}

// BenchmarkRequestBuildWhileLogging measures requests beside four builds that
// write as much log as they can.
func BenchmarkRequestBuildWhileLogging(b *testing.B) {
	s := benchStore(b, 1)
	ctx, cancel := context.WithCancel(b.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for range 4 {
		build := request(b, s, "course-0")
		group.Go(func() {
			for ctx.Err() == nil {
				if err := s.AppendLog(ctx, build.ID, logText); err != nil && ctx.Err() == nil {
					b.Error(err)
				}
			}
		})
	}
	measureRequests(b, s)
}

func measureRequests(b *testing.B, s *sqlite.Store) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		request(b, s, "course-0")
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkRequestBuildParallel(b *testing.B) {
	s := benchStore(b, 1)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			request(b, s, "course-0")
		}
	})
}

func BenchmarkClaimBuild(b *testing.B) {
	s := benchStore(b, 1)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		build := request(b, s, "course-0")
		b.StartTimer()
		if _, ok, err := s.ClaimBuild(b.Context(), "course-0", "run", nil); !ok || err != nil {
			b.Fatal(ok, err)
		}
		b.StopTimer()
		if _, err := s.FinishBuild(b.Context(), build.ID, course.BuildResult{Status: course.StatusSuccess}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkFinishBuild(b *testing.B) {
	s := benchStore(b, 1)
	for b.Loop() {
		b.StopTimer()
		build := request(b, s, "course-0")
		b.StartTimer()
		if ended, err := s.FinishBuild(b.Context(), build.ID, course.BuildResult{Status: course.StatusSuccess}); !ended || err != nil {
			b.Fatal(ended, err)
		}
	}
}

func BenchmarkAppendLog(b *testing.B) {
	s := benchStore(b, 1)
	build := request(b, s, "course-0")
	for b.Loop() {
		if err := s.AppendLog(b.Context(), build.ID, logText); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	s := benchStore(b, 1)
	build := request(b, s, "course-0")
	for b.Loop() {
		if err := s.StartStep(b.Context(), build.ID, "build"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkListBuilds(b *testing.B) {
	s := benchStore(b, 10)
	for b.Loop() {
		if list, err := s.ListBuilds(b.Context(), "course-3", course.Page{Limit: 20}); len(list) != 20 || err != nil {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkLatestBuilds(b *testing.B) {
	s := benchStore(b, 50)
	ids := make([]int64, 50)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	for b.Loop() {
		if got, err := s.LatestBuilds(b.Context(), ids); len(got) != 50 || err != nil {
			b.Fatal(len(got), err)
		}
	}
}
