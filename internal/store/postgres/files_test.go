package postgres_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/store/sqlite"
)

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	for range 3 { // whether two meet is a matter of luck
		o := postgres.Options{URL: server.Address(server.Database(t))}
		plan, err := postgres.PlanMigration(t.Context(), o)
		if err != nil || plan.From != 0 || plan.To < 1 || len(plan.Steps) != int(plan.To) {
			t.Errorf("PlanMigration of an empty database = %+v, %v", plan, err)
		}
		var group sync.WaitGroup
		var begun atomic.Int64
		for range 8 {
			group.Go(func() {
				m, err := postgres.Migrate(t.Context(), o)
				if err != nil || m.To != plan.To {
					t.Errorf("Migrate = %+v, %v", m, err)
				}
				if m.From == 0 {
					begun.Add(1)
				}
			})
		}
		group.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("%d of 8 migrations began with an empty database; want 1", n)
		}
		plan, err = postgres.PlanMigration(t.Context(), o)
		if err != nil || plan.From != plan.To || len(plan.Steps) != 0 {
			t.Errorf("PlanMigration of a present database = %+v, %v", plan, err)
		}
		s := open(t, o)
		newCourse(t, s, "a")
		request(t, s, "a")
	}
}

// A plan changes nothing, and opening without Migrate neither.
func TestEmptyDatabaseStaysEmpty(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	name := server.Database(t)
	o := postgres.Options{URL: server.Address(name)}
	if _, err := postgres.PlanMigration(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), o); err == nil {
		t.Error("Open of an empty database succeeds without Migrate")
	}
	if got := server.Exec(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
		t.Errorf("there are %s tables; want none", got)
	}
}

func TestUnusableDatabases(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	newer := server.Database(t)
	if _, err := postgres.Migrate(t.Context(), postgres.Options{URL: server.Address(newer)}); err != nil {
		t.Fatal(err)
	}
	server.Exec(newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)")
	server.Exec("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
	server.Exec("postgres", "CREATE ROLE stranger LOGIN")
	tests := map[string]struct {
		url     string
		migrate bool
		want    string
	}{
		"no schema":       {server.Address(server.Database(t)), false, "run the migrate command"},
		"newer schema":    {server.Address(newer), true, "schema 999, newer than"},
		"wrong encoding":  {server.Address("latin"), true, "encoding LATIN1"},
		"no database":     {server.Address("none"), true, "the database does not exist"},
		"no such user":    {server.Address(newer, "user=nobody"), true, "refuses the user"},
		"no privilege":    {server.Address(server.Database(t), "user=stranger"), true, "lacks a privilege"},
		"nobody listens":  {"postgres://u:s3cret@127.0.0.1:1/d", true, "d at 127.0.0.1:1"},
		"no such socket":  {"postgres:///d?host=/nowhere&password=s3cret", true, "d at /nowhere"},
		"no TLS there":    {server.Address(newer, "host=127.0.0.1", "port=1", "sslmode=verify-full", "password=s3cret"), true, "127.0.0.1:1"},
		"no address":      {"postgres://u:s3cret@h:port/d", true, "address of the database"},
		"odd TLS mode":    {"postgres://u:s3cret@h/d?sslmode=perhaps", true, "sslmode"},
		"no certificates": {"postgres://u@h/d?password=s3cret&sslmode=verify-full&sslrootcert=/nowhere", true, "/nowhere"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := postgres.Open(t.Context(), postgres.Options{URL: test.url, Migrate: test.migrate})
			if err == nil {
				err = s.Close()
				t.Fatalf("Open succeeds; Close = %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q; want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q tells the password", err)
			}
		})
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]postgres.Options{
		"small head": {URL: "postgres:///d", LogCaps: store.LogCaps{Head: 10, Tail: 1 << 20}},
		"no URL":     {URL: "postgres://%"},
	} {
		if _, err := postgres.Open(t.Context(), o); !errors.Is(err, course.ErrInvalid) {
			t.Errorf("%s: %v; want an error of kind invalid", name, err)
		}
	}
}

// Versions of both databases mean the same: the schemas grow side by side.
func TestMigrationsAreNumberedAlike(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	ours, err := postgres.PlanMigration(t.Context(), postgres.Options{URL: server.Address(server.Database(t))})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := sqlite.PlanMigration(t.Context(), filepath.Join(t.TempDir(), "none.db"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("migrations (-sqlite +postgres):\n%s", diff)
	}
}
