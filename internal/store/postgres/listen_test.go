package postgres_test

import (
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// await reads changes until one is as wanted; often is done every while until
// then.
func await(t *testing.T, changes <-chan course.Change, want func(course.Change) bool, often func()) {
	t.Helper()
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case c := <-changes:
			if want(c) {
				return
			}
		case <-tick.C:
			often()
		case <-end.C:
			t.Fatal("no such change within half a minute")
		}
	}
}

// What one process writes another is told, also after its connection broke.
func TestChangesOfAnotherProcess(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	name := server.Database(t)
	here := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	there := open(t, postgres.Options{URL: server.Address(name)})
	newCourse(t, here, "a")
	b := request(t, here, "a")
	changes := there.Changes(t.Context(), b.ID)
	write := func() {
		if err := here.AppendLog(t.Context(), b.ID, "text\n"); err != nil {
			t.Error(err)
		}
	}
	isLog := func(c course.Change) bool { return c.Kind == course.ChangeLog && c.BuildID == b.ID }
	await(t, changes, isLog, write)
	server.Exec(name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
	await(t, changes, func(c course.Change) bool { return c.Kind == course.ChangeUnknown }, func() {})
	await(t, changes, isLog, write)
}
