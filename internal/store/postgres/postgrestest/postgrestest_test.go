package postgrestest_test

import (
	"path"
	"testing"

	"coursewright/internal/store/postgres/postgrestest"
)

func TestStopAndKill(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartOnDisk(t)
	name := s.Database(t)
	s.Exec(name, "CREATE TABLE kept (n int)")
	for i, end := range []func(){s.Stop, s.Kill} {
		s.Exec(name, "INSERT INTO kept VALUES (1)")
		end()
		s.Resume()
		if got, want := s.Exec(name, "SELECT count(*) FROM kept"), []string{"1", "2"}[i]; got != want {
			t.Errorf("after end %d %s rows are left; want %s", i, got, want)
		}
	}
	if name := path.Base(s.Program("psql")); name != "psql" {
		t.Errorf("Program names %s", name)
	}
}
