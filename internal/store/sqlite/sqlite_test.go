package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return open(t, sqlite.Options{Path: newPath(t), LogCaps: storetest.Caps(), Migrate: true})
	})
}

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "test.db")
}

// open opens a store that ends with the test.
func open(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func newCourse(t testing.TB, s *sqlite.Store, key string) course.Course {
	t.Helper()
	c, err := s.CreateCourse(t.Context(), course.New(key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(t testing.TB, s *sqlite.Store, key string) course.Build {
	t.Helper()
	b, err := s.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerHook})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd name? #1 %41 & ü.db")
	first, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	newCourse(t, first, "a")
	b := request(t, first, "a")
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatalf("Close, twice: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; it holds secrets and is for its owner only", info.Mode(), err)
	}
	second := open(t, sqlite.Options{Path: path})
	if got, err := second.Build(t.Context(), b.ID); err != nil || got.CourseKey != "a" {
		t.Errorf("after reopening Build = %+v, %v", got, err)
	}
}

func TestOtherLogCaps(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var id int64
	for i, caps := range []store.LogCaps{{Head: 4 << 10, Tail: 4 << 10}, {Head: 1 << 10, Tail: 1 << 10}, {Head: 1 << 20, Tail: 8 << 10}} {
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, LogCaps: caps, Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			newCourse(t, s, "a")
			id = request(t, s, "a").ID
		}
		for range 100 {
			if err := s.AppendLog(t.Context(), id, strings.Repeat("x", 199)+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		chunks, next, err := s.ReadLog(t.Context(), id, 0)
		if want := int64(i+1) * 20_000; err != nil || next != want {
			t.Errorf("with caps %+v the log ends at %d, %v; want %d", caps, next, err, want)
		}
		if gaps := strings.Count(joined(chunks), "left out"); gaps != 1 {
			t.Errorf("with caps %+v the log has %d gaps; want one", caps, gaps)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLargeLog(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Options{Path: newPath(t), Migrate: true})
	newCourse(t, s, "a")
	id := request(t, s, "a").ID
	var output strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&output, "line %d\n", i)
	}
	if err := s.AppendLog(t.Context(), id, output.String()); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for offset := int64(0); ; {
		chunks, next, err := s.ReadLog(t.Context(), id, offset)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunks) == 0 {
			break
		}
		text := joined(chunks)
		if len(text) > 1<<20+64<<10 {
			t.Errorf("one call gave %d bytes; want about 1 MiB at most", len(text))
		}
		got.WriteString(text)
		offset = next
	}
	if got.String() != output.String() {
		t.Errorf("%d bytes were read; want the same %d that were written, which the default caps allow", got.Len(), output.Len())
	}
}

func joined(chunks []course.LogChunk) string {
	var b strings.Builder
	for _, c := range chunks {
		b.WriteString(c.Text)
	}
	return b.String()
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	// Two stores share nothing but the file, as two processes do.
	stores := []*sqlite.Store{open(t, sqlite.Options{Path: path, Migrate: true}), open(t, sqlite.Options{Path: path})}
	newCourse(t, stores[0], "a")
	const each = 100
	var group sync.WaitGroup
	for _, s := range stores {
		for range 2 {
			group.Go(func() {
				for range each {
					b, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{})
					if err == nil {
						err = s.AppendLog(t.Context(), b.ID, "line\n")
					}
					if err != nil {
						t.Errorf("a second writer: %v", err)
						return
					}
				}
			})
		}
	}
	group.Wait()
	list, err := stores[1].ListBuilds(t.Context(), "a", course.Page{Limit: 1000})
	if err != nil || len(list) != 4*each {
		t.Errorf("%d builds, %v; want %d", len(list), err, 4*each)
	}
}

func TestBusyFile(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, sqlite.Options{Path: path, Migrate: true, BusyTimeout: 20 * time.Millisecond})
	newCourse(t, s, "a")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exec := func(query string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec("BEGIN IMMEDIATE")
	_, err = s.RequestBuild(t.Context(), "a", course.BuildRequest{})
	if err == nil || !strings.Contains(err.Error(), "another process keeps the file locked") {
		t.Errorf("RequestBuild while another process writes on and on = %v", err)
	}
	if _, err := s.Course(t.Context(), "a"); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	exec("ROLLBACK")
	request(t, s, "a")
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	s := open(t, sqlite.Options{Path: newPath(t), Migrate: true})
	newCourse(t, s, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.RequestBuild(ctx, "a", course.BuildRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("RequestBuild = %v; want the context's error", err)
	}
	if _, err := s.Course(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Course = %v; want the context's error", err)
	}
	// Contexts that end at any moment leave the store in order.
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*10)*time.Microsecond)
				if _, err := s.RequestBuild(ctx, "a", course.BuildRequest{}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("RequestBuild: %v", err)
				}
				cancel()
			}
		})
	}
	group.Wait()
	request(t, s, "a")
}

// What another process writes is told as something unknown.
func TestChangesOfAnotherProcess(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	here, there := open(t, sqlite.Options{Path: path, Migrate: true}), open(t, sqlite.Options{Path: path, Readers: 1})
	newCourse(t, here, "a")
	b := request(t, here, "a")
	changes := there.Changes(t.Context(), b.ID)
	for range 3 {
		if err := here.AppendLog(t.Context(), b.ID, "text\n"); err != nil {
			t.Fatal(err)
		}
		if c := <-changes; c != (course.Change{Kind: course.ChangeUnknown}) {
			t.Errorf("told of %+v; want something unknown", c)
		}
		if _, _, err := there.ReadLog(t.Context(), b.ID, 0); err != nil {
			t.Error(err)
		}
	}
}
