package postgres_test

import (
	"testing"

	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/store/storetest"
)

// BenchmarkStore waits for the disk as production does; compare it with the one
// of the same name in package sqlite.
func BenchmarkStore(b *testing.B) {
	server := postgrestest.StartOnDisk(b)
	storetest.Bench(b, func(b *testing.B) store.Store {
		b.Helper()
		return open(b, postgres.Options{URL: server.Address(server.Database(b)), Migrate: true, MaxConns: 16})
	})
}
