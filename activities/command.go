package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// RunBuilder runs the course's build command. A try that follows one whose
// worker died goes on with what that has left running, if the builder can.
func (b *BuildSteps) RunBuilder(ctx context.Context, in Built) error {
	defer b.Slots.Arrived(in.Job.BuildID)
	again := activity.GetInfo(ctx).Attempt > 1
	return b.ledger().attempt(ctx, in.Job, "build", &trail{}, func(ctx context.Context, a *attempt) error {
		unlock, err := b.Disk.Lock(ctx, in.Job.CourseKey)
		if err != nil {
			return err
		}
		defer unlock()
		return b.build(ctx, in, a, again)
	})
}

// build runs the command for a caller that has the course's lock. again says
// that an earlier try has begun it.
func (b *BuildSteps) build(ctx context.Context, in Built, a *attempt, again bool) error {
	if in.Job.Options.SkipBuild {
		a.log.Printf("The build command is skipped as asked.")
		return nil
	}
	c := &command{steps: b, in: in, attempt: a, again: again}
	return c.run(ctx)
}

// printer takes lines of the service for a build's log.
type printer interface {
	Printf(format string, args ...any)
}

// command is one try of a build command.
type command struct {
	*attempt

	steps   *BuildSteps
	in      Built
	again   bool   // an earlier try has begun the command
	earlier mark   // what an earlier try has left; zero: nothing
	held    []line // what is not said when the earlier try goes on
	stop    context.CancelCauseFunc
}

type line struct {
	format string
	args   []any
}

// Printf says a line at once, or later when an earlier try may have said it.
func (c *command) Printf(format string, args ...any) {
	if c.earlier.Handle == nil {
		c.log.Printf(format, args...)
		return
	}
	c.held = append(c.held, line{format, args})
}

// say says what was held back.
func (c *command) say() {
	for _, l := range c.held {
		c.log.Printf(l.format, l.args...)
	}
	c.held = nil
}

func (c *command) run(ctx context.Context) error {
	info := activity.GetInfo(ctx)
	var err error
	c.earlier, err = readMark(ctx, c.store, c.in.Job.BuildID, c.steps.Host, info.WorkflowExecution.RunID)
	if err != nil {
		return err
	}
	if c.earlier.Handle == nil {
		if err := c.steps.fit(ctx); err != nil {
			return err
		}
	}
	if c.earlier.Handle == nil && c.again {
		c.log.Printf("This is try %d of the step; what an earlier one has left is stopped, the build begins anew.", info.Attempt)
	}
	request, err := c.steps.plan(ctx, c.in, c, func(f course.Facts) error { return c.record(ctx, f) })
	if err != nil || request == nil {
		c.say()
		return err
	}
	if err := c.steps.hold(ctx, c.in.Job, c); err != nil {
		c.say()
		return err
	}
	release, err := c.steps.slot(ctx, c.in.Job, c)
	if err != nil {
		if c.earlier.Handle == nil {
			c.free(ctx, err)
		}
		c.say()
		return err
	}
	defer release()
	if err := c.steps.Disk.noteUnclean(copyOf(c.in.Job)); err != nil {
		return err
	}
	ctx, c.stop = context.WithCancelCause(ctx)
	defer c.stop(nil)
	request.Output = c.log
	request.Resume, request.Written = c.earlier.Handle, c.earlier.Written
	request.Started = func(handle []byte) { c.started(ctx, request.RunID, handle) }
	began := time.Now()
	result, err := c.steps.Builder.Run(ctx, *request)
	// A disk that was full may have space again when the database has answered.
	_ = c.steps.Agent.CheckDisk() // blame asks what it saw
	c.say()
	if result.Left {
		c.log.Drop() // the next try gets it again
	} else {
		c.free(ctx, err)
	}
	if result.Missing || c.brokeOff(ctx, err) {
		c.trail.lose()
		c.log.Printf(missingNotice)
	}
	err = c.seen(result, err)
	return c.steps.blame(ctx, began, result.Adopted, c.steps.awaitEngine(ctx, c.in.Job.CourseKey, c.log, err))
}

// free lets other hosts build the course, when what ran of it is gone. Otherwise the
// janitor sees to it.
func (c *command) free(ctx context.Context, err error) {
	if left := c.steps.stopped(ctx, c.in.Job.CourseKey, err); left != nil {
		logWarn(ctx, "what ran of the course may be left", "course", c.in.Job.CourseKey, "build", c.in.Job.BuildID, "error", left)
	}
}

// brokeOff says whether the way to what runs was lost, and with it perhaps output.
func (c *command) brokeOff(ctx context.Context, err error) bool {
	var author *course.AuthorError
	return err != nil && ctx.Err() == nil && !errors.As(err, &author) && c.trail.details() != nil
}

// seen is how a build ended. One that failed while the way to it was broken off, now
// or before it was taken over, may have said why to nobody: it begins anew, as one
// whose engine has failed.
func (c *command) seen(result build.Result, err error) error {
	var author *course.AuthorError
	missing := result.Missing || result.Adopted && c.earlier.Missing
	if !missing || result.ExitCode <= 0 || !errors.As(err, &author) {
		return err
	}
	return fmt.Errorf("the build command ended with status %d while nobody could follow it, and what it said of that may be lost; it begins anew", result.ExitCode)
}

// started keeps how to find what runs, before the first of its output is in the
// log. A build that nobody could find again is stopped.
func (c *command) started(ctx context.Context, runID string, handle []byte) {
	adopted := c.earlier.Handle != nil && bytes.Equal(handle, c.earlier.Handle)
	c.trail.begin(c.steps.Host, runID, handle, c.earlier, adopted)
	switch {
	case adopted:
		c.held = nil
		c.log.GoOn(c.earlier.MidLine)
		c.log.Printf("The worker was interrupted; the build has gone on and is followed again.")
	case c.earlier.Handle != nil:
		c.say()
		c.log.Printf("What the earlier try had started is gone; the build begins anew.")
	}
	if err := c.store.AppendTry(ctx, c.try, course.LogAppend{Mark: c.trail.now()}); err != nil && ctx.Err() == nil {
		c.stop(fmt.Errorf("keep how to find the build: %w", err))
	}
}
