package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// A try goes on where the one before has come to: when storing has failed for a
// while, the course is neither checked out nor built again.
func TestAFailureToStoreRepeatsNoBuild(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_BUILD_RETRY_DELAY=1s"}})
	staging, ran := filepath.Join(h.system.settings.StorePath, ".staging"), filepath.Join(t.TempDir(), "ran")
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "echo ran >>" + ran + "\nmv " + staging + " " + staging + "-aside && touch " + staging + "\n" + files["build.sh"]
	repo.Commit(files, "first")
	h.addCourse("course", repo.URL(), nil)
	// The first build is checked out by whichever host is free, the second where
	// the working copy is.
	for builds := 1; builds <= 2; builds++ {
		id := h.push("course")
		h.shows("course", id, "trouble of the service")
		must(t, os.Remove(staging))
		must(t, os.Rename(staging+"-aside", staging))
		h.succeed(id)
		log := h.log("course", id)
		if n := strings.Count(log, "$ git fetch"); n != 1 {
			t.Errorf("the course was checked out %d times:\n%s", n, log)
		}
		text, err := os.ReadFile(ran)
		must(t, err)
		if n := strings.Count(string(text), "ran"); n != builds {
			t.Errorf("%d builds have run the command %d times", builds, n)
		}
	}
}

// Pushes while a course is built are built afterwards, though nobody tells its
// workflow of them.
func TestAPushWhileTheCourseIsBuiltNeedsNoSignal(t *testing.T) {
	t.Parallel()
	var signals atomic.Int64
	h := newHarness(t, harnessOptions{interceptor: func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if strings.Contains(method, "/Signal") {
			signals.Add(1)
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}})
	end := filepath.Join(t.TempDir(), "end")
	repo := gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "echo started; while [ ! -e " + end + " ]; do sleep 0.05; done\n" + files["build.sh"]
	repo.Commit(files, "first")
	h.addCourse("course", repo.URL(), nil)
	first := h.push("course")
	h.running("course", first)
	before := signals.Load()
	skipped, last := h.push("course"), h.push("course")
	must(t, os.WriteFile(end, nil, 0o600))
	h.succeed(first)
	h.succeed(last)
	if b := h.build(skipped); b.Status != course.StatusSkipped {
		t.Errorf("the older push ended as %s", b.Status)
	}
	if n := signals.Load(); before != 1 || n != before {
		t.Errorf("the first push sent %d signals, all together %d", before, n)
	}
}
