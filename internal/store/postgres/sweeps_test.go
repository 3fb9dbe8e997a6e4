package postgres_test

import (
	"testing"
	"time"

	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// Whoever waited while another took the turn does not take it for one that lies
// ahead, as after the clock was set back.
func TestATurnThatWasTakenMeanwhile(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	if ok, err := s.BeginSweep(t.Context(), "first", time.Hour); err != nil || !ok {
		t.Fatalf("the first turn: %v, %v", ok, err)
	}
	tx, exec := outsider(t, server.Address(name))
	if err := exec("SELECT id FROM sweeps FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	begun := make(chan bool, 1)
	go func() {
		ok, err := s.BeginSweep(t.Context(), "late", time.Hour)
		if err != nil {
			t.Error(err)
		}
		begun <- ok
	}()
	awaitLock(server, name)
	if err := exec("UPDATE sweeps SET begun_at = clock_timestamp()"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if <-begun {
		t.Error("two have the turn at once")
	}
}
