package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	enums "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/workflows"
)

// Bounds of issue and design: a container is gone soon after its build was
// ended, and the row tells how it ended.
const (
	containerBound = 15 * time.Second
	rowBound       = time.Minute
)

// endless ignores signals, and leaves what the next build has to cope with: files
// of root, folders that are read-only.
const endless = `trap '' TERM
mkdir -p _build/locked && echo page >_build/locked/page && chmod 500 _build/locked _build
echo started
while :; do sleep 1; done
`

// gone waits until no container of a build disk is left.
func (h *harness) gone(host string, limit time.Duration) {
	h.tb.Helper()
	began := time.Now()
	for len(dockertest.Containers(h.tb, docker.LabelDisk+"="+host)) != 0 {
		if time.Since(began) > limit {
			h.tb.Fatalf("a container is left after %s", limit)
		}
		if err := waitShortly(h.tb.Context()); err != nil {
			h.tb.Fatal(err)
		}
	}
}

// However a build is ended from outside, its container is stopped in time, its
// row is final in time, and the next build finds a usable working copy.
func TestEndedBuildsLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(t *testing.T, h *harness, id int64)
		status course.Status
		reason string
		limit  time.Duration // of the whole workflow; 0: none
	}{
		"cancelled by the API": {func(_ *testing.T, h *harness, id int64) {
			h.do(http.MethodPost, fmt.Sprintf("/api/v1/courses/course/builds/%d/cancel", id), "{}", http.StatusAccepted)
		}, course.StatusCancelled, "cancelled", 0},
		"cancelled on its page": {func(t *testing.T, h *harness, id int64) {
			t.Helper()
			h.pressCancel(t, fmt.Sprintf("/gitmanager/course/builds/%d", id))
		}, course.StatusCancelled, "cancelled", 0},
		"cancelled by the command": {func(t *testing.T, h *harness, id int64) {
			t.Helper()
			var out bytes.Buffer
			if status := execute(t.Context(), []string{"build", "cancel", "course", "--server", h.base}, &out, &out); status != 0 {
				t.Fatal(out.String())
			}
			if want := fmt.Sprintf("Build %d of course is being cancelled.\n", id); out.String() != want {
				t.Errorf("the command printed %q, want %q", out.String(), want)
			}
		}, course.StatusCancelled, "cancelled", 0},
		"cancelled in Temporal": {func(t *testing.T, h *harness, _ int64) {
			t.Helper()
			if err := h.system.temporal.CancelWorkflow(t.Context(), "build/course", ""); err != nil {
				t.Fatal(err)
			}
		}, course.StatusCancelled, "cancelled in Temporal", 0},
		"terminated in Temporal": {func(t *testing.T, h *harness, _ int64) {
			t.Helper()
			if err := h.system.temporal.TerminateWorkflow(t.Context(), "build/course", "", "by an administrator"); err != nil {
				t.Fatal(err)
			}
		}, course.StatusFailed, "Terminated", 0},
		"timed out in Temporal": {func(*testing.T, *harness, int64) {}, course.StatusFailed, "TimedOut", 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := gitrepotest.New(t)
			repo.Commit(containerCourse("One", endless), "endless")
			h := newHarness(t, harnessOptions{environ: inContainers(t)})
			h.addCourse("course", repo.URL(), nil)
			if c.limit > 0 {
				h.startLimited("course", c.limit)
			}
			id := h.push("course")
			h.shows("course", id, "started")
			c.end(t, h, id)
			h.gone(h.system.host, containerBound+c.limit)
			began := time.Now()
			b := h.await(id)
			if b.Status != c.status || !strings.Contains(b.Reason, c.reason) {
				t.Errorf("build ended %s: %s; want %s: %s", b.Status, b.Reason, c.status, c.reason)
			}
			if took := time.Since(began); took > rowBound {
				t.Errorf("the row was final %s after the container was gone", took)
			}
			repo.Commit(containerCourse("Two", "test ! -e _build || exit 9\n"), "quick")
			h.succeed(h.push("course"))
		})
	}
}

// startLimited starts the build workflow of a course with a limit of its own, as
// an administrator can, so that it waits for what is pushed.
func (h *harness) startLimited(key string, limit time.Duration) {
	h.tb.Helper()
	if _, err := h.system.store.RequestBuild(h.tb.Context(), key, course.BuildRequest{Trigger: course.TriggerAPI}); err != nil {
		h.tb.Fatal(err)
	}
	_, err := h.system.temporal.ExecuteWorkflow(h.tb.Context(), sdk.StartWorkflowOptions{
		ID: workflows.BuildID(key), TaskQueue: workflows.TaskQueue, WorkflowRunTimeout: limit,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, workflows.Build, workflows.BuildInput{CourseKey: key})
	if err != nil {
		h.tb.Fatal(err)
	}
}

// A container of a build that has ended, such as one whose worker was killed
// before it was terminated, is removed when a worker starts. That of another
// deployment stays.
func TestTheJanitorRemovesWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	environ := inContainers(t)
	data := t.TempDir()
	h := newHarness(t, harnessOptions{data: data, environ: environ})
	host := h.system.host
	h.stop()
	orphan, strange := leftContainer(t, host), leftContainer(t, host+"-of-another")
	h = newHarness(t, harnessOptions{data: data, environ: environ})
	h.gone(host, time.Minute)
	if left := dockertest.Containers(t, docker.LabelDisk+"="+host+"-of-another"); len(left) != 1 || left[0] != strange {
		t.Errorf("of %s and %s are left: %v; want the second", orphan, strange, left)
	}
}

// leftContainer starts a container like one of a build and gives its id.
func leftContainer(t *testing.T, disk string) string {
	t.Helper()
	api := dockertest.Engine(t)
	created, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{
			Image: dockertest.Image, Cmd: []string{"sleep", "600"},
			Labels: map[string]string{docker.LabelDisk: disk, docker.LabelCourse: "gone", docker.LabelBuild: "4711", docker.LabelRun: "run"},
		},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := api.ContainerRemove(context.WithoutCancel(t.Context()), created.ID, client.ContainerRemoveOptions{Force: true})
		if err != nil && !errdefs.IsNotFound(err) {
			t.Error(err)
		}
	})
	if _, err := api.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return created.ID
}

// pressCancel presses the button of a build's page as a browser without script
// does, first from another site's page, which must do nothing.
func (h *harness) pressCancel(t *testing.T, page string) {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(h.get(page, http.StatusOK)))
	if err != nil {
		t.Fatal(err)
	}
	form := doc.Find("form:has(button:contains('Cancel'))")
	if form.AttrOr("method", "") != "post" || form.Length() != 1 {
		t.Fatalf("%d forms cancel, by %q", form.Length(), form.AttrOr("method", ""))
	}
	for _, c := range []struct {
		site   string
		status int
	}{{"cross-site", http.StatusForbidden}, {"same-origin", http.StatusSeeOther}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.base+form.AttrOr("action", ""), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", c.site)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != c.status {
			t.Fatalf("pressed on a page of %s: status %d, want %d", c.site, res.StatusCode, c.status)
		}
	}
}
