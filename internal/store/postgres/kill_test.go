package postgres_test

import (
	"testing"

	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/store/storetest"
)

func TestKill(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	address := server.Address(server.Database(t))
	storetest.Kill(t, open(t, postgres.Options{URL: address, Migrate: true}), address)
}

// TestKilledChild is the process that TestKill kills.
func TestKilledChild(t *testing.T) {
	storetest.KilledChild(t, func(address string) store.Store { return open(t, postgres.Options{URL: address}) })
}
