package temporaltest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"go.temporal.io/sdk/client"
)

// Database is a PostgreSQL server for a Temporal server.
type Database struct {
	Socket string // folder of its socket
	User   string // may make databases, and needs no password
}

// Server is a Temporal server as it is operated in production: not the
// development server, and with its state in PostgreSQL. Unlike that it begins
// without a namespace.
type Server struct {
	tb      testing.TB
	program string
	dir     string
	ports   []int // frontend's first
	db      Database
	cmd     *exec.Cmd // nil while it is stopped
	ended   chan error
}

// StartServer makes the databases for a Temporal server with Temporal's own tool
// and runs it, all services in one process, until the test ends. Its programs
// are in bin of the repository, where `make bin/temporal-server` builds them;
// without them the test is skipped, or fails when COURSEWRIGHT_REQUIRE names
// temporal-server.
func StartServer(tb testing.TB, db Database) *Server {
	tb.Helper()
	s := &Server{tb: tb, program: find(tb, "temporal-server", ""), dir: tb.TempDir(), db: db}
	tool := find(tb, "temporal-sql-tool", "")
	for _, store := range []struct{ database, schema string }{
		{"temporal", "postgresql/v12/temporal"}, {"temporal_visibility", "postgresql/v12/visibility"},
	} {
		s.sql(tool, store.database, "create-database")
		s.sql(tool, store.database, "setup-schema", "--version", "0.0")
		s.sql(tool, store.database, "update-schema", "--schema-name", store.schema)
	}
	tb.Cleanup(s.Stop)
	const tries = 3 // a port that was free may be taken a moment later
	for try := 1; ; try++ {
		s.configure()
		err := s.start()
		if err == nil {
			return s
		}
		if try == tries {
			tb.Fatal(err)
		}
	}
}

// Address is the frontend's gRPC address, host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports[0])) }

// Stop ends the server, as when its host is taken down.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.ended: //nolint:errcheck // asked to end, it may say that it was
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended //nolint:errcheck // killed is what it should be
	}
	s.cmd = nil
}

// PID is the process that runs.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the server with SIGKILL, as the death of its host would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended                //nolint:errcheck // killed is what it should be
	s.cmd = nil
}

// Resume starts the server again, at the same address.
func (s *Server) Resume() {
	s.tb.Helper()
	if err := s.start(); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) sql(tool, database string, args ...string) {
	s.tb.Helper()
	cmd := exec.CommandContext(s.tb.Context(), tool, append([]string{
		"--plugin", "postgres12_pgx", "--endpoint", "localhost", "--port", "5432", "--user", s.db.User, "--password", "none",
		"--connect-attributes", "host=" + s.db.Socket, "--database", database,
	}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.tb.Fatalf("temporal-sql-tool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// configure writes the server's configuration with ports that are free now.
func (s *Server) configure() {
	s.tb.Helper()
	const services = 4
	s.ports = FreePorts(s.tb, 2*services)
	facts := map[string]any{
		"Socket": s.db.Socket, "User": s.db.User, "Dynamic": filepath.Join(s.dir, "dynamic.yaml"),
		"Frontend": s.ports[0], "Ports": s.ports,
	}
	var text strings.Builder
	if err := template.Must(template.New("").Parse(configuration)).Execute(&text, facts); err != nil {
		s.tb.Fatal(err)
	}
	for name, text := range map[string]string{"config.yaml": text.String(), "dynamic.yaml": dynamic} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			s.tb.Fatal(err)
		}
	}
}

// FreePorts finds ports of 127.0.0.1 that are free now. They are below those that
// systems choose by themselves, so that a server may come back to its port after it
// was away; Temporal keeps them in PostgreSQL's smallint, which ends there too.
func FreePorts(tb testing.TB, n int) []int {
	tb.Helper()
	const first, last, tries = 10_000, 32_767, 1000
	var out []int
	for try := 0; len(out) < n; try++ {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // a test's port
		if err != nil {
			if try == tries {
				tb.Fatal(err)
			}
			continue
		}
		defer l.Close() //nolint:errcheck // holds the port until all are found
		out = append(out, port)
	}
	return out
}

func (s *Server) start() error {
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // the child has a descriptor of its own
	cmd := exec.CommandContext(context.WithoutCancel(s.tb.Context()), s.program,
		"--config-file", filepath.Join(s.dir, "config.yaml"), "--allow-no-auth", "start")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(s.ended)
	if err := s.awaitHealthy(); err != nil {
		s.Stop()
		text, readErr := os.ReadFile(out.Name())
		return errors.Join(fmt.Errorf("the Temporal server: %w\n%s", err, text[max(0, len(text)-4000):]), readErr)
	}
	return nil
}

func (s *Server) awaitHealthy() error {
	ctx, cancel := context.WithTimeout(s.tb.Context(), 2*time.Minute)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{HostPort: s.Address(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		try, done := context.WithTimeout(ctx, 2*time.Second)
		_, err := c.CheckHealth(try, &client.CheckHealthRequest{})
		done()
		if err == nil {
			return nil
		}
		select {
		case died := <-s.ended:
			s.ended <- died
			return fmt.Errorf("it ended: %w", died)
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
