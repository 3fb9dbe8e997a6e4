package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"coursewright/activities"
	"coursewright/internal/course"
)

// Rows is what the client needs of the database.
type Rows interface {
	Course(ctx context.Context, key string) (course.Course, error)
	Build(ctx context.Context, id int64) (course.Build, error)
	OpenBuilds(ctx context.Context, limit int) ([]course.Build, error)
	Building(ctx context.Context, key string) (bool, error)
	FinishBuild(ctx context.Context, id int64, r course.BuildResult) (bool, error)
	BeginSweep(ctx context.Context, by string, every time.Duration) (bool, error)
	RecordSweep(ctx context.Context, s course.Sweep) error
	RecordClosing(ctx context.Context, c course.Closing) error
}

// Client starts, wakes and steers the workflows. Its Run must run for Wake and
// the sweeper to work.
type Client struct {
	temporal client.Client
	rows     Rows
	name     string
	log      *slog.Logger
	limits   Limits
	wakes    *waker
}

// Limits are the deployment's wishes for builds; zero values leave the
// defaults.
type Limits struct {
	BuildTimeout time.Duration // of one build command
	RetryDelay   time.Duration // longest pause before a step is tried again
}

// NewClient returns a client of the process that has this name, which tells who
// has swept.
func NewClient(name string, t client.Client, rows Rows, log *slog.Logger, l Limits) *Client {
	c := &Client{temporal: t, name: name, rows: rows, log: log, limits: l}
	c.wakes = newWaker(c.signalUnlessBuilding)
	return c
}

// Wake tells the build workflow of a course that there may be a request. It
// returns at once; wakes of one course that have not gone out yet are one.
// Should the signal fail, the sweeper wakes the course again: the database row
// is the promise.
func (c *Client) Wake(key string) { c.wakes.wake(key) }

// signalUnlessBuilding is Signal, but for a course with a running build: its
// workflow claims again after that build, and a claim finds whatever was
// requested before. Should the workflow be gone, the sweeper closes the row and
// wakes the course.
func (c *Client) signalUnlessBuilding(ctx context.Context, key string) error {
	if building, err := c.rows.Building(ctx, key); err == nil && building {
		return nil
	}
	return c.Signal(ctx, key)
}

// Signal starts the course's build workflow, or wakes the running one, and
// returns when Temporal has the signal.
func (c *Client) Signal(ctx context.Context, key string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, BuildID(key), SignalRequested, Requested{},
		client.StartWorkflowOptions{
			TaskQueue:             TaskQueue,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowTaskTimeout:   workflowTaskTimeout,
		}, Build, BuildInput{CourseKey: key, BuildTimeout: c.limits.BuildTimeout, RetryDelay: c.limits.RetryDelay})
	if err != nil {
		return fmt.Errorf("signal %s: %w", BuildID(key), err)
	}
	return nil
}

// workflowTaskTimeout is how long Temporal waits for a worker that was given a
// workflow task: what a killed worker costs a build.
const workflowTaskTimeout = 10 * time.Second

// Await waits until a build has its final status.
func (c *Client) Await(ctx context.Context, id int64) (course.Build, error) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		b, err := c.rows.Build(ctx, id)
		if err != nil || b.Status.Final() {
			return b, err
		}
		if err := pause(ctx, wait); err != nil {
			return b, err
		}
	}
}

// CancelBuild ends one build. ErrNotFound when the course has no such build,
// ErrConflict when it has ended already.
func (c *Client) CancelBuild(ctx context.Context, key string, id int64) error {
	const reason = "The build was cancelled."
	b, err := c.rows.Build(ctx, id)
	switch {
	case err != nil:
		return err
	case b.CourseKey != key:
		return fmt.Errorf("build %d of %s: %w", id, key, course.ErrNotFound)
	case b.Status.Final():
		return fmt.Errorf("build %d has ended as %s: %w", id, b.Status, course.ErrConflict)
	}
	if b.Status == course.StatusPending {
		ended, err := c.rows.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusCancelled, Reason: reason})
		if err != nil || ended {
			return err
		}
	}
	err = c.temporal.SignalWorkflow(ctx, BuildID(key), "", SignalCancel, CancelBuild{BuildID: id, Reason: reason})
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		_, err = c.rows.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusCancelled, Reason: reason})
	}
	if err != nil {
		return fmt.Errorf("cancel build %d: %w", id, err)
	}
	return nil
}

// Publish publishes a release and returns when it is live. A mismatch of
// versions or a fence is of kind ErrConflict, an unknown one ErrNotFound.
func (c *Client) Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error) {
	id := PublishID(r.Key)
	in := activities.Publish{CourseKey: r.Key, Version: r.Version, Rollback: r.Rollback}
	for {
		run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID:                       id,
			TaskQueue:                PublishQueue,
			EnableEagerStart:         true, // the API's own worker takes the first task with the answer
			WorkflowExecutionTimeout: publishLimit,
			WorkflowTaskTimeout:      workflowTaskTimeout,
			WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,

			WorkflowExecutionErrorWhenAlreadyStarted: true,
		}, Publish, in)
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		if errors.As(err, &running) {
			// Another publish of the course is on its way: its turn first. Its
			// outcome is its caller's.
			_ = c.temporal.GetWorkflow(ctx, id, running.RunId).Get(ctx, nil)
			if ctx.Err() != nil {
				return course.PublishResult{}, fmt.Errorf("publish %s: %w", r.Key, context.Cause(ctx))
			}
			continue
		}
		if err != nil {
			return course.PublishResult{}, fmt.Errorf("publish %s: %w", r.Key, err)
		}
		var out activities.Published
		if err := run.Get(ctx, &out); err != nil {
			return course.PublishResult{}, kindOf(err)
		}
		return course.PublishResult{Version: out.Version, BuildID: out.BuildID, Errors: out.Errors}, nil
	}
}

// CallLMS has A+ told of a build, by a workflow that goes on with it for a while
// when A+ is away. It returns when Temporal has the call.
func (c *Client) CallLMS(ctx context.Context, call activities.LMSCall) error {
	id := LMSCallID(call.CourseKey, call.Mail)
	_, err := c.temporal.SignalWithStartWorkflow(ctx, id, SignalNewer, call, client.StartWorkflowOptions{
		TaskQueue:             TaskQueue,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowTaskTimeout:   workflowTaskTimeout,
	}, CallLMS, call)
	if err != nil {
		return fmt.Errorf("signal %s: %w", id, err)
	}
	return nil
}

// RemoveCourse stops the builds of a course, removes its files and its rows.
func (c *Client) RemoveCourse(ctx context.Context, key string) error {
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       RemoveID(key),
		TaskQueue:                TaskQueue,
		WorkflowTaskTimeout:      workflowTaskTimeout,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, Remove, activities.Removal{CourseKey: key})
	if err != nil {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	if err := run.Get(ctx, nil); err != nil {
		return kindOf(err)
	}
	return nil
}

// kindOf turns an activity's error back into the kind that it had before it
// went through Temporal.
func kindOf(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	again := func(kind error) error {
		return fmt.Errorf("%s: %w", strings.TrimSuffix(app.Message(), ": "+kind.Error()), kind)
	}
	switch app.Type() {
	case activities.NotFoundType:
		return again(course.ErrNotFound)
	case activities.ConflictType:
		return again(course.ErrConflict)
	case activities.AuthorErrorType:
		return &course.AuthorError{Message: app.Message()}
	default:
		return err
	}
}

// pause waits, or returns the context's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
