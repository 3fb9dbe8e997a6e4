// Package postgrestest runs real PostgreSQL servers for tests. It is for tests
// only and knows nothing of the store's schema. Start at Start.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// superuser is the database user that owns everything.
const superuser = "coursewright"

// Server is a PostgreSQL server of a test's own. It listens on a socket in its
// folder, so that it never meets another.
type Server struct {
	tb        testing.TB
	dir       string // holds the data, the socket and the log
	bin       string // folder of PostgreSQL's programs
	attr      *syscall.SysProcAttr
	settings  []string
	port      string    // also the end of the socket's name
	cmd       *exec.Cmd // nil while it is stopped
	ended     chan error
	databases atomic.Int64
}

// Find gives the folder of PostgreSQL's programs: where initdb on PATH is, else
// Debian's, the newest version first. Without one the test is skipped, or fails
// when COURSEWRIGHT_REQUIRE names postgres.
func Find(tb testing.TB) string {
	tb.Helper()
	bin, err := find()
	if err != nil {
		tb.Fatal(err)
	}
	if bin != "" {
		return bin
	}
	const missing = "PostgreSQL's programs are missing: install Debian's package postgresql, or put initdb on PATH"
	if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), "postgres") {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

// Here says whether Find would not skip, for tests that do with another database.
func Here() bool {
	bin, err := find()
	return err != nil || bin != "" || slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), "postgres")
}

// find gives the folder of PostgreSQL's programs, empty where there is none.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is no number
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	return "", nil
}

// Start runs a server until the test ends, in memory where that can be: what
// it writes outlives Stop and Kill, but is not what a disk would do.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	folder := "/dev/shm"
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		folder = ""
	}
	return start(tb, folder, append([]string{"fsync=off"}, settings...))
}

// StartOnDisk is Start for a server that waits for the disk as in production.
func StartOnDisk(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	return start(tb, "", append([]string{"fsync=on"}, settings...))
}

func start(tb testing.TB, folder string, settings []string) *Server {
	tb.Helper()
	s := &Server{tb: tb, bin: Find(tb), port: "5432", attr: &syscall.SysProcAttr{Setpgid: true}}
	var err error
	s.dir, err = os.MkdirTemp(folder, "cw-pg-") //nolint:usetesting // other users may not enter its folders, and a socket's path has to be short
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.stop(syscall.SIGQUIT), os.RemoveAll(s.dir)); err != nil {
			tb.Errorf("end of PostgreSQL: %v", err)
		}
	})
	s.leaveRoot()
	s.settings = append([]string{
		"listen_addresses=", "unix_socket_directories=" + s.dir, "max_connections=200",
		"log_min_messages=warning", "timezone=Europe/Helsinki",
	}, settings...)
	s.run("initdb", "--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8", "--locale=C",
		"--username="+superuser, "--pgdata="+s.data())
	s.Resume()
	return s
}

// leaveRoot lets the server run as another user when the tests run as root,
// which PostgreSQL refuses.
func (s *Server) leaveRoot() {
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(s.dir, int(uid), int(gid))); err != nil {
		s.tb.Fatal(err)
	}
	s.attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is one of PostgreSQL's programs. It outlives the test's context,
// which ends before the test's cleanup.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(s.tb.Context()), s.Program(name), args...)
	cmd.Dir = s.dir // the present one may be closed to the other user
	return cmd
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(name string, args ...string) {
	s.tb.Helper()
	cmd := s.command(name, args...)
	cmd.SysProcAttr = s.attr
	if out, err := cmd.CombinedOutput(); err != nil {
		s.tb.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// Resume starts the server again after Stop or Kill and returns when it
// answers.
func (s *Server) Resume() {
	s.tb.Helper()
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the child has a descriptor of its own
	args := []string{"-D", s.data()}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := s.command("postgres", args...)
	attr := *s.attr
	attr.Pdeathsig = syscall.SIGQUIT
	cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = &attr, out, out
	if err := cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.cmd, s.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(s.ended)
	s.awaitReady()
}

// awaitReady asks until the server answers: its own program for that waits too
// long between two tries.
func (s *Server) awaitReady() {
	s.tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		cmd := s.command("pg_isready", "--quiet", "--host="+s.dir, "--port="+s.port)
		if cmd.Run() == nil {
			return
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			s.tb.Fatalf("PostgreSQL does not start: %v\n%s", err, s.Log())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			s.tb.Fatalf("PostgreSQL does not answer within a minute\n%s", s.Log())
		}
	}
}

// Log gives what the server has logged.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends the server as an administrator does who does not wait for clients:
// their connections are closed, what is committed is on disk.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.stop(syscall.SIGINT); err != nil {
		s.tb.Fatalf("stop PostgreSQL: %v\n%s", err, s.Log())
	}
}

// Kill ends all processes of the server with SIGKILL, as the death of the
// machine would.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.cmd == nil {
		s.tb.Fatal("PostgreSQL is stopped already")
	}
	// Stopped first, the main process cannot clean up after the others.
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	children := s.children() // nobody can name them once it is dead
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
	_ = s.cmd.Process.Kill()
	<-s.ended //nolint:errcheck // killed is what it should be
	s.cmd = nil
	// The next server refuses to start while one of them has the memory.
	for _, pid := range children {
		for alive(strconv.Itoa(pid)) {
			<-time.After(time.Millisecond)
		}
	}
}

// Freeze stops all processes of the server until Thaw: it takes connections, and
// answers nothing.
func (s *Server) Freeze() {
	s.tb.Helper()
	// First, so that it starts no more of them.
	s.signal(s.cmd.Process.Pid, syscall.SIGSTOP)
	for _, pid := range s.children() {
		s.signal(pid, syscall.SIGSTOP)
	}
}

// Thaw ends Freeze.
func (s *Server) Thaw() {
	s.tb.Helper()
	for _, pid := range append(s.children(), s.cmd.Process.Pid) {
		s.signal(pid, syscall.SIGCONT)
	}
}

func (s *Server) signal(pid int, sig syscall.Signal) {
	s.tb.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.tb.Errorf("PostgreSQL, process %d: %v", pid, err)
	}
}

// children are the ids of the server's other processes.
func (s *Server) children() (pids []int) {
	s.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", s.cmd.Process.Pid))
	if err != nil {
		s.tb.Error(err)
	}
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// alive says whether a process runs; one that nobody has waited for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func (s *Server) stop(how syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	cmd := s.cmd
	s.cmd = nil
	if err := cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(time.Minute):
		return errors.Join(errors.New("it does not end within a minute"), cmd.Process.Kill())
	}
}

// Database makes an empty database that is gone when the test ends, and gives
// its name.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.Exec("postgres", "CREATE DATABASE "+name+" TEMPLATE template0")
	tb.Cleanup(func() {
		if s.cmd != nil { // else it goes with the server
			s.Exec("postgres", "DROP DATABASE "+name+" WITH (FORCE)")
		}
	})
	return name
}

// Address is the address of a database. parameters, such as
// "application_name=x", are added to it.
func (s *Server) Address(name string, parameters ...string) string {
	q := url.Values{"host": {s.dir}, "port": {s.port}, "user": {superuser}}
	for _, p := range parameters {
		key, value, _ := strings.Cut(p, "=")
		q.Set(key, value)
	}
	return "postgres:///" + name + "?" + q.Encode()
}

// Socket is the folder of the server's socket.
func (s *Server) Socket() string { return s.dir }

// Program gives the path of one of PostgreSQL's programs.
func (s *Server) Program(name string) string { return filepath.Join(s.bin, name) }

// Exec runs SQL in a database with psql and gives what it prints: rows on
// lines, columns with | between them.
func (s *Server) Exec(database, sql string) string {
	s.tb.Helper()
	cmd := s.command("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
		"--set=ON_ERROR_STOP=1", "--dbname="+s.Address(database), "--command="+sql)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.tb.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}
