package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev/temporaltest"
)

// cable is a connection to Temporal that can be pulled.
type cable struct {
	only   string // method that it carries, by its end; empty: all
	refuse bool   // a pulled cable answers that nobody is there; else it swallows

	mu     sync.Mutex
	pulled chan struct{} // closed while it is pulled
	lost   int           // calls while it was pulled
}

func newCable(only string, refuse bool) *cable {
	return &cable{only: only, refuse: refuse, pulled: make(chan struct{})}
}

func (c *cable) pull() { close(c.state()) }

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = make(chan struct{})
}

func (c *cable) losses() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

func (c *cable) state() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pulled
}

// interceptor is the cable's end at the client.
func (c *cable) interceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if !strings.HasSuffix(method, c.only) {
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		return c.carry(ctx, func(ctx context.Context) error { return invoke(ctx, method, req, reply, cc, opts...) })
	}
}

// carry makes a call; one that is on its way when the cable is pulled is lost.
func (c *cable) carry(ctx context.Context, call func(context.Context) error) error {
	pulled := c.state()
	under, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(under) }()
	select {
	case <-pulled:
	case err := <-done:
		return err
	}
	cancel()
	if err := <-done; err == nil {
		return nil
	}
	c.mu.Lock()
	c.lost++
	c.mu.Unlock()
	if !c.refuse {
		<-ctx.Done()
	}
	return status.Error(codes.Unavailable, "the cable is pulled")
}

// Temporal may be away for some seconds: a build goes on, in the same try.
func TestABuildOutlivesAShortOutage(t *testing.T) {
	t.Parallel()
	c := newCable("/RecordActivityTaskHeartbeat", true)
	repo, gate := gitrepotest.New(t), filepath.Join(t.TempDir(), "gate")
	repo.Commit(gated(t, gate), "first")
	h := newHarness(t, harnessOptions{interceptor: c.interceptor()})
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	h.running("course", id)
	c.pull()
	pulled := time.Now()
	h.waitFor("the outage costs heartbeats", func() bool { return time.Since(pulled) > 9*time.Second && c.losses() >= 3 })
	c.plug()
	must(t, os.WriteFile(gate, nil, 0o600))
	h.succeed(id)
	if log := h.log("course", id); strings.Count(log, "started\n") != 1 {
		t.Errorf("the build did not go on in one try:\n%s", log)
	}
}

// A host that is cut off from Temporal, and from nothing else, stops its build
// before another host begins it. The build's own lock, which all hosts see, would
// show two at once.
func TestAHostThatIsCutOffStopsBeforeAnotherBegins(t *testing.T) {
	t.Parallel()
	c := newCable("", false)
	lock, again := t.TempDir()+"/lock", t.TempDir()+"/again"
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = `if ! mkdir ` + lock + `; then echo "another build runs"; exit 9; fi
trap 'rmdir ` + lock + `' EXIT
if mkdir ` + again + `; then echo started; sleep 600 & wait; fi
` + files["build.sh"]
	repo.Commit(files, "first")
	o := harnessOptions{data: t.TempDir(), temporal: temporaltest.Start(t), interceptor: c.interceptor()}
	o.environ = []string{"COURSEWRIGHT_BUILD_PATH=" + t.TempDir()}
	first := newHarness(t, o)
	first.addCourse("course", repo.URL(), nil)
	id := first.push("course")
	first.running("course", id)

	c.pull()
	o.environ = []string{"COURSEWRIGHT_BUILD_PATH=" + t.TempDir()}
	o.interceptor = nil
	second := newHarness(t, o)
	b := second.await(id)
	log := second.log("course", id)
	if b.Status != course.StatusSuccess || b.Host != second.system.host {
		t.Errorf("the build ended %s on %s: %s\n%s", b.Status, b.Host, b.Reason, log)
	}
	for _, words := range []string{"no answer from Temporal", "does not answer any more"} {
		if !strings.Contains(log, words) {
			t.Errorf("the log does not tell %q:\n%s", words, log)
		}
	}
	c.plug()
}

// A host that is cut off from Temporal hears from the database that its build was
// closed: an administrator has terminated the workflow, and others may build.
func TestAHostThatIsCutOffHearsOfTheEndFromTheDatabase(t *testing.T) {
	t.Parallel()
	c := newCable("", false)
	alive := t.TempDir() + "/alive"
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "echo started\nwhile :; do echo $i >" + alive + "; i=$((i + 1)); sleep 0.1; done\n"
	repo.Commit(files, "endless")
	o := harnessOptions{data: t.TempDir(), temporal: temporaltest.Start(t), interceptor: c.interceptor()}
	o.environ = []string{"COURSEWRIGHT_BUILD_PATH=" + t.TempDir()}
	first := newHarness(t, o)
	first.addCourse("course", repo.URL(), nil)
	id := first.push("course")
	first.running("course", id)
	o.environ = []string{"COURSEWRIGHT_BUILD_PATH=" + t.TempDir()}
	o.interceptor = nil
	second := newHarness(t, o)

	c.pull()
	if err := second.system.temporal.TerminateWorkflow(t.Context(), "build/course", "", "by an administrator"); err != nil {
		t.Fatal(err)
	}
	if b := second.await(id); b.Status != course.StatusFailed || !strings.Contains(b.Reason, "Terminated") {
		t.Errorf("the build ended %s: %s", b.Status, b.Reason)
	}
	if !endsWithin(t, alive, activities.HostWait-5*time.Second) {
		t.Error("the build has gone on until another host would have been asked")
	}
	c.plug()
}
