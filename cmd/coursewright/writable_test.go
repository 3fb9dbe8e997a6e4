package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// A folder that can be written to is told from one that cannot, nothing is left in
// it, and what a killed process has left goes.
func TestWritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	locks := filepath.Join(dir, ".locks")
	must(t, os.Mkdir(locks, 0o755))
	must(t, os.WriteFile(filepath.Join(locks, ".health-123"), []byte("x"), 0o600))
	must(t, os.WriteFile(filepath.Join(locks, "course"), nil, 0o600))
	y := &system{log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	look := y.writable(dir)
	must(t, look(t.Context()))
	left, err := os.ReadDir(locks)
	must(t, err)
	if len(left) != 1 || left[0].Name() != "course" {
		t.Errorf("%v is left; want the lock of a course alone", left)
	}
	must(t, os.RemoveAll(locks))
	if look(t.Context()) == nil {
		t.Error("a folder that is gone can be written to")
	}
}
