package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev/temporaltest"
	"coursewright/workflows"
)

// recordFolder names the folder for histories; without it nothing is recorded.
const recordFolder = "RECORD_HISTORIES"

// TestRecordHistories records the histories that workflows/replay_test.go
// replays: RECORD_HISTORIES=$PWD/workflows/testdata/replay go test -run
// TestRecordHistories ./cmd/coursewright. Run it from the commit that is
// deployed.
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

// identities name the machine that recorded.
var identities = regexp.MustCompile(`"identity": *"[^"]*"`)

// record writes the history of the latest run of a workflow.
func (h *harness) record(folder, id, name string) {
	h.tb.Helper()
	var all history.History
	events := h.system.temporal.GetWorkflowHistory(h.tb.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			h.tb.Fatal(err)
		}
		all.Events = append(all.Events, e)
	}
	text, err := protojson.Marshal(&all)
	if err != nil {
		h.tb.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, identities.ReplaceAll(text, []byte(`"identity":"worker"`)), "", " "); err != nil {
		h.tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), out.Bytes(), 0o644); err != nil {
		h.tb.Fatal(err)
	}
}
