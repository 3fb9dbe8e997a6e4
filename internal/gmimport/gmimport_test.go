package gmimport_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/gmimport"
	"coursewright/internal/gmimport/gmimporttest"
	"coursewright/internal/store/postgres/postgrestest"
)

// addresses are those of an empty database of each kind.
func addresses() map[string]func(t *testing.T) string {
	return map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "db.sqlite3") },
		"postgres": func(t *testing.T) string {
			t.Helper()
			server := postgrestest.Start(t)
			return server.Address(server.Database(t))
		},
	}
}

func open(t *testing.T, from string) *gmimport.Source {
	t.Helper()
	s, err := gmimport.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestReadsBothDatabases(t *testing.T) {
	t.Parallel()
	for name, address := range addresses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := address(t)
			d := gmimporttest.New(t, from)
			d.Course(3, "def-101", 77, "s3cret")
			d.Course(9, "Odd_KEY-", nil, nil)
			d.Exec("UPDATE builder_course SET email_on_error = false, skip_build_failsafes = true WHERE id = 9")
			d.Update(12, 3, "SUCCESS", "2024-02-29 12:00:00.123456+00:00", "2024-02-29 14:01:00+02:00", strings.Repeat("många\n", 200_000))
			d.Update(11, 3, "RUNNING", "2024-01-01 00:00:00+00:00", nil, nil)
			s := open(t, from)

			courses, err := s.Courses(t.Context())
			id := int64(77)
			origin := "git@git.example.org:courses/one.git"
			want := []gmimport.Course{
				{ID: 3, Key: "def-101", RemoteID: &id, GitOrigin: origin, GitBranch: "master", EmailOnError: true, UpdateAutomatically: true, WebhookSecret: "s3cret"},
				{ID: 9, Key: "Odd_KEY-", GitOrigin: origin, GitBranch: "master", UpdateAutomatically: true, SkipBuildFailsafes: true},
			}
			if diff := cmp.Diff(want, courses); diff != "" || err != nil {
				t.Errorf("courses differ (%v, -want +got):\n%s", err, diff)
			}
			updates, err := s.Updates(t.Context(), 3)
			wanted := []gmimport.Update{
				{ID: 11, CommitHash: "ABCDEF0123456789abcdef0123456789abcdef01", RequestIP: "192.0.2.7", Status: "RUNNING", RequestTime: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)},
				{
					ID: 12, CommitHash: "ABCDEF0123456789abcdef0123456789abcdef01", RequestIP: "192.0.2.7", Status: "SUCCESS",
					RequestTime: time.Date(2024, 2, 29, 12, 0, 0, 123456000, time.UTC), UpdatedTime: time.Date(2024, 2, 29, 12, 1, 0, 0, time.UTC),
					Log: strings.Repeat("många\n", 200_000),
				},
			}
			if diff := cmp.Diff(wanted, updates); diff != "" || err != nil {
				t.Errorf("updates differ (%v, -want +got):\n%.2000s", err, diff)
			}
		})
	}
}

// SQLite keeps what it is given, and gitmanager logs what programs print.
func TestOddValuesOfSQLite(t *testing.T) {
	t.Parallel()
	from := filepath.Join(t.TempDir(), "db.sqlite3")
	d := gmimporttest.New(t, from)
	d.Course(1, "a", nil, "x")
	d.Exec("INSERT INTO builder_courseupdate (id, course_id, status, request_time, log, request_ip) VALUES (1, 1, 'FAILED', '2024-01-01 00:00:00', CAST(x'61ff00' AS TEXT), '')")
	updates, err := open(t, "sqlite://"+from).Updates(t.Context(), 1)
	if err != nil || len(updates) != 1 || updates[0].Log != "a\xff\x00" {
		t.Errorf("Updates = %+v, %v; want the log's very bytes", updates, err)
	}
	d.Update(2, 1, "FAILED", "yesterday", nil, nil)
	if _, err := open(t, from).Updates(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "update 2") {
		t.Errorf("a time that is none gives %v; want an error naming the update", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, other, old := filepath.Join(dir, "text"), filepath.Join(dir, "other"), filepath.Join(dir, "old")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, query := range map[string]string{other: "CREATE TABLE x (y)", old: "CREATE TABLE builder_course (id, key); CREATE TABLE builder_courseupdate (id)"} {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[string]string{
		"": "SQLite file or postgres://", "mysql://x/y": "SQLite file or postgres://", dir: "is not a file",
		filepath.Join(dir, "missing"): "no such file", text: "not a database", other: "not gitmanager's database", old: "has no column",
	} {
		if s, err := gmimport.Open(t.Context(), from); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) gives %v; want an error with %q", from, err, want)
			if err == nil {
				t.Error(s.Close())
			}
		}
	}
}

func TestFindRelease(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, ok, err := gmimport.FindRelease(root, "a"); ok || err != nil {
		t.Errorf("an empty folder gives %v, %v", ok, err)
	}
	if err := os.Mkdir(filepath.Join(root, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	first, ok, err := gmimport.FindRelease(root, "a")
	again, _, _ := gmimport.FindRelease(root, "a")
	if !ok || err != nil || len(first.Version) != 30 || first != again {
		t.Errorf("a course without a version gives %+v, then %+v, %v; want one made-up version", first, again, err)
	}
	version := strings.Repeat("Ab1", 10)
	for name, text := range map[string]string{"a.version": version, "a.defaults.json": `{"ex": {"url": "u"}}`} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, ok, err := gmimport.FindRelease(root, "a")
	if !ok || err != nil || got.Version != version {
		t.Errorf("FindRelease = %+v, %v; want version %s", got, err, version)
	}
	if defaults, err := got.Defaults(); err != nil || string(defaults["ex"]) != `{"url": "u"}` {
		t.Errorf("Defaults = %v, %v", defaults, err)
	}
}
