package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
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
		err = a.c.temporal.TerminateWorkflow(ctx, id, chosen.GetRunId(), byCampaign)
	case faultCancel:
		err = a.c.temporal.CancelWorkflow(ctx, id, chosen.GetRunId())
	case faultReset:
		err = a.reset(ctx, chosen)
	default:
		return a.c.unknown(f)
	}
	return err == nil // otherwise it was too late
}

var errNoTask = errors.New("the workflow has not done a task yet")

func (a campaignAdmin) reset(ctx context.Context, chosen *common.WorkflowExecution) error {
	events := a.c.temporal.GetWorkflowHistory(ctx, chosen.GetWorkflowId(), chosen.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return err
		}
		if e.GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		_, err = a.c.temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: temporaldev.Namespace, WorkflowExecution: chosen,
			Reason: byCampaign, WorkflowTaskFinishEventId: e.GetEventId(), RequestId: course.NewVersion(),
		})
		return err
	}
	return errNoTask
}

// excused says whether what an administrator did explains how a build ended: it
// was done to the run that had claimed it. Times say nothing, as clocks jump.
func (c *campaign) excused(key string, b buildJSON) bool {
	switch {
	case b.Status == string(course.StatusCancelled):
		return slices.ContainsFunc(c.state.interferences(key), func(i interference) bool {
			return i.kind == faultCancel && c.claimedBy(key, i.run, b.ID)
		})
	case strings.Contains(b.Reason, "ended early (Terminated"),
		strings.Contains(b.Reason, "workflow run"): // the next run says so
		return c.terminated(key, c.row(b.ID).RunID)
	}
	return false
}

// terminated says whether a run of a course's workflow, or one to which it was reset,
// was ended by an administrator. Temporal is asked and not who did it: it may have
// answered too late, and a reset ends also what runs by now in the place of the run
// that it was meant for.
func (c *campaign) terminated(key, run string) bool {
	c.tb.Helper()
	ctx, id := c.tb.Context(), "build/"+key
	list, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("ExecutionStatus='Terminated' AND WorkflowId='%s'", id),
	})
	if err != nil {
		c.violation("%s: list the runs that were terminated: %v", key, err)
	}
	return slices.ContainsFunc(list.GetExecutions(), func(e *workflow.WorkflowExecutionInfo) bool {
		found := e.GetExecution().GetRunId()
		first, err := c.firstEvent(ctx, key, found)
		if err != nil {
			c.violation("%s: the history of run %s: %v", key, found, err)
		}
		if found != run && first.GetOriginalExecutionRunId() != run {
			return false
		}
		end, err := c.temporal.GetWorkflowHistory(ctx, id, found, false, enums.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT).Next()
		if err != nil {
			c.violation("%s: the end of run %s: %v", key, found, err)
		}
		return strings.Contains(end.GetWorkflowExecutionTerminatedEventAttributes().GetReason(), byCampaign)
	})
}

// byCampaign is the reason that the campaign's administrator gives.
const byCampaign = "by the campaign"

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

// runs tells what Temporal knows of the runs of a course's workflow.
func (c *campaign) runs(key string) string {
	list, err := c.temporal.ListWorkflow(c.tb.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId='build/%s'", key),
	})
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, e := range list.GetExecutions() {
		run := e.GetExecution().GetRunId()
		fmt.Fprintf(&out, "run %s, %s, from %s to %s\n", run, e.GetStatus(),
			e.GetStartTime().AsTime().Format(time.TimeOnly), e.GetCloseTime().AsTime().Format(time.TimeOnly))
		for events := c.temporal.GetWorkflowHistory(c.tb.Context(), "build/"+key, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				fmt.Fprintln(&out, err)
				break
			}
			fmt.Fprintf(&out, "  %s %s %s\n", event.GetEventTime().AsTime().Format("15:04:05.0"), event.GetEventType(),
				cmp.Or(event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName(),
					event.GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId(),
					event.GetWorkflowExecutionTerminatedEventAttributes().GetReason()))
		}
	}
	return out.String()
}
