package workflows

import (
	"context"
	"errors"
	"fmt"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

// Announce does for a release that somebody has approved what else follows its
// build: it is published where no A+ asks for it, and A+ is told to import the
// course.
func Announce(ctx workflow.Context, in activities.Announcement) error {
	var next activities.Ended
	if err := untilDone(ctx, records.Announced, in, &next); err != nil {
		return err
	}
	var failures []error
	if next.Publish {
		calls := onOtherService(ctx, TaskQueue, callLimit)
		failures = append(failures, workflow.ExecuteActivity(calls, service.PublishNow, in.Job).Get(ctx, nil))
	}
	if next.Notify {
		failures = append(failures, untilDone(ctx, service.RequestLMSCall, activities.LMSCall{Job: in.Job}, nil))
	}
	return errors.Join(failures...)
}

// AnnounceID is the workflow id of the announcement of a release.
func AnnounceID(key, version string) string { return "announce/" + key + "/" + version }

// Announce starts Announce for a release that somebody has approved, and returns
// when Temporal has it.
func (c *Client) Announce(ctx context.Context, r course.Release, by string) error {
	b, err := c.rows.Build(ctx, r.BuildID)
	if err != nil && !errors.Is(err, course.ErrNotFound) {
		return err
	}
	_, err = c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       AnnounceID(r.Key, r.Version),
		TaskQueue:                TaskQueue,
		WorkflowTaskTimeout:      workflowTaskTimeout,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, Announce, activities.Announcement{By: by, Job: activities.Job{
		BuildID: r.BuildID, CourseID: b.CourseID, CourseKey: r.Key, Version: r.Version,
	}})
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &running) {
		return fmt.Errorf("announce release %s of %s: %w", r.Version, r.Key, err)
	}
	return nil
}
