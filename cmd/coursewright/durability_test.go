package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// A request and its signal may arrive between any workflow task and its
// completion, the last one and the one that continues as new included. The
// interceptor puts them exactly there: before the nth completion is sent.
func TestNoRequestIsLostAtAnyWorkflowTask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		dynamic []string
	}{
		{"plain", nil},
		{"continued as new", []string{"limit.historyCount.suggestContinueAsNew=20"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := temporaltest.StartIn(t, t.TempDir(), c.dynamic...)
			repo := gitrepotest.New(t)
			repo.Commit(tiny("One"), "first")
			tasks := 1
			for n := 1; n <= tasks; n++ {
				tasks = max(tasks, requestAtTask(t, server, repo.URL(), n))
			}
			if tasks < 5 {
				t.Errorf("a build had %d workflow tasks only: the interceptor sees nothing", tasks)
			}
		})
	}
}

// requestAtTask builds a course, puts a request before the nth completion of a
// workflow task, checks that it was built, and says how many completions the
// first build had.
func requestAtTask(t *testing.T, server *temporaldev.Server, origin string, n int) (tasks int) {
	t.Helper()
	var completions atomic.Int64
	var atNth func()
	asked := make(chan course.Build, 1)
	h := newHarness(t, harnessOptions{temporal: server, interceptor: func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if strings.HasSuffix(method, "/RespondWorkflowTaskCompleted") && completions.Add(1) == int64(n) {
			atNth()
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}})
	defer h.stop()
	key := "course" + strconv.Itoa(n)
	h.addCourse(key, origin, nil)
	atNth = func() {
		extra, err := h.system.store.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerAPI})
		if err != nil {
			t.Error(err)
		}
		asked <- extra
		// The signal alone must do: no sweeper, no second wake.
		if err := h.system.workflows.Signal(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	first := h.push(key)
	h.succeed(first)
	h.idle(key)
	// The last completion is sent before the workflow is idle.
	select {
	case extra := <-asked:
		h.succeed(extra.ID)
	default:
	}
	return int(completions.Load())
}

// idle waits until a course's workflow has ended and its working copy is clean.
func (h *harness) idle(key string) {
	h.tb.Helper()
	err := h.system.temporal.GetWorkflow(h.tb.Context(), "build/"+key, "").Get(h.tb.Context(), nil)
	if err != nil {
		h.tb.Fatal(err)
	}
	// The cleaning has the lock until it is done.
	unlock, err := h.system.disk.Lock(h.tb.Context(), key)
	must(h.tb, err)
	unlock()
}

// Many pushes to one course: none is refused, each row ends, the last commit is
// the one that is published, and after the burst at most three builds run.
func TestABurstOfPushesIsCoalesced(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("0"), "first")
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	h.push("course")

	const clients, calls = 10, 50
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range calls {
				res, err := http.Post(h.base+"/gitmanager/course/hook", "application/x-www-form-urlencoded", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("status %d, %v", res.StatusCode, err)
				}
			}
		})
	}
	last := ""
	for i := range 5 {
		last = repo.Commit(tiny(strconv.Itoa(i+1)), fmt.Sprint(i))
	}
	all.Wait()
	final := h.push("course")
	b := h.succeed(final)
	if b.Commit != last {
		t.Errorf("the last build is of %s, want %s", b.Commit, last)
	}
	h.published("course", b.Version)
	if got := string(h.get("/static/course/index.html", http.StatusOK)); got != "<p>5</p>\n" {
		t.Errorf("published is %q", got)
	}
	h.checkBurst(clients*calls + 2)
}

func (h *harness) checkBurst(want int) {
	h.tb.Helper()
	var rows []course.Build
	for before := int64(0); ; before = rows[len(rows)-1].ID {
		page, err := h.system.store.ListBuilds(h.tb.Context(), "course", course.Page{Limit: 100, Before: before})
		if err != nil {
			h.tb.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		rows = append(rows, page...)
	}
	if len(rows) != want {
		h.tb.Errorf("%d rows, want %d", len(rows), want)
	}
	built := 0
	for _, r := range rows {
		switch r.Status {
		case course.StatusSuccess:
			built++
		case course.StatusSkipped:
		default:
			h.tb.Errorf("build %d is %s: %s", r.ID, r.Status, r.Reason)
		}
	}
	h.tb.Logf("%d of %d requests were built", built, want)
}

// A stop in the middle of a build loses nothing: the next start ends it.
func TestARestartEndsInterruptedBuilds(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	server := temporaltest.StartIn(t, data)
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "if mkdir ../first-try; then echo started; sleep 600; fi\n" + files["build.sh"]
	repo.Commit(files, "slow once")
	h := newHarness(t, harnessOptions{data: data, temporal: server})
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	h.running("course", id)
	h.stop()

	h = newHarness(t, harnessOptions{data: data, temporal: server})
	b := h.succeed(id)
	h.published("course", b.Version)
}
