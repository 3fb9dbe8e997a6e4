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
	// sweepTurn is how long a turn belongs to the process that took it: less than
	// an interval, so that a single process never misses its own.
	sweepTurn = sweepInterval - 500*time.Millisecond
	// sweepTimeout bounds one look, so that a Temporal that swallows calls does
	// not keep requests from being signalled for long.
	sweepTimeout = 30 * time.Second
	sweepLimit   = 10_000
	// A request this old whose course builds nothing was not signalled, or its
	// signal failed.
	signalGrace = 2 * time.Second
	// sweptCourses is how many of the signalled courses are told by name.
	sweptCourses = 20
)

// Run sends the wakes and sweeps, at once and every few seconds, until ctx
// ends; then it waits for what is on its way. Of several processes one after
// the other has its turn.
func (c *Client) Run(ctx context.Context) error {
	waking := make(chan struct{})
	go func() {
		defer close(waking)
		c.wakes.run(ctx, func(key string, err error) {
			c.log.Error("build not signalled, will try again", "course", key, "error", err)
		})
	}()
	for {
		if err := c.sweepInTurn(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("sweep", "error", err)
		}
		if pause(ctx, sweepInterval) != nil {
			<-waking
			return nil
		}
	}
}

func (c *Client) sweepInTurn(ctx context.Context) error {
	ours, err := c.rows.BeginSweep(ctx, c.name, sweepTurn)
	if err != nil || !ours {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	return c.Sweep(ctx, time.Now())
}

// Sweep looks once at every row that is not final: a pending request whose
// course builds nothing is signalled again, a running build whose workflow has
// ended is closed. Whether a workflow runs is Temporal's word, never guessed
// from the age of a row. Several processes may sweep at once. What it found and
// did is recorded.
func (c *Client) Sweep(ctx context.Context, now time.Time) error {
	begun := time.Now()
	open, err := c.rows.OpenBuilds(ctx, sweepLimit)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	out := course.Sweep{By: c.name}
	busy := map[string]bool{}
	var failures []error
	for _, b := range open {
		if b.Status != course.StatusRunning {
			continue
		}
		alive, closed, err := c.look(ctx, b)
		switch {
		case err != nil:
			failures = append(failures, err)
			busy[b.CourseKey] = true
		case alive:
			out.Running++
			busy[b.CourseKey] = true
		case closed:
			out.Closed++
		}
	}
	c.signalWaiting(open, busy, now, &out)
	out.Took = time.Since(begun)
	err = errors.Join(failures...)
	if err != nil {
		out.Trouble = fmt.Sprintf("%d builds could not be judged: %v", len(failures), failures[0])
	}
	// Also when the look took all of its time.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepInterval)
	defer cancel()
	return errors.Join(err, c.rows.RecordSweep(record, out))
}

// signalWaiting wakes the courses that have requests and build nothing.
func (c *Client) signalWaiting(open []course.Build, busy map[string]bool, now time.Time, out *course.Sweep) {
	woken := map[string]bool{}
	for _, b := range open {
		if b.Status != course.StatusPending {
			continue
		}
		out.Pending++
		if busy[b.CourseKey] || woken[b.CourseKey] || now.Sub(b.RequestedAt).Abs() < signalGrace {
			continue
		}
		woken[b.CourseKey] = true
		out.Signalled++
		if len(out.Courses) < sweptCourses {
			out.Courses = append(out.Courses, b.CourseKey)
		}
		c.Wake(b.CourseKey)
	}
}

// look says whether a running build's workflow still runs; if not, the row is
// closed, by this call or by another.
func (c *Client) look(ctx context.Context, b course.Build) (alive, closed bool, err error) {
	gone, err := c.whyGone(ctx, b)
	if err != nil || gone == "" {
		return gone == "", false, err
	}
	reason := gone + "; build again."
	closed, err = c.rows.FinishBuild(ctx, b.ID, course.BuildResult{Status: course.StatusFailed, Reason: reason})
	if err != nil || !closed {
		return false, false, wrapped("close build %d", b.ID, err)
	}
	c.log.Warn("closed a build whose workflow was gone", "course", b.CourseKey, "build", b.ID, "reason", reason)
	err = c.rows.RecordClosing(ctx, course.Closing{Course: b.CourseKey, BuildID: b.ID, Reason: reason})
	return false, true, wrapped("note that build %d was closed", b.ID, err)
}

func wrapped(format string, id int64, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", id, err)
}

// whyGone says why nobody will end a running build any more, empty when the run
// that claimed it goes on. Another run of the course's workflow does not count:
// it may wait for a worker before it claims and so closes the row, and one that
// Temporal's database brought back from a backup may be busy with something old.
func (c *Client) whyGone(ctx context.Context, b course.Build) (string, error) {
	status, err := c.statusOf(ctx, b.CourseKey, b.RunID)
	if err != nil || status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", err
	}
	goesOn, err := c.resetFrom(ctx, b.CourseKey, b.RunID)
	switch {
	case err != nil || goesOn:
		return "", err
	case status == enums.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED:
		return "The build's workflow is not known to Temporal any more", nil
	}
	return fmt.Sprintf("The build's workflow ended early (%s in Temporal)", status), nil
}

// statusOf gives the status of a run of a course's build workflow, unspecified
// for one that Temporal does not know.
func (c *Client) statusOf(ctx context.Context, key, runID string) (enums.WorkflowExecutionStatus, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, BuildID(key), runID)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return enums.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, nil
	}
	if err != nil {
		return 0, fmt.Errorf("describe run %s of %s: %w", runID, BuildID(key), err)
	}
	return d.GetWorkflowExecutionInfo().GetStatus(), nil
}

// resetFrom says whether the present run of a course's build workflow is what an
// administrator has reset a run to: it goes on under the id of the run it was.
func (c *Client) resetFrom(ctx context.Context, key, runID string) (bool, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, BuildID(key), "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe %s: %w", BuildID(key), err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false, nil
	}
	first := c.temporal.GetWorkflowHistory(ctx, BuildID(key), info.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	e, err := first.Next()
	if errors.As(err, &gone) {
		return false, nil // it has ended and was deleted meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("first event of %s: %w", BuildID(key), err)
	}
	return e.GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId() == runID, nil
}

// BuildRuns says whether a run of a course's build workflow has not ended.
func (c *Client) BuildRuns(ctx context.Context, key, runID string) (bool, error) {
	status, err := c.statusOf(ctx, key, runID)
	return status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, err
}
