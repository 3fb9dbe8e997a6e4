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
	"sync/atomic"
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

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for range 5 { // whether two meet is a matter of luck
		path := newPath(t)
		var group sync.WaitGroup
		var begun atomic.Int64
		for range 8 {
			group.Go(func() {
				from, to, err := sqlite.Migrate(t.Context(), path)
				if err != nil || to < 1 {
					t.Errorf("Migrate = %d, %d, %v", from, to, err)
				}
				if from == 0 {
					begun.Add(1)
				}
			})
		}
		group.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("%d of 8 migrations began with an empty file; want 1", n)
		}
		open(t, sqlite.Options{Path: path})
	}
}

// setVersion writes into the table of migrations.
func setVersion(t *testing.T, path string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", version)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		migrate bool
		want    string
	}{
		"no schema": {
			func(*testing.T, string) {}, false, "run the migrate command",
		},
		"not a database": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(strings.Repeat("a text, no database\n", 500)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, true, "not a SQLite database"},
		"newer schema": {func(t *testing.T, path string) {
			t.Helper()
			if _, _, err := sqlite.Migrate(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			setVersion(t, path, 999)
		}, true, "schema 999, newer than"},
		"a folder": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, true, "cannot be written by this user"},
		"damaged": {damage, false, "restore it from a backup"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			test.prepare(t, path)
			s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrate: test.migrate})
			if err == nil {
				_, err = s.ListCourses(t.Context(), course.Page{Limit: 1000})
				if closing := s.Close(); closing != nil {
					t.Errorf("Close: %v", closing)
				}
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v; want one with %q and the file's name", err, test.want)
			}
		})
	}
}

// damage makes a database whose later pages are overwritten.
func damage(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b", "c"} {
		c := course.New(key)
		c.GitOrigin = strings.Repeat("x", 10_000)
		if _, err := s.CreateCourse(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The first pages hold the schema, so that the damage shows on reading.
	at := strings.Index(string(data), "xxxx") / 4096 * 4096
	for i := at; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMissingFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "test.db")
	for name, call := range map[string]func() error{
		"Open": func() error {
			_, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrate: true})
			return err
		},
		"Migrate": func() error { _, _, err := sqlite.Migrate(t.Context(), path); return err },
	} {
		err := call()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "folder does not exist") {
			t.Errorf("%s = %v; want an error that names the path and the missing folder", name, err)
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sqlite.Options{
		"no path":    {Migrate: true},
		"small head": {Path: newPath(t), LogCaps: store.LogCaps{Head: 10, Tail: 1 << 20}, Migrate: true},
		"small tail": {Path: newPath(t), LogCaps: store.LogCaps{Head: 1 << 20, Tail: -1}, Migrate: true},
	} {
		if _, err := sqlite.Open(t.Context(), o); !errors.Is(err, course.ErrInvalid) {
			t.Errorf("%s: %v; want an error of kind invalid", name, err)
		}
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
