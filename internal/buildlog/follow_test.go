package buildlog_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
)

// growing is a log that grows; it counts how often it is asked.
type growing struct {
	mu    sync.Mutex
	log   string
	build course.Build
	reads int
}

func (g *growing) ReadLog(_ context.Context, _, offset int64) ([]course.LogChunk, int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reads++
	if offset >= int64(len(g.log)) {
		return nil, offset, nil
	}
	end := min(offset+10, int64(len(g.log))) // an answer need not give all
	return []course.LogChunk{{Offset: offset, Text: g.log[offset:end]}}, end, nil
}

func (g *growing) Build(_ context.Context, id int64) (course.Build, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id != 7 {
		return course.Build{}, course.ErrNotFound
	}
	return g.build, nil
}

func (g *growing) asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reads
}

func (g *growing) add(text string, status course.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log += text
	g.build.Status = status
}

func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := &growing{log: "skipped;one;", build: course.Build{Status: course.StatusPending}}
		var mu sync.Mutex
		var got strings.Builder
		result := make(chan error, 1)
		go func() {
			result <- buildlog.Follow(t.Context(), src, 7, int64(len("skipped;")), func(c course.LogChunk) error {
				mu.Lock()
				defer mu.Unlock()
				got.WriteString(c.Text)
				return nil
			})
		}()
		synctest.Wait()
		check := func(when, want string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		check("at once", "one;")
		src.add("two;", course.StatusRunning)
		time.Sleep(60 * time.Millisecond)
		check("soon after", "one;two;")
		time.Sleep(time.Minute)
		asked := src.asked()
		time.Sleep(10 * time.Second)
		if n := src.asked() - asked; n < 15 || n > 25 {
			t.Errorf("a silent log was read %d times in 10 s; want about 20", n)
		}
		src.add("three;a longer end of the log", course.StatusFailed)
		if err := <-result; err != nil {
			t.Errorf("Follow = %v; want nil at the end of the build", err)
		}
		check("at the end", "one;two;three;a longer end of the log")
	})
}

func TestFollowEndsEarly(t *testing.T) {
	t.Parallel()
	gone := errors.New("the client is gone")
	tests := map[string]struct {
		id   int64
		send func(course.LogChunk) error
		want error
	}{
		"unknown build": {8, func(course.LogChunk) error { return nil }, course.ErrNotFound},
		"send":          {7, func(course.LogChunk) error { return gone }, gone},
		"context":       {7, func(course.LogChunk) error { return nil }, context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				src := &growing{log: "text", build: course.Build{Status: course.StatusRunning}}
				if err := buildlog.Follow(ctx, src, test.id, 0, test.send); !errors.Is(err, test.want) {
					t.Errorf("Follow = %v; want %v", err, test.want)
				}
			})
		})
	}
}
