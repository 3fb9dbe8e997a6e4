package sqlite_test

import (
	"testing"

	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/store/storetest"
)

func TestKill(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	storetest.Kill(t, open(t, sqlite.Options{Path: path, Migrate: true}), path)
}

// TestKilledChild is the process that TestKill kills.
func TestKilledChild(t *testing.T) {
	storetest.KilledChild(t, func(path string) store.Store { return open(t, sqlite.Options{Path: path}) })
}
