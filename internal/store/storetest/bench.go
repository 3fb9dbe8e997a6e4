package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// Bench measures what a build and a push need of a store, alone and sixteen at
// a time. open opens an empty store for each measurement.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	b.Helper()
	text := strings.Repeat("a line of a build's output, as they are\n", 25)
	var runs atomic.Int64
	for _, m := range []struct {
		name string
		call func(b *testing.B, s store.Store, key string, id int64)
	}{
		{"request", func(b *testing.B, s store.Store, key string, _ int64) {
			b.Helper()
			_, err := s.RequestBuild(b.Context(), key, course.BuildRequest{})
			benchCheck(b, err)
		}},
		{"request, claim and finish", func(b *testing.B, s store.Store, key string, _ int64) {
			b.Helper()
			_, err := s.RequestBuild(b.Context(), key, course.BuildRequest{})
			benchCheck(b, err)
			got, ok, err := s.ClaimBuild(b.Context(), key, fmt.Sprint(runs.Add(1)), nil)
			benchCheck(b, err)
			if ok { // else another of the course took it
				_, err = s.FinishBuild(b.Context(), got.ID, course.BuildResult{Status: course.StatusSuccess})
				benchCheck(b, err)
			}
		}},
		{"append 1 KiB", func(b *testing.B, s store.Store, _ string, id int64) {
			b.Helper()
			benchCheck(b, s.AppendLog(b.Context(), id, text))
		}},
		{"hold and release", func(b *testing.B, s store.Store, key string, _ int64) {
			b.Helper()
			_, err := s.HoldCourse(b.Context(), key, "host", "")
			benchCheck(b, err)
			benchCheck(b, s.ReleaseCourse(b.Context(), key, "host"))
		}},
		{"read a build", func(b *testing.B, s store.Store, _ string, id int64) {
			b.Helper()
			_, err := s.Build(b.Context(), id)
			benchCheck(b, err)
		}},
	} {
		b.Run(m.name, func(b *testing.B) { benchAlone(b, open(b), m.call) })
		b.Run(m.name+", 16 courses", func(b *testing.B) { benchMany(b, open(b), m.call) })
	}
}

func benchCheck(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Error(err)
	}
}

// benchCourse makes a course with a build.
func benchCourse(b *testing.B, s store.Store, key string) int64 {
	b.Helper()
	_, err := s.CreateCourse(b.Context(), course.New(key))
	benchCheck(b, err)
	build, err := s.RequestBuild(b.Context(), key, course.BuildRequest{})
	benchCheck(b, err)
	return build.ID
}

func benchAlone(b *testing.B, s store.Store, call func(b *testing.B, s store.Store, key string, id int64)) {
	b.Helper()
	id := benchCourse(b, s, "a")
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		call(b, s, "a", id)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func benchMany(b *testing.B, s store.Store, call func(b *testing.B, s store.Store, key string, id int64)) {
	b.Helper()
	const courses = 16
	ids := make([]int64, courses)
	for i := range ids {
		ids[i] = benchCourse(b, s, fmt.Sprint("c", i))
	}
	var next atomic.Int64
	b.SetParallelism(courses)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(next.Add(1)) % courses
		for pb.Next() {
			call(b, s, fmt.Sprint("c", i), ids[i])
		}
	})
}
