package sqlite_test

import (
	"path/filepath"
	"testing"

	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return open(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "test.db"), LogCaps: storetest.Caps(), Migrate: true})
	})
}

// open opens a store that ends with the test.
func open(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
