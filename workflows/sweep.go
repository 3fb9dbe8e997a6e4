package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"coursewright/internal/course"
)

const (
	sweepInterval = 5 * time.Second
	sweepLimit    = 10_000
	// A request this old whose course builds nothing was not signalled, or its
	// signal failed.
	signalGrace = 2 * time.Second
)

// Run sends the wakes and sweeps, at once and every few seconds, until ctx
// ends; then it waits for what is on its way.
func (c *Client) Run(ctx context.Context) error {
	waking := make(chan struct{})
	go func() {
		defer close(waking)
		c.wakes.run(ctx, func(key string, err error) {
			c.log.Error("build not signalled, will try again", "course", key, "error", err)
		})
	}()
	for {
		if err := c.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			c.log.Error("sweep", "error", err)
		}
		if pause(ctx, sweepInterval) != nil {
			<-waking
			return nil
		}
	}
}

// Sweep looks once at every row that is not final: a pending request whose
// course builds nothing is signalled again, a running build whose workflow has
// ended is closed. Whether a workflow runs is Temporal's word, never guessed
// from the age of a row. Several processes may sweep at once.
func (c *Client) Sweep(ctx context.Context, now time.Time) error {
	open, err := c.rows.OpenBuilds(ctx, sweepLimit)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	busy := map[string]bool{}
	var failures []error
	for _, b := range open {
		if b.Status != course.StatusRunning {
			continue
		}
		alive, err := c.alive(ctx, b)
		switch {
		case err != nil:
			failures = append(failures, err)
			busy[b.CourseKey] = true
		case alive:
			busy[b.CourseKey] = true
		}
	}
	for _, b := range open {
		if b.Status == course.StatusPending && !busy[b.CourseKey] && now.Sub(b.RequestedAt) >= signalGrace {
			c.Wake(b.CourseKey)
		}
	}
	return errors.Join(failures...)
}

// alive says whether a running build's workflow still runs; if not, the row is
// closed.
func (c *Client) alive(ctx context.Context, b course.Build) (bool, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, BuildID(b.CourseKey), "")
	var gone *serviceerror.NotFound
	reason := "The build's workflow is not known to Temporal any more; build again."
	switch {
	case errors.As(err, &gone):
	case err != nil:
		return false, fmt.Errorf("describe %s: %w", BuildID(b.CourseKey), err)
	default:
		status := d.GetWorkflowExecutionInfo().GetStatus()
		if status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			// Also a later run than the row's: it closes the row itself when it
			// claims.
			return true, nil
		}
		reason = fmt.Sprintf("The build's workflow ended early (%s in Temporal); build again.", status)
	}
	ended, err := c.rows.FinishBuild(ctx, b.ID, course.BuildResult{Status: course.StatusFailed, Reason: reason})
	if err != nil {
		return false, fmt.Errorf("close build %d: %w", b.ID, err)
	}
	if ended {
		c.log.Warn("closed a build whose workflow was gone", "course", b.CourseKey, "build", b.ID, "reason", reason)
	}
	return false, nil
}

// BuildRuns says whether a run of a course's build workflow has not ended.
func (c *Client) BuildRuns(ctx context.Context, key, runID string) (bool, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, BuildID(key), runID)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe run %s of %s: %w", runID, BuildID(key), err)
	}
	return d.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
