package temporaldev_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

func TestStateIsKeptOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := config(t, dir)
	s := start(t, first)
	startWorkflow(t, s, "kept")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = start(t, first)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := dial(t, s)
	if _, err := c.DescribeWorkflowExecution(t.Context(), "kept", ""); err != nil {
		t.Fatalf("the workflow is gone after a restart: %v", err)
	}
}

func TestATakenPortIsAClearError(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // holds a port, nothing more
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, t.TempDir())
	if cfg.Port, err = strconv.Atoi(text); err != nil {
		t.Fatal(err)
	}
	if _, err := temporaldev.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "choose another") {
		t.Fatalf("got %v, want an error that says to choose another port", err)
	}
}

func TestAServerThatCannotStartIsAClearError(t *testing.T) {
	t.Parallel()
	cfg := config(t, t.TempDir())
	cfg.DataFile = filepath.Join(t.TempDir(), "missing", "folder", "temporal.db")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := temporaldev.Start(ctx, cfg); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Fatalf("got %v, want an error that says it did not start", err)
	}
}

func config(t *testing.T, dir string) temporaldev.Config {
	t.Helper()
	return temporaldev.Config{
		CLI:      temporaltest.CLI(t),
		DataFile: filepath.Join(dir, "temporal.db"),
		UIPort:   -1,
		AnyPort:  true,
		Output:   io.Discard,
		Logger:   slog.New(slog.DiscardHandler),
	}
}

func start(t *testing.T, cfg temporaldev.Config) *temporaldev.Server {
	t.Helper()
	s, err := temporaldev.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dial(t *testing.T, s *temporaldev.Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Address(), Namespace: temporaldev.Namespace, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func startWorkflow(t *testing.T, s *temporaldev.Server, id string) {
	t.Helper()
	_, err := dial(t, s).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "none"}, "any")
	if err != nil {
		t.Fatal(err)
	}
}
