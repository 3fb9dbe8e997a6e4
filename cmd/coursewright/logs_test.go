package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"

	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/telemetry"
)

// lockedBuffer is written by many.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

// The log tells of each build when it begins, of its steps, its end and its
// publishing, each with course, build and workflow, for people and for programs.
func TestTheLogNamesCourseBuildAndWorkflow(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	log, err := telemetry.NewLogger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, harnessOptions{log: log, environ: []string{"COURSEWRIGHT_AUTO_PUBLISH=true"}})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("1"), "first")
	h.addCourse("course", repo.URL(), nil)
	b := h.succeed(h.push("course"))
	h.published("course", b.Version)
	h.stop()
	found := map[string]int{}
	for line := range strings.Lines(out.all.String()) {
		var entry struct {
			Msg, Course, WorkflowID, RunID string
			Build                          json.Number
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if entry.Course == "course" && entry.Build.String() == strconv.FormatInt(b.ID, 10) && entry.RunID != "" {
			found[entry.Msg+" "+entry.WorkflowID]++
		}
	}
	for want, least := range map[string]int{
		"build started build/course": 1, "step ended build/course": 5, "build ended build/course": 1, "published publish/course": 1,
	} {
		if found[want] < least {
			t.Errorf("%d entries %q with course, build and run; found %v", found[want], want, found)
		}
	}
}
