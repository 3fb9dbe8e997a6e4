package postgres_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/store/sqlite"
)

// commands gives the command blocks of a section of docs/backup.md.
func commands(t *testing.T, section string, want int) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "backup.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var out []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		out = append(out, block[1])
	}
	if len(out) != want {
		t.Fatalf("section %s has %d blocks of commands; want %d", section, len(out), want)
	}
	return out
}

// shell runs commands of the page.
func shell(t *testing.T, script string, environ ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// contents is what a store of the test holds.
type contents struct {
	Courses []course.Course
	Builds  []course.Build
	Log     []course.LogChunk
}

func fill(t *testing.T, s store.Store) contents {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a")
	if err := s.AppendLog(t.Context(), b.ID, "käynnissä 🚀\n"); err != nil {
		t.Fatal(err)
	}
	request(t, s, "a")
	return read(t, s)
}

func read(t *testing.T, s store.Store) contents {
	t.Helper()
	courses, err := s.ListCourses(t.Context(), course.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	builds, err := s.ListBuilds(t.Context(), "a", course.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	log, _, err := s.ReadLog(t.Context(), builds[len(builds)-1].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	return contents{courses, builds, log}
}

// checkRestored wants a restored store to hold the same and to go on, with
// numbers above those that were given since the backup.
func checkRestored(t *testing.T, s store.Store, want contents) {
	t.Helper()
	if diff := cmp.Diff(want, read(t, s)); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if b := request(t, s, "a"); b.ID < want.Builds[0].ID+100_000 {
		t.Errorf("the next build has id %d; want one far above %d", b.ID, want.Builds[0].ID)
	}
}

func TestBackupOfPostgreSQL(t *testing.T) {
	t.Parallel()
	blocks := commands(t, "PostgreSQL", 3)
	server := postgrestest.Start(t)
	name := server.Database(t)
	want := fill(t, open(t, postgres.Options{URL: server.Address(name), Migrate: true}))
	environ := []string{
		"PATH=" + filepath.Dir(server.Program("pg_dump")) + ":" + os.Getenv("PATH"),
		"BACKUP=" + filepath.Join(t.TempDir(), "backup"),
		"DATABASE_URL=" + server.Address(name),
		"ADMIN_URL=" + server.Address("postgres"),
		"NEW_NAME=restored",
		"NEW_DATABASE_URL=" + server.Address("restored"),
	}
	for _, block := range blocks {
		shell(t, block, environ...)
	}
	checkRestored(t, open(t, postgres.Options{URL: server.Address("restored")}), want)
}

func TestBackupOfSQLite(t *testing.T) {
	t.Parallel()
	blocks := commands(t, "SQLite", 3)
	if _, err := exec.LookPath("sqlite3"); err != nil {
		const missing = "the program sqlite3 is missing: install Debian's package sqlite3"
		if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), "sqlite3") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	want := fill(t, s)
	environ := []string{
		"DATABASE=" + path, "BACKUP=" + filepath.Join(dir, "backup.db"), "NEW_DATABASE=" + filepath.Join(dir, "new.db"),
	}
	for _, block := range blocks {
		shell(t, block, environ...)
	}
	restored, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "new.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := restored.Close(); err != nil {
			t.Error(err)
		}
	}()
	checkRestored(t, restored, want)
}
