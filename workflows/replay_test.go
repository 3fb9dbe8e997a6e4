package workflows_test

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"coursewright/workflows"
)

// Builds that are running when a new version starts are continued by its code,
// so that code must take the same decisions as the one that recorded the
// history. cmd/coursewright's TestRecordHistories makes the files; run it from
// the commit that is deployed, never from a change that is under test.
//
// What was recorded once is never recorded anew or deleted: a build of that version
// may still run somewhere. Later histories are more files, and more lines in
// SHA256SUMS.
func TestRecordedHistoriesAreKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "replay")
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = true
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%v: restore it", err)
			continue
		}
		if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s was changed: restore it and add the new history under another name", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	for _, file := range files {
		if !listed[filepath.Base(file)] {
			t.Errorf("%s is not in SHA256SUMS: add it with sha256sum", file)
		}
	}
}

// All of them replay.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := sdkworker.NewWorkflowReplayer()
			r.RegisterWorkflow(workflows.Build)
			r.RegisterWorkflow(workflows.Publish)
			r.RegisterWorkflow(workflows.Remove)
			r.RegisterWorkflow(workflows.CallLMS)
			r.RegisterWorkflow(workflows.Announce)
			r.RegisterWorkflow(workflows.TellCommit)
			if err := r.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file); err != nil {
				t.Error(err)
			}
		})
	}
}
