package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// A task that was kept back on its way, as by a worker that was stopped for a
// while, does not disturb the try that has begun meanwhile.
func TestATaskThatComesLateDisturbsNobody(t *testing.T) {
	t.Parallel()
	var kept atomic.Bool
	again, came := make(chan struct{}), make(chan struct{})
	h := newHarness(t, harnessOptions{interceptor: func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		task, ok := reply.(*workflowservice.PollActivityTaskQueueResponse)
		if !ok || task.GetActivityType().GetName() != "BuildRelease" || kept.Swap(true) {
			return err
		}
		defer close(came)
		select {
		case <-again:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "echo started\nsleep 5\n" + files["build.sh"]
	repo.Commit(files, "first")
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	begun := time.Now()
	h.running("course", id)
	if took := time.Since(begun); took < activities.HeartbeatTimeout {
		t.Fatalf("the build began after %s: no task was kept back", took)
	}
	close(again)
	<-came
	h.succeed(id)
	log := h.log("course", id)
	if n := strings.Count(log, "started\n"); n != 1 || strings.Contains(log, "trouble of the service") {
		t.Errorf("the build was started %d times:\n%s", n, log)
	}
}

// A worker that is stopped, and not dead, leads no build any more: it is ended
// before another host may begin it. Once the worker goes on, the build begins
// anew.
func TestNoBuildOutlivesAStoppedWorkerForLong(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string]func(testing.TB) []string{
		"local":      func(testing.TB) []string { return nil },
		"containers": inContainers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := t.TempDir()
			d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, environ: append(environ(t), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":"+shared+":rw")})
			repo, api := gitrepotest.New(t), d.apis[0]
			repo.Commit(containerCourse("One", `if mkdir `+shared+`/first; then
	echo started
	while :; do echo "$i" >`+shared+`/alive; i=$((i + 1)); sleep 0.1; done
fi
`), "first")
			api.addCourse("course", repo.URL(), nil)
			id := api.push("course")
			api.shows("course", id, "started")

			worker := d.workers[0].cmd.Process
			if err := worker.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			ended := endsWithin(t, filepath.Join(shared, "alive"), activities.HeartbeatTimeout+activities.HostWait)
			if err := worker.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			if !ended {
				t.Error("the build has gone on for as long as another host would have waited")
			}
			api.finished("course", id, course.StatusSuccess)
		})
	}
}

// endsWithin says whether a file that is written all the time stays as it is,
// before the limit.
func endsWithin(t *testing.T, path string, limit time.Duration) bool {
	t.Helper()
	const still = 3 * time.Second
	end := time.Now().Add(limit)
	last, since := "", time.Now()
	seen := false // the file may be empty at the end: it is emptied before it is written to
	for time.Now().Before(end) {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if string(text) != last {
			last, since, seen = string(text), time.Now(), true
		}
		if seen && time.Since(since) > still {
			return true
		}
		if err := waitShortly(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return false
}

// A workflow task that was kept back on its way claims nothing for a run that has
// ended meanwhile: the request would be lost.
func TestAWorkflowTaskThatComesLateClaimsNothing(t *testing.T) {
	t.Parallel()
	var kept atomic.Bool
	again, came := make(chan struct{}), make(chan struct{})
	h := newHarness(t, harnessOptions{interceptor: func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		task, ok := reply.(*workflowservice.PollWorkflowTaskQueueResponse)
		if !ok || task.GetWorkflowType().GetName() != "Build" || kept.Swap(true) {
			return err
		}
		defer close(came)
		select {
		case <-again:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h.addCourse("course", repo.URL(), nil)
	h.succeed(h.push("course"))
	h.idle("course")

	// Nobody is told of the request until the sweeper finds it.
	lost, err := h.system.store.RequestBuild(t.Context(), "course", course.BuildRequest{Trigger: course.TriggerAPI})
	if err != nil {
		t.Fatal(err)
	}
	close(again)
	<-came
	h.succeed(lost.ID)
}
