package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
)

// gated is a course whose build waits for a file.
func gated(t *testing.T, gate string) map[string]string {
	t.Helper()
	files := tiny("One")
	files["build.sh"] = fmt.Sprintf("echo started; until test -e %s; do sleep 0.1; done\n%s", gate, files["build.sh"])
	return files
}

// reset takes a course's workflow back to its first task, as an administrator can.
func reset(tb testing.TB, temporal sdk.Client, key string) {
	tb.Helper()
	ctx, id := tb.Context(), "build/"+key
	first := int64(0)
	for events := temporal.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext() && first == 0; {
		e, err := events.Next()
		if err != nil {
			tb.Fatal(err)
		}
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			first = e.GetEventId()
		}
	}
	_, err := temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: temporaldev.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: id},
		Reason: "by an administrator", WorkflowTaskFinishEventId: first, RequestId: course.NewVersion(),
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// age lets all builds in a database of SQLite have begun so much earlier.
func age(t *testing.T, file string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	must(t, err)
	for _, change := range []string{
		"UPDATE builds SET requested_at = requested_at - ?1, started_at = started_at - ?1",
		"UPDATE build_steps SET started_at = started_at - ?1",
	} {
		_, err := db.ExecContext(t.Context(), change, by.Microseconds())
		must(t, err)
	}
	must(t, db.Close())
}

// The sweeper of a whole system: what was ended in Temporal is closed, what goes
// on is left alone, also when its workflow was reset, when it began hours ago and when
// sweeps believe that hours have passed, and the page tells.
func TestTheSweeperKnowsWhatGoesOn(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	h := newHarness(t, harnessOptions{data: data, environ: []string{"COURSEWRIGHT_BUILD_CONCURRENCY=3"}})
	ids := map[string]int64{}
	for _, key := range []string{"well", "reset", "terminated"} {
		repo := gitrepotest.New(t)
		repo.Commit(gated(t, dir+"/gate"), "first")
		h.addCourse(key, repo.URL(), nil)
		ids[key] = h.push(key)
	}
	for key, id := range ids {
		h.running(key, id)
	}
	if err := h.system.temporal.TerminateWorkflow(t.Context(), "build/terminated", "", "by an administrator"); err != nil {
		t.Fatal(err)
	}
	terminated := time.Now()
	reset(t, h.system.temporal, "reset")
	if b := h.await(ids["terminated"]); b.Status != course.StatusFailed || !strings.Contains(b.Reason, "Terminated") {
		t.Errorf("the terminated build ended %s: %s", b.Status, b.Reason)
	}
	if took := time.Since(terminated); took > rowBound {
		t.Errorf("its row was final after %s", took)
	}
	age(t, filepath.Join(data, "coursewright.db"), 3*time.Hour)
	for _, later := range []time.Duration{0, 0, 3 * time.Hour} {
		if err := h.system.workflows.Sweep(t.Context(), time.Now().Add(later)); err != nil {
			t.Fatal(err)
		}
	}
	if page := string(h.get("/admin/sweeper", http.StatusOK)); !strings.Contains(page, "Terminated") || strings.Count(page, "/builds/") != 1 {
		t.Errorf("the page does not tell of the one build that was closed: %s", page)
	}
	must(t, os.WriteFile(dir+"/gate", nil, 0o600))
	for _, key := range []string{"well", "reset"} {
		if b := h.succeed(ids[key]); b.FinishedAt.Sub(b.StartedAt) < 3*time.Hour && key == "well" {
			t.Errorf("the build of three hours took %s", b.FinishedAt.Sub(b.StartedAt))
		}
	}
	h.succeed(h.push("terminated"))
}
