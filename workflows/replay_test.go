package workflows_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"coursewright/workflows"
)

// Builds that are running when a new version starts are continued by its code,
// so that code must take the same decisions as the one that recorded the
// history. cmd/coursewright's TestRecordHistories makes the files; run it from
// the commit that is deployed, never from a change that is under test.
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
			if err := r.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file); err != nil {
				t.Error(err)
			}
		})
	}
}
