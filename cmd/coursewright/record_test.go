package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
	"coursewright/workflows"
)

// recordFolder names the folder for histories; without it nothing is recorded.
const recordFolder = "RECORD_HISTORIES"

// TestRecordHistories records histories as workflows/replay_test.go replays them:
// RECORD_HISTORIES=/an/empty/folder go test -run TestRecordHistories
// ./cmd/coursewright. Run it from the commit that is deployed, and add what is new
// to workflows/testdata/replay, under names that are not there yet.
func TestRecordHistories(t *testing.T) {
	folder := os.Getenv(recordFolder)
	if folder == "" {
		t.Skip("records only when " + recordFolder + " names a folder")
	}
	h := newHarness(t, harnessOptions{})
	repo := gitrepotest.New(t)
	add := func(key string, build string) int64 {
		files := tiny(key)
		files["build.sh"] = build + files["build.sh"]
		repo.Commit(files, key)
		h.addCourse(key, repo.URL(), nil)
		return h.push(key)
	}

	h.succeed(add("success", ""))
	h.idle("success")
	h.record(folder, "build/success", "build-success")

	h.await(add("failure", "exit 3\n"))
	h.idle("failure")
	h.record(folder, "build/failure", "build-failure")

	first := add("busy", "echo started; sleep 0.5\n")
	h.running("busy", first)
	h.push("busy")
	h.succeed(h.push("busy"))
	h.idle("busy")
	h.record(folder, "build/busy", "build-requests-while-running")

	slow := add("cancelled", "echo started; sleep 600\n")
	h.running("cancelled", slow)
	h.do(http.MethodPost, "/api/v1/courses/cancelled/builds/"+strconv.FormatInt(slow, 10)+"/cancel", "{}", http.StatusAccepted)
	h.await(slow)
	h.idle("cancelled")
	h.record(folder, "build/cancelled", "build-cancelled")

	h.record(folder, "publish/success", "publish")

	removed := add("removed", "echo started; sleep 600\n")
	h.running("removed", removed)
	h.do(http.MethodDelete, "/api/v1/courses/removed?confirm=removed", "", http.StatusNoContent)
	h.record(folder, "remove/removed", "remove-while-building")
	recordTakeOver(t, folder)
	recordReset(t, folder)
	recordImport(t, folder)
	recordApproval(t, folder)
	recordCommit(t, folder)
	recordContinuation(t, folder)
	recordClock(t, folder)
}

// recordContinuation records a run that continues as new while a request waits, and
// the run that goes on.
func recordContinuation(t *testing.T, folder string) {
	t.Helper()
	h := newHarness(t, harnessOptions{temporal: temporaltest.StartIn(t, t.TempDir(), "limit.historyCount.suggestContinueAsNew=20")})
	repo, gate := gitrepotest.New(t), filepath.Join(t.TempDir(), "gate")
	repo.Commit(gated(t, gate), "first")
	h.addCourse("long", repo.URL(), nil)
	first := h.push("long")
	h.running("long", first)
	second := h.push("long")
	must(t, os.WriteFile(gate, nil, 0o600))
	runs := []string{h.succeed(first).RunID, h.succeed(second).RunID}
	if runs[0] == runs[1] {
		t.Fatal("the run that built the first request has built the second one too")
	}
	h.idle("long")
	recordRun(t, h.system.temporal, folder, workflow.Execution{ID: "build/long", RunID: runs[0]}, "build-continues-as-new")
	recordRun(t, h.system.temporal, folder, workflow.Execution{ID: "build/long", RunID: runs[1]}, "build-continued-as-new")
}

// recordClock records a build whose final status could not be recorded within the
// time of the tries: the clock of the worker jumps while the database takes it not.
func recordClock(t *testing.T, folder string) {
	t.Helper()
	server := temporaltest.Start(t)
	temporal, err := sdk.NewLazyClient(sdk.Options{HostPort: server.Address(), Namespace: temporaldev.Namespace, Logger: testLog(t)})
	must(t, err)
	t.Cleanup(temporal.Close)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: map[string]string{"TEMPORAL_ADDRESS": server.Address()}})
	repo, gate, api := gitrepotest.New(t), filepath.Join(t.TempDir(), "gate"), d.apis[0]
	repo.Commit(gated(t, gate), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.running("course", id)
	jump, err := newClockJump(d.workers[0].cmd.Process.Pid)
	must(t, err)
	d.rows("CREATE TRIGGER away BEFORE UPDATE ON builds WHEN NEW.status = 'SUCCESS' BEGIN SELECT RAISE(ABORT, 'the database is away'); END")
	must(t, jump.set(72*time.Hour))
	must(t, os.WriteFile(gate, nil, 0o600))
	events := temporal.GetWorkflowHistory(t.Context(), "build/course", "", true, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for found := false; !found; {
		e, err := events.Next() // waits for it
		must(t, err)
		found = strings.Contains(e.String(), "until-done")
	}
	d.rows("DROP TRIGGER away")
	must(t, jump.set(0))
	api.finished("course", id, course.StatusSuccess)
	must(t, temporal.GetWorkflow(t.Context(), "build/course", "").Get(t.Context(), nil))
	recordRun(t, temporal, folder, workflow.Execution{ID: "build/course"}, "build-clock-jumps")
}

// rows changes the database of a deployment, a file, by hand.
func (d *deployment) rows(change string) {
	d.tb.Helper()
	db, err := sql.Open("sqlite", d.path("coursewright.db")+"?_pragma=busy_timeout(5000)")
	must(d.tb, err)
	_, err = db.ExecContext(d.tb.Context(), change)
	must(d.tb, errors.Join(err, db.Close()))
}

// recordApproval records what follows when somebody approves a release that has
// lost an exercise.
func recordApproval(t *testing.T, folder string) {
	t.Helper()
	c := newCampus(t)
	c.change(t, func(row *course.Course) { row.ApproveRemovals = true })
	first := c.ended(t, c.push(t, tiny("One")))
	second := c.ended(t, c.push(t, without("Two")))
	d, err := c.system.diffs.Approve("course", second.Version, first.Version, course.Approval{By: "user:teacher", At: time.Now()})
	must(t, err)
	must(t, c.system.workflows.Announce(t.Context(), d.New, "user:teacher"))
	c.published("course", second.Version)
	c.record(folder, workflows.AnnounceID("course", second.Version), "announce")
}

// recordCommit records a build whose git host is told how it goes, and how it is
// told.
func recordCommit(t *testing.T, folder string) {
	t.Helper()
	git := &statuses{}
	s := newTelling(t, git)
	b := s.succeed(s.commit(tiny("One")))
	git.until(t, "org/0/statuses/"+b.Commit+" coursewright/course success")
	s.idle("course")
	s.record(folder, "build/course", "build-telling")
	s.record(folder, workflows.CommitID("course", b.ID), "tell-commit")
}

// recordImport records a build after which A+ imports the course, and how it is
// told to.
func recordImport(t *testing.T, folder string) {
	t.Helper()
	c := newCampus(t)
	c.ended(t, c.push(t, tiny("One")))
	c.record(folder, "build/course", "build-told")
	c.record(folder, workflows.LMSCallID("course", false), "lms-call")
}

// recordReset records a build whose workflow an administrator has reset while its
// command ran.
func recordReset(t *testing.T, folder string) {
	t.Helper()
	h, repo, gate := newHarness(t, harnessOptions{}), gitrepotest.New(t), filepath.Join(t.TempDir(), "gate")
	repo.Commit(gated(t, gate), "first")
	h.addCourse("reset", repo.URL(), nil)
	id := h.push("reset")
	h.running("reset", id)
	reset(t, h.system.temporal, "reset")
	must(t, os.WriteFile(gate, nil, 0o600))
	h.succeed(id)
	h.idle("reset")
	h.record(folder, "build/reset", "build-reset")
}

// recordTakeOver records a build whose host goes away and that another takes
// over.
func recordTakeOver(t *testing.T, folder string) {
	t.Helper()
	o := harnessOptions{data: t.TempDir(), temporal: temporaltest.Start(t)}
	repo, mark := gitrepotest.New(t), filepath.Join(t.TempDir(), "first-try")
	files := tiny("One")
	files["build.sh"] = "if mkdir " + mark + "; then echo started; exec sleep 600; fi\n" + files["build.sh"]
	repo.Commit(files, "first")
	h := newHarness(t, o)
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	h.running("course", id)
	h.stop()
	o.environ = []string{"COURSEWRIGHT_BUILD_PATH=" + t.TempDir()}
	h = newHarness(t, o)
	h.succeed(id)
	h.idle("course")
	h.record(folder, "build/course", "build-taken-over")
}

// What names the machine that recorded: processes, and folders in errors.
var (
	identities = regexp.MustCompile(`"identity": *"[^"]*"`)
	testFolder = regexp.MustCompile(`/[^" ]*/TestRecordHistories[0-9]+/[0-9]+`)
)

// record writes the history of the latest run of a workflow.
func (h *harness) record(folder, id, name string) {
	h.tb.Helper()
	recordRun(h.tb, h.system.temporal, folder, workflow.Execution{ID: id}, name)
}

// recordRun writes the history of a run, without its id of the latest one. What was
// recorded once is not written again.
func recordRun(tb testing.TB, temporal sdk.Client, folder string, of workflow.Execution, name string) {
	tb.Helper()
	var all history.History
	events := temporal.GetWorkflowHistory(tb.Context(), of.ID, of.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		must(tb, err)
		all.Events = append(all.Events, e)
	}
	text, err := protojson.Marshal(&all)
	must(tb, err)
	text = testFolder.ReplaceAll(identities.ReplaceAll(text, []byte(`"identity":"worker"`)), []byte("/data"))
	var out bytes.Buffer
	must(tb, json.Indent(&out, text, "", " "))
	f, err := os.OpenFile(filepath.Join(folder, name+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	must(tb, err)
	_, err = f.Write(out.Bytes())
	must(tb, errors.Join(err, f.Close()))
}
