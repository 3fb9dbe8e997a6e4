package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"coursewright/internal/course"
	"coursewright/internal/temporaldev"
)

// campaignAdmin is an administrator who tries the buttons of Temporal's Web UI.
type campaignAdmin struct{ c *campaign }

// interference is what an administrator did to a course's workflow.
type interference struct {
	kind faultKind
	at   time.Time
}

func (a campaignAdmin) do(f fault) {
	ctx, cancel := context.WithTimeout(a.c.tb.Context(), patience)
	defer cancel()
	list, err := a.c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "ExecutionStatus='Running' AND WorkflowType='Build'",
	})
	if err != nil || len(list.GetExecutions()) == 0 {
		a.c.count("administrator found nothing", 1)
		return
	}
	r := rand.New(rand.NewPCG(f.pick, 0)) //nolint:gosec // a choice that can be had again
	id := list.GetExecutions()[r.IntN(len(list.GetExecutions()))].GetExecution().GetWorkflowId()
	a.c.state.interfere(strings.TrimPrefix(id, "build/"), f.kind)
	switch f.kind {
	case faultTerminate:
		err = a.c.temporal.TerminateWorkflow(ctx, id, "", "by the campaign")
	case faultCancel:
		err = a.c.temporal.CancelWorkflow(ctx, id, "")
	case faultReset:
		err = a.reset(ctx, id)
	default:
		a.c.unknown(f)
	}
	if err != nil {
		a.c.count("administrator came too late", 1)
	}
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

// excused says whether what an administrator did explains how a build ended.
func (c *campaign) excused(key string, b buildJSON) bool {
	if b.StartedAt == nil || b.FinishedAt == nil {
		return false
	}
	const slack = 5 * time.Second // between the call and its note, and of clocks
	// A workflow that was cancelled before it had a worker claims first.
	const wait = time.Minute
	return slices.ContainsFunc(c.state.interferences(key), func(i interference) bool {
		during := i.at.After(b.StartedAt.Add(-slack)) && i.at.Before(b.FinishedAt.Add(slack))
		switch {
		case b.Status == string(course.StatusCancelled):
			return i.kind == faultCancel && (during || b.StartedAt.Sub(i.at).Abs() < wait)
		case !during:
			return false
		}
		return i.kind == faultTerminate && strings.Contains(b.Reason, "ended early") || strings.Contains(b.Reason, "workflow run")
	})
}
