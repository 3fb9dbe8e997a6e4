package main

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"coursewright/activities"
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
		if !ok || task.GetActivityType().GetName() != "RunBuilder" || kept.Swap(true) {
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
