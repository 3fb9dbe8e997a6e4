package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// cut is where a proxy breaks a connection.
type cut int32

const (
	cutNothing      cut = iota
	cutBeforeCommit     // the server never sees COMMIT
	cutAnswer           // the server commits, and its answer is lost
)

// proxy stands between a store and a server, and breaks the next connection
// that commits.
type proxy struct {
	dir    string // of its socket
	server string // socket of the server
	next   atomic.Int32
	cuts   atomic.Int32 // connections that were broken
	// meanwhile, when set, is done before the client sees that its connection is broken.
	meanwhile func()
	busy      sync.Mutex // with it, and with the farewell
	// farewell is what a client hears whose COMMIT the server never sees.
	farewell pgproto3.ErrorResponse
}

const socketName = ".s.PGSQL.5432"

func newProxy(t *testing.T, server *postgrestest.Server) *proxy {
	t.Helper()
	p := &proxy{dir: t.TempDir(), server: filepath.Join(server.Socket(), socketName)}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "unix", filepath.Join(p.dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // it may be cut already
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	var answers sync.WaitGroup
	var muted atomic.Bool
	answers.Go(func() {
		defer client.Close() //nolint:errcheck // it may be cut already
		defer p.await()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || muted.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	defer answers.Wait()
	defer server.Close() //nolint:errcheck // it may be cut already
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		how := cutNothing
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			how = cut(p.next.Swap(int32(cutNothing)))
		}
		muted.Store(how != cutNothing)
		if how != cutNothing {
			p.cuts.Add(1)
			p.interrupt(client, how)
		}
		if how == cutBeforeCommit {
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if how == cutAnswer {
			answers.Wait() // the server has answered: it has committed
			return
		}
	}
}

// interrupt does what is to be done before the client sees that its connection is
// broken, and tells it why if there is something to tell.
func (p *proxy) interrupt(client net.Conn, how cut) {
	p.busy.Lock()
	defer p.busy.Unlock()
	if p.meanwhile != nil {
		p.meanwhile()
	}
	if how != cutBeforeCommit || p.farewell.Code == "" {
		return
	}
	if text, err := p.farewell.Encode(nil); err == nil {
		_, _ = client.Write(text) // it may be gone
	}
}

// await returns when nothing is done meanwhile.
func (p *proxy) await() {
	p.busy.Lock()
	defer p.busy.Unlock()
}

// Wherever the connection breaks, a call that succeeds has happened once.
func TestBrokenCommits(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	for name, how := range map[string]cut{"before COMMIT": cutBeforeCommit, "before its answer": cutAnswer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, server)
			s := open(t, postgres.Options{URL: server.Address(server.Database(t), "host="+p.dir), Migrate: true})
			want := int32(0)
			breaking := func(what string, err error) {
				t.Helper()
				if want++; err != nil || p.cuts.Load() != want {
					t.Fatalf("%s: %v; %d connections were broken, want %d", what, err, p.cuts.Load(), want)
				}
				p.next.Store(int32(how))
			}
			p.next.Store(int32(how))
			writeBroken(t, s, breaking)
		})
	}
}

// A server that crashes forgets transactions whose records were not on its disk yet,
// and gives their numbers to others: that one of them is committed says nothing, and
// nothing is tried again, whatever the client was told at the end.
func TestANumberOfATransactionIsGivenAgain(t *testing.T) {
	t.Parallel()
	for name, farewell := range map[string]pgproto3.ErrorResponse{
		"silently":       {},
		"with a message": {Severity: "FATAL", Code: "57P01", Message: "terminating connection due to unexpected postmaster exit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashAtCommit(t, farewell)
		})
	}
}

func crashAtCommit(t *testing.T, farewell pgproto3.ErrorResponse) {
	t.Helper()
	server := postgrestest.StartOnDisk(t)
	name := server.Database(t)
	p := newProxy(t, server)
	s := open(t, postgres.Options{URL: server.Address(name, "host="+p.dir), Migrate: true})
	newCourse(t, s, "a")
	b := request(t, s, "a")
	stopWriters(t, server, name)
	p.farewell = farewell
	p.meanwhile = func() {
		server.Kill()
		server.Resume()
		server.Exec(name, "DO $$ BEGIN FOR i IN 1..20 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
	}
	p.next.Store(int32(cutBeforeCommit))
	ended, err := s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess})
	if !errors.Is(err, course.ErrUncertain) || !strings.Contains(err.Error(), "has crashed") || ended {
		t.Errorf("FinishBuild = %v, %v; want that nobody knows", ended, err)
	}
	ended, err = s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess})
	if err != nil || !ended {
		t.Errorf("FinishBuild again = %v, %v; want that it ends the build", ended, err)
	}
}

// writeBroken takes a build through its life; before each call the next COMMIT
// has been set to break.
func writeBroken(t *testing.T, s *postgres.Store, breaking func(what string, err error)) {
	t.Helper()
	ctx := t.Context()
	c, err := s.CreateCourse(ctx, course.New("a"))
	breaking("CreateCourse", err)
	b, err := s.RequestBuild(ctx, "a", course.BuildRequest{Delivery: &course.Delivery{Verdict: course.DeliveryAccepted}})
	breaking("RequestBuild", err)
	claimed, ok, err := s.ClaimBuild(ctx, "a", "run", nil)
	breaking("ClaimBuild", err)
	if !ok || claimed.ID != b.ID {
		t.Errorf("ClaimBuild = %d, %v; want %d", claimed.ID, ok, b.ID)
	}
	breaking("StartStep", s.StartStep(ctx, b.ID, "build"))
	try, err := s.StartTry(ctx, b.ID, "build")
	breaking("StartTry", err)
	if try.Number != 1 {
		t.Errorf("the try has number %d; want 1", try.Number)
	}
	breaking("AppendLog", s.AppendLog(ctx, b.ID, "one\n"))
	breaking("AppendTry", s.AppendTry(ctx, try, course.LogAppend{Number: 1, Text: "two\n", Mark: "mark"}))
	ended, err := s.FinishBuild(ctx, b.ID, course.BuildResult{Status: course.StatusSuccess})
	breaking("FinishBuild", err)
	if !ended {
		t.Error("FinishBuild did not end the build, though nobody else did")
	}
	list, err := s.ListBuilds(ctx, "a", course.Page{Limit: 10})
	if err != nil || len(list) != 1 || len(list[0].Steps) != 1 || list[0].Status != course.StatusSuccess {
		t.Errorf("builds %+v, %v; want one with one step", list, err)
	}
	deliveries, err := s.ListDeliveries(ctx, "a", course.Page{Limit: 10})
	if err != nil || len(deliveries) != 1 {
		t.Errorf("deliveries %+v, %v; want one", deliveries, err)
	}
	chunks, _, err := s.ReadLog(ctx, b.ID, 0)
	if err != nil || joined(chunks) != "one\ntwo\n" {
		t.Errorf("log %v, %v; want each line once", chunks, err)
	}
	n, err := s.PruneBuilds(ctx, c.ID, 0)
	breaking("PruneBuilds", err)
	if n != 1 {
		t.Errorf("PruneBuilds = %d; want 1", n)
	}
}

func joined(chunks []course.LogChunk) string {
	var b strings.Builder
	for _, c := range chunks {
		b.WriteString(c.Text)
	}
	return b.String()
}

// While the server is away calls fail soon and say so; afterwards they succeed
// at once, whatever connections were open.
func TestServerAway(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	s := open(t, postgres.Options{URL: server.Address(server.Database(t), "password=s3cret"), Migrate: true})
	newCourse(t, s, "a")
	for _, end := range []func(){server.Stop, server.Kill} {
		b := request(t, s, "a")
		end()
		for what, call := range map[string]func() error{
			"RequestBuild": func() error { _, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{}); return err },
			"Build":        func() error { _, err := s.Build(t.Context(), b.ID); return err },
			"Ping":         func() error { return s.Ping(t.Context()) },
		} {
			begin := time.Now()
			err := call()
			if !errors.Is(err, course.ErrUnavailable) || !strings.Contains(err.Error(), "test1 at "+server.Socket()) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s without a server: %v; want an error of kind unavailable that names the database", what, err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("%s failed after %s", what, took)
			}
		}
		server.Resume()
		request(t, s, "a")
		if got, err := s.Build(t.Context(), b.ID); err != nil || got.ID != b.ID {
			t.Errorf("Build afterwards = %+v, %v", got, err)
		}
	}
}

// kill -9 of the whole server loses nothing that was acknowledged.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	server := postgrestest.StartOnDisk(t)
	s := open(t, postgres.Options{URL: server.Address(server.Database(t)), Migrate: true})
	for i := range 4 {
		newCourse(t, s, fmt.Sprint("course", i))
	}
	for range 2 {
		var requested, finished sync.Map
		var told atomic.Int64
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for i := range 4 {
			key := fmt.Sprint("course", i)
			writers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						writeUntilKilled(t, s, key, &requested, &finished)
						told.Add(1)
					}
				}
			})
		}
		for told.Load() < 40 {
			<-time.After(time.Millisecond)
		}
		server.Kill()
		close(stop)
		writers.Wait()
		server.Resume()
		checkAcknowledged(t, s, &requested, &finished)
	}
}

// A server that is killed may lose the newest lines of a log, which do not wait for
// the disk. Whoever has written them hears of it and can write them again.
func TestKilledServerLosesLines(t *testing.T) {
	t.Parallel()
	server := postgrestest.StartOnDisk(t)
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	b, try := running(t, s)
	stopWriters(t, server, name)
	line := course.LogAppend{Number: 1, Text: "line\n", Mark: "mark"}
	if err := s.AppendTry(t.Context(), try, line); err != nil {
		t.Fatal(err)
	}
	try.Appends = 1
	server.Kill()
	server.Resume()
	if err := s.FinishTry(t.Context(), try, course.OutcomeOK, ""); !errors.Is(err, course.ErrBehind) {
		t.Errorf("FinishTry = %v; want an error of kind behind", err)
	}
	try.Appends = 0
	if err := s.AppendTry(t.Context(), try, line); err != nil {
		t.Fatal(err)
	}
	try.Appends = 1
	if err := s.FinishTry(t.Context(), try, course.OutcomeOK, ""); err != nil {
		t.Error(err)
	}
	chunks, _, err := s.ReadLog(t.Context(), b.ID, 0)
	if err != nil || joined(chunks) != "line\n" {
		t.Errorf("log %v, %v; want the line once", chunks, err)
	}
}

// What a build has learnt, such as its commit, nobody writes again: it is on the disk
// when the call returns.
func TestKilledServerKeepsFacts(t *testing.T) {
	t.Parallel()
	server := postgrestest.StartOnDisk(t)
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	b, try := running(t, s)
	stopWriters(t, server, name)
	commit := strings.Repeat("c", 40)
	if err := s.RecordTryFacts(t.Context(), try, course.Facts{Commit: commit}); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Resume()
	if got, err := s.Build(t.Context(), b.ID); err != nil || got.Commit != commit {
		t.Errorf("the build has the commit %q, %v; want %q", got.Commit, err, commit)
	}
}

// running is a build that runs, and its try of a step.
func running(t *testing.T, s *postgres.Store) (course.Build, course.Try) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a")
	if _, _, err := s.ClaimBuild(t.Context(), "a", "run", nil); err != nil {
		t.Fatal(err)
	}
	try, err := s.StartTry(t.Context(), b.ID, "build")
	if err != nil {
		t.Fatal(err)
	}
	return b, try
}

// stopWriters stops the processes that bring records to the disk before they must,
// each while it waits for work: else it may hold a lock that others need.
func stopWriters(t *testing.T, server *postgrestest.Server, database string) {
	t.Helper()
	for _, kind := range []string{"walwriter", "background writer", "checkpointer"} {
		for !stopIdle(t, server, database, kind) {
			runtime.Gosched()
		}
	}
}

// stopIdle stops a process of the server, or says that it was at work and goes on.
func stopIdle(t *testing.T, server *postgrestest.Server, database, kind string) bool {
	t.Helper()
	ask := func(what string) string {
		return server.Exec(database, "SELECT "+what+" FROM pg_stat_activity WHERE backend_type = '"+kind+"'")
	}
	pid, err := strconv.Atoi(ask("pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !isStopped(t, pid) {
		runtime.Gosched()
	}
	if ask("coalesce(wait_event_type, '')") == "Activity" { // its main loop waits
		return true
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return false
}

func isStopped(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("T"))
}

// writeUntilKilled writes one build and remembers what the store acknowledged.
func writeUntilKilled(t *testing.T, s *postgres.Store, key string, requested, finished *sync.Map) {
	t.Helper()
	b, err := s.RequestBuild(t.Context(), key, course.BuildRequest{})
	if err == nil {
		requested.Store(b.ID, true)
		var ended bool
		ended, err = s.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusSuccess})
		if ended {
			finished.Store(b.ID, true)
		}
	}
	if err != nil && !errors.Is(err, course.ErrUnavailable) {
		t.Errorf("write: %v; want only errors of kind unavailable", err)
	}
}

func checkAcknowledged(t *testing.T, s store.Store, requested, finished *sync.Map) {
	t.Helper()
	n := 0
	requested.Range(func(id, _ any) bool {
		n++
		b, err := s.Build(t.Context(), id.(int64))
		if err != nil {
			t.Errorf("build %d was acknowledged: %v", id, err)
		}
		if _, ended := finished.Load(id); ended && b.Status != course.StatusSuccess {
			t.Errorf("build %d is %s; its end was acknowledged", id, b.Status)
		}
		return true
	})
	if n < 40 {
		t.Errorf("%d builds were acknowledged; want at least 40", n)
	}
}

// outsider is a transaction beside the store's.
func outsider(t *testing.T, url string) (pgx.Tx, func(query string, args ...any) error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) }) // its end is the test's
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx, func(query string, args ...any) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	}
}

// awaitLock waits until somebody waits for a lock in a database.
func awaitLock(server *postgrestest.Server, database string) {
	for server.Exec(database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0" {
		<-time.After(time.Millisecond)
	}
}

// A transaction that the server picked to end a deadlock is run again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	// The server looks once, so long after a wait has begun: by then both wait.
	server := postgrestest.Start(t, "deadlock_timeout=3s")
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	newCourse(t, s, "a")
	b := request(t, s, "a")
	tx, exec := outsider(t, server.Address(name))
	// This one looks later: the store's transaction is the one that ends.
	if err := errors.Join(exec("SET LOCAL deadlock_timeout = '1min'"), exec("SELECT id FROM builds FOR UPDATE")); err != nil {
		t.Fatal(err)
	}
	claimed := make(chan error, 1)
	go func() {
		_, _, err := s.ClaimBuild(t.Context(), "a", "run", nil)
		claimed <- err
	}()
	awaitLock(server, name)
	if err := exec("SELECT id FROM courses FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-claimed; err != nil {
		t.Errorf("ClaimBuild after a deadlock: %v", err)
	}
	if got, err := s.Build(t.Context(), b.ID); err != nil || got.Status != course.StatusRunning {
		t.Errorf("the build is %s, %v; want RUNNING", got.Status, err)
	}
	if !strings.Contains(server.Log(), "deadlock detected") {
		t.Error("there was no deadlock")
	}
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true, LockTimeout: 50 * time.Millisecond})
	newCourse(t, s, "a")
	tx, exec := outsider(t, server.Address(name))
	if err := exec("SELECT id FROM courses FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{})
	if !errors.Is(err, course.ErrUnavailable) || !strings.Contains(err.Error(), "locked; look for it in pg_stat_activity") {
		t.Errorf("RequestBuild of a locked course: %v", err)
	}
	if _, err := s.Course(t.Context(), "a"); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	request(t, s, "a")
}
