// Package temporaltest gives tests a real Temporal: the development server, or
// the server of production on PostgreSQL. It is for tests only. Start at Start
// and StartServer.
package temporaltest

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/temporaldev"
)

// CLI finds the Temporal program: the one that COURSEWRIGHT_TEST_TEMPORAL_CLI
// names, else bin/temporal of the repository, else the one on PATH. Without one
// the test is skipped, or fails when COURSEWRIGHT_REQUIRE names temporal.
func CLI(tb testing.TB) string {
	tb.Helper()
	return find(tb, "temporal", os.Getenv("COURSEWRIGHT_TEST_TEMPORAL_CLI"))
}

// find finds a program of Temporal's: the given one, else in bin of the
// repository, else on PATH.
func find(tb testing.TB, name, given string) string {
	tb.Helper()
	candidates := []string{given}
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, "bin", name))
		}
	}
	for _, c := range append(candidates, name) {
		if path, err := exec.LookPath(c); c != "" && err == nil {
			return path
		}
	}
	missing := fmt.Sprintf("Temporal's program %[1]s is missing: `make bin/%[1]s` builds it", name)
	word := name
	if name == "temporal-sql-tool" {
		word = "temporal-server" // they come together
	}
	if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), word) {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

// Start runs a server with a fresh database until the test ends.
func Start(tb testing.TB) *temporaldev.Server {
	tb.Helper()
	return StartIn(tb, tb.TempDir())
}

// StartIn runs a server whose database is kept in dir, with more dynamic
// configuration (KEY=VALUE) when given.
func StartIn(tb testing.TB, dir string, dynamic ...string) *temporaldev.Server {
	tb.Helper()
	s, err := temporaldev.Start(tb.Context(), temporaldev.Config{
		CLI:      CLI(tb),
		DataFile: filepath.Join(dir, "temporal.db"),
		UIPort:   -1,
		AnyPort:  true,
		Dynamic:  dynamic,
		Output:   io.Discard,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
