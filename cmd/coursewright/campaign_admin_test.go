package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"coursewright/internal/course"
	"coursewright/internal/settings"
	"coursewright/internal/temporaldev"
)

// campaignAdmin is an administrator who tries the buttons of Temporal's Web UI.
type campaignAdmin struct{ c *campaign }

// interference is what an administrator did to a course's workflow.
type interference struct {
	kind faultKind
	run  string // of the workflow
}

func (a campaignAdmin) do(f fault) (happened bool) {
	ctx, cancel := context.WithTimeout(a.c.tb.Context(), patience)
	defer cancel()
	list, err := a.c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "ExecutionStatus='Running' AND WorkflowType='Build'",
	})
	if err != nil || len(list.GetExecutions()) == 0 {
		return false // there is nothing to do it to
	}
	r := rand.New(rand.NewPCG(f.pick, 0)) //nolint:gosec // a choice that can be had again
	chosen := list.GetExecutions()[r.IntN(len(list.GetExecutions()))].GetExecution()
	id := chosen.GetWorkflowId()
	a.c.state.interfere(strings.TrimPrefix(id, "build/"), interference{f.kind, chosen.GetRunId()})
	switch f.kind {
	case faultTerminate:
		err = a.c.temporal.TerminateWorkflow(ctx, id, chosen.GetRunId(), "by the campaign")
	case faultCancel:
		err = a.c.temporal.CancelWorkflow(ctx, id, chosen.GetRunId())
	case faultReset:
		err = a.reset(ctx, id)
	default:
		return a.c.unknown(f)
	}
	return err == nil // otherwise it was too late
}

var errNoTask = errors.New("the workflow has not done a task yet")

func (a campaignAdmin) reset(ctx context.Context, id string) error {
	events := a.c.temporal.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return err
		}
		if e.GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		_, err = a.c.temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: temporaldev.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: id},
			Reason: "by the campaign", WorkflowTaskFinishEventId: e.GetEventId(), RequestId: course.NewVersion(),
		})
		return err
	}
	return errNoTask
}

// excused says whether what an administrator did explains how a build ended: it
// was done to the run that had claimed it. Times say nothing, as clocks jump.
func (c *campaign) excused(key string, b buildJSON) bool {
	return slices.ContainsFunc(c.state.interferences(key), func(i interference) bool {
		ends := false
		switch {
		case b.Status == string(course.StatusCancelled):
			ends = i.kind == faultCancel
		case strings.Contains(b.Reason, "ended early (Terminated"):
			ends = i.kind == faultTerminate
		case strings.Contains(b.Reason, "workflow run"): // the next run says so
			ends = i.kind == faultTerminate || i.kind == faultReset
		}
		return ends && c.claimedBy(key, i.run, b.ID)
	})
}

// claimedBy says whether a run of a course's workflow has claimed a build. One that
// was reset claims under the id of the run that it was.
func (c *campaign) claimedBy(key, run string, id int64) bool {
	c.tb.Helper()
	row := c.row(id)
	if row.RunID == run {
		return true
	}
	first, err := c.firstEvent(c.tb.Context(), key, run)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
		c.violation("%s: the history of run %s: %v", key, run, err)
	}
	return first.GetOriginalExecutionRunId() == row.RunID
}

// firstEvent tells how a run of a course's workflow began.
func (c *campaign) firstEvent(ctx context.Context, key, run string) (*history.WorkflowExecutionStartedEventAttributes, error) {
	e, err := c.temporal.GetWorkflowHistory(ctx, "build/"+key, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	return e.GetWorkflowExecutionStartedEventAttributes(), err
}

// row reads a build's row, which says more than the api does.
func (c *campaign) row(id int64) course.Build {
	c.tb.Helper()
	s, err := settings.Load(settings.Sources{Environ: c.d.settings.environ()})
	if err != nil {
		c.tb.Fatal(err)
	}
	st, err := openDatabase(c.tb.Context(), s, "campaign", false)
	if err != nil {
		c.tb.Fatal(err)
	}
	b, err := st.Build(c.tb.Context(), id)
	if err := errors.Join(err, st.Close()); err != nil {
		c.tb.Fatal(err)
	}
	return b
}
