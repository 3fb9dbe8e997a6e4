package temporaldev_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

// A port is its server's until that is closed, even while nobody listens there: the
// child may be on its way, or be started again.
func TestAPortIsHeldWhileTheChildIsAway(t *testing.T) {
	t.Parallel()
	cfg := config(t, t.TempDir())
	s := start(t, cfg)
	child := childWith(t, cfg.DataFile)
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	other := config(t, t.TempDir())
	_, port, err := net.SplitHostPort(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	if other.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	if _, err := temporaldev.Start(t.Context(), other); err == nil || !strings.Contains(err.Error(), "another server has it") {
		t.Errorf("another server takes the port: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, other)
	if err := s.Close(); err != nil {
		t.Error(err)
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

// A server that is there and answers nobody is started again, with what it had.
func TestAServerThatHangsIsStartedAgain(t *testing.T) {
	t.Parallel()
	cfg := config(t, t.TempDir())
	cfg.Patience = 4 * time.Second
	s := start(t, cfg)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	startWorkflow(t, s, "kept")
	c := dial(t, s)
	if err := syscall.Kill(childWith(t, cfg.DataFile), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		try, done := context.WithTimeout(ctx, time.Second)
		_, err := c.DescribeWorkflowExecution(try, "kept", "")
		done()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the server does not answer again: %v", err)
		}
	}
}

// childWith finds the process with a file among its arguments.
func childWith(t *testing.T, file string) int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "\x00"+file+"\x00") {
			continue // it may have ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatal("no process has " + file)
	return 0
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
