package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
)

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for range 5 { // whether two meet is a matter of luck
		path := newPath(t)
		var group sync.WaitGroup
		var begun atomic.Int64
		for range 8 {
			group.Go(func() {
				m, err := sqlite.Migrate(t.Context(), path)
				if err != nil || m.To < 1 {
					t.Errorf("Migrate = %+v, %v", m, err)
				}
				if m.From == 0 {
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
			if _, err := sqlite.Migrate(t.Context(), path); err != nil {
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
		"Migrate": func() error { _, err := sqlite.Migrate(t.Context(), path); return err },
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
