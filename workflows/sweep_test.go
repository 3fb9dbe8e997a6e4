package workflows_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
	"coursewright/workflows"
)

// sweepPlace is a database and a Temporal without any worker: what is claimed
// stays as it is until something is done to its workflow.
type sweepPlace struct {
	t        *testing.T
	path     string
	store    *sqlite.Store
	temporal client.Client
	workflow *workflows.Client
}

func newSweepPlace(t *testing.T, address string) *sweepPlace {
	t.Helper()
	p := &sweepPlace{t: t, path: filepath.Join(t.TempDir(), "data.db")}
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: temporaldev.Namespace, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p.temporal = c
	p.store = p.open()
	p.workflow = p.client(p.store)
	return p
}

// open opens the database once more, as another process does.
func (p *sweepPlace) open() *sqlite.Store {
	p.t.Helper()
	s, err := sqlite.Open(p.t.Context(), sqlite.Options{Path: p.path, Migrate: true})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return s
}

func (p *sweepPlace) client(s *sqlite.Store) *workflows.Client {
	return workflows.NewClient("test", p.temporal, s, slog.New(slog.DiscardHandler), workflows.Limits{})
}

// running makes a course with a build that a run of its workflow has claimed.
func (p *sweepPlace) running(key string) course.Build {
	p.t.Helper()
	c := course.New(key)
	c.GitOrigin, c.GitBranch = "https://git.example.org/course.git", "main"
	if _, err := p.store.CreateCourse(p.t.Context(), c); err != nil {
		p.t.Fatal(err)
	}
	return p.claimed(key, p.start(key))
}

// start starts a course's workflow and gives the id of its run.
func (p *sweepPlace) start(key string) string {
	p.t.Helper()
	if err := p.workflow.Signal(p.t.Context(), key); err != nil {
		p.t.Fatal(err)
	}
	d, err := p.temporal.DescribeWorkflowExecution(p.t.Context(), workflows.BuildID(key), "")
	if err != nil {
		p.t.Fatal(err)
	}
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

func (p *sweepPlace) claimed(key, run string) course.Build {
	p.t.Helper()
	if _, err := p.store.RequestBuild(p.t.Context(), key, course.BuildRequest{Trigger: course.TriggerAPI}); err != nil {
		p.t.Fatal(err)
	}
	b, ok, err := p.store.ClaimBuild(p.t.Context(), key, run, nil)
	if err != nil || !ok {
		p.t.Fatalf("claim of %s: %v, %v", key, ok, err)
	}
	return b
}

func (p *sweepPlace) terminate(key string) {
	p.t.Helper()
	if err := p.temporal.TerminateWorkflow(p.t.Context(), workflows.BuildID(key), "", "by an administrator"); err != nil {
		p.t.Fatal(err)
	}
}

// delete takes a course's workflow out of Temporal, as its retention does, and
// waits until that is done.
func (p *sweepPlace) delete(key string) {
	p.t.Helper()
	_, err := p.temporal.WorkflowService().DeleteWorkflowExecution(p.t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: temporaldev.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: workflows.BuildID(key)},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := p.temporal.DescribeWorkflowExecution(ctx, workflows.BuildID(key), ""); err != nil {
			return // there is no other reason in a test
		}
		select {
		case <-ctx.Done():
			p.t.Fatal("the workflow is not deleted after a minute")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sweep sweeps as if it were late. How old rows are must make no difference.
func (p *sweepPlace) sweep(c *workflows.Client) {
	if err := c.Sweep(p.t.Context(), time.Now().Add(3*time.Hour)); err != nil {
		p.t.Error(err)
	}
}

func (p *sweepPlace) wantStatus(b course.Build, want course.Status, reason string) {
	p.t.Helper()
	got, err := p.store.Build(p.t.Context(), b.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	if got.Status != want || !strings.Contains(got.Reason, reason) {
		p.t.Errorf("the build of %s is %s: %q; want %s: %q", b.CourseKey, got.Status, got.Reason, want, reason)
	}
}

// Two processes that sweep at once, again and again, close what is gone, each
// once, and leave alone what is well, however long it has been running.
func TestTwoSweepersCloseWhatIsGoneOnce(t *testing.T) {
	t.Parallel()
	p := newSweepPlace(t, temporaltest.Start(t).Address())
	well := []course.Build{p.running("well0"), p.running("well1")}
	var gone []course.Build
	for i := range 3 {
		key := fmt.Sprint("terminated", i)
		gone = append(gone, p.running(key))
		p.terminate(key)
	}
	deleted := p.running("deleted")
	p.delete("deleted")
	// A run of somebody who came later waits for a worker, perhaps for long.
	again := p.running("again")
	p.terminate("again")
	p.start("again")

	other := p.client(p.open())
	var both sync.WaitGroup
	for _, c := range []*workflows.Client{p.workflow, other} {
		both.Go(func() {
			for range 5 {
				p.sweep(c)
			}
		})
	}
	both.Wait()
	for _, b := range well {
		p.wantStatus(b, course.StatusRunning, "")
	}
	for _, b := range append(gone, again) {
		p.wantStatus(b, course.StatusFailed, "Terminated")
	}
	p.wantStatus(deleted, course.StatusFailed, "not known to Temporal")
	list, err := p.store.ListClosings(t.Context(), course.Page{Limit: 100})
	if err != nil || len(list) != 5 {
		t.Errorf("%d closings are told: %+v, %v; want one for each of 5 builds", len(list), list, err)
	}
	last, err := p.store.LastSweep(t.Context())
	if err != nil || last.Running != len(well) || last.Closed != 0 || last.By != "test" {
		t.Errorf("the last sweep is %+v, %v", last, err)
	}
}

// age lets all that the database knows be so much older.
func (p *sweepPlace) age(by time.Duration) {
	p.t.Helper()
	db, err := sql.Open("sqlite", p.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, change := range []string{
		"UPDATE builds SET requested_at = requested_at - ?1, started_at = started_at - ?1",
		"UPDATE build_steps SET started_at = started_at - ?1",
		"UPDATE hosts SET started_at = started_at - ?1, seen_at = seen_at - ?1",
	} {
		done, err := db.ExecContext(p.t.Context(), change, by.Microseconds())
		if err != nil {
			p.t.Fatal(err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			p.t.Fatalf("%s: %d rows, %v", change, n, err)
		}
	}
	if err := db.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// A build began three hours ago, and as long ago was its host heard of for the last
// time: while its workflow goes on, nobody closes it.
func TestAgeClosesNoBuild(t *testing.T) {
	t.Parallel()
	p := newSweepPlace(t, temporaltest.Start(t).Address())
	b := p.running("well")
	if _, err := p.store.ReportHost(t.Context(), course.HostReport{ID: "disk", Name: "host", StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := p.store.RecordFacts(t.Context(), b.ID, course.Facts{Host: "disk"}); err != nil {
		t.Fatal(err)
	}
	if err := p.store.StartStep(t.Context(), b.ID, "build"); err != nil {
		t.Fatal(err)
	}
	p.age(3 * time.Hour)
	old, err := p.store.Build(t.Context(), b.ID)
	if err != nil || time.Since(old.StartedAt) < 3*time.Hour || old.Host != "disk" {
		t.Fatalf("the build is %+v, %v", old, err)
	}
	host, err := p.store.Host(t.Context(), "disk")
	if err != nil || !host.Gone() {
		t.Fatalf("the host is %+v, %v", host, err)
	}
	for range 3 {
		if err := p.workflow.Sweep(t.Context(), time.Now()); err != nil {
			t.Error(err)
		}
	}
	p.wantStatus(b, course.StatusRunning, "")
	p.terminate("well")
	if err := p.workflow.Sweep(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	p.wantStatus(b, course.StatusFailed, "Terminated")
}

// A Temporal that does not know the namespace, such as a new and empty one, says
// nothing of what runs: nothing is closed or signalled then.
func TestNothingIsJudgedWithoutTheNamespace(t *testing.T) {
	t.Parallel()
	server := temporaltest.Start(t)
	p := newSweepPlace(t, server.Address())
	well, gone := p.running("well"), p.running("gone")
	p.terminate("gone")
	if _, err := p.store.RequestBuild(t.Context(), "gone", course.BuildRequest{Trigger: course.TriggerAPI}); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := client.NewLazyClient(client.Options{HostPort: server.Address(), Namespace: "none", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(elsewhere.Close)
	err = workflows.NewClient("test", elsewhere, p.store, slog.New(slog.DiscardHandler), workflows.Limits{}).Sweep(t.Context(), time.Now().Add(3*time.Hour))
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("the sweep says %v, and nothing of the namespace", err)
	}
	p.wantStatus(well, course.StatusRunning, "")
	p.wantStatus(gone, course.StatusRunning, "")
	last, err := p.store.LastSweep(t.Context())
	if err != nil || !strings.Contains(last.Trouble, "2 builds could not be judged") || last.Closed+last.Running+last.Signalled != 0 {
		t.Errorf("the sweep is %+v, %v", last, err)
	}
	p.sweep(p.workflow)
	p.wantStatus(well, course.StatusRunning, "")
	p.wantStatus(gone, course.StatusFailed, "Terminated")
}

// What waits is told to its workflow, once for each course, and the sweep says so.
func TestTheSweeperSignalsWhatWaits(t *testing.T) {
	t.Parallel()
	p := newSweepPlace(t, temporaltest.Start(t).Address())
	busy := p.running("busy")
	c := course.New("idle")
	c.GitOrigin, c.GitBranch = "https://git.example.org/course.git", "main"
	if _, err := p.store.CreateCourse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"busy", "idle", "idle"} {
		if _, err := p.store.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerAPI}); err != nil {
			t.Fatal(err)
		}
	}
	p.sweep(p.workflow)
	last, err := p.store.LastSweep(t.Context())
	if err != nil || last.Pending != 3 || last.Signalled != 1 || strings.Join(last.Courses, " ") != "idle" {
		t.Errorf("the sweep is %+v, %v", last, err)
	}
	p.wantStatus(busy, course.StatusRunning, "")
}

// Temporal's database comes back from a backup: runs that began after it are not
// known any more, and one that had ended long ago goes on. Neither keeps a build
// open.
func TestTheSweeperAfterTemporalsBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "temporal.db")
	start := func(port int) *temporaldev.Server {
		s, err := temporaldev.Start(t.Context(), temporaldev.Config{
			CLI: temporaltest.CLI(t), DataFile: file, Port: port, UIPort: -1, AnyPort: true,
			Output: io.Discard, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	server := start(0)
	p := newSweepPlace(t, server.Address())
	early := p.running("early")
	stop := func() {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	backup := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(file + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		backup[suffix] = text
	}
	port := portOf(t, server.Address())
	server = start(port)
	p.terminate("early")
	if _, err := p.store.FinishBuild(t.Context(), early.ID, course.BuildResult{Status: course.StatusSuccess}); err != nil {
		t.Fatal(err)
	}
	later := p.claimed("early", p.start("early"))
	fresh := p.running("fresh")
	p.sweep(p.workflow)
	p.wantStatus(later, course.StatusRunning, "")
	p.wantStatus(fresh, course.StatusRunning, "")

	stop()
	if err := os.Remove(file + "-shm"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for suffix, text := range backup {
		if err := os.WriteFile(file+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(port)
	p.sweep(p.workflow)
	p.wantStatus(later, course.StatusFailed, "not known to Temporal")
	p.wantStatus(fresh, course.StatusFailed, "not known to Temporal")
	p.wantStatus(early, course.StatusSuccess, "")
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
