package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// HostSteps do on the host that has the working copy all that a build needs of
// it, in one activity: each activity is several round trips through Temporal.
type HostSteps struct {
	Build    *BuildSteps
	Release  *ReleaseSteps
	Cleaning *Cleaning
	Log      *slog.Logger
}

// BuildRelease checks out unless that was done, runs the build command and
// stores the release, as Checkout, RunBuilder and StageRelease do. A try that
// follows another of the same activity goes on where that has come to. When
// graders have to agree first it ends with their number; called again after
// they did, it only stores.
//
// The working copy is cleaned afterwards, while nobody waits. A host that dies
// meanwhile cleans it at the next checkout.
func (h *HostSteps) BuildRelease(ctx context.Context, in Built) (Made, error) {
	defer h.Build.Slots.Arrived(in.Job.BuildID)
	unlock, err := h.lock(ctx, in.Job.CourseKey)
	if err != nil {
		return Made{}, inStep("checkout", forTemporal(err))
	}
	out, err := h.make(ctx, in)
	if err != nil || out.Graders > 0 {
		unlock()
		return out, err
	}
	out.Cleans = true
	h.Cleaning.Go(unlock, func(ctx context.Context) { //nolint:contextcheck // it outlives the activity
		if err := h.Build.cleanUp(ctx, in.Job); err != nil && ctx.Err() == nil {
			h.Log.Warn("after the build", "course", in.Job.CourseKey, "build", in.Job.BuildID, "step", "clean", "error", err)
		}
	})
	return out, nil
}

// lock waits for the course's lock. The steps heartbeat by themselves.
func (h *HostSteps) lock(ctx context.Context, key string) (unlock func(), err error) {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	return h.Build.Disk.Lock(ctx, key)
}

func (h *HostSteps) make(ctx context.Context, in Built) (Made, error) {
	out := Made{CheckedOut: CheckedOut{Host: h.Build.Host, Commit: in.Commit, Fresh: in.Fresh}}
	var err error
	if in.Graders == 0 {
		if out.CheckedOut, err = h.untilBuilt(ctx, in); err != nil {
			return out, err
		}
	}
	in.Commit, in.Fresh = out.Commit, out.Fresh
	out.Staged, err = h.Release.release(ctx, in)
	return out, inStepUnlessTold("store", err)
}

// untilBuilt does the steps up to the build command.
func (h *HostSteps) untilBuilt(ctx context.Context, in Built) (CheckedOut, error) {
	out := CheckedOut{Host: h.Build.Host, Commit: in.Commit, Fresh: in.Fresh}
	before, err := h.done(ctx, in)
	if err != nil {
		return out, inStep("checkout", forTemporal(err))
	}
	now := before
	if before.Activity != "" {
		out.Commit, out.Fresh = before.Commit, before.Fresh
	} else {
		if out, now, err = h.checkout(ctx, in); err != nil {
			return out, inStepUnlessTold("checkout", err)
		}
	}
	if before.Built {
		return out, nil
	}
	in.Commit, in.Fresh = out.Commit, out.Fresh
	err = h.Build.ledger().attempt(ctx, in.Job, "build", &trail{done: now}, func(ctx context.Context, a *attempt) error {
		if err := handOverIfStopping(ctx); err != nil {
			return err
		}
		if err := h.Build.build(ctx, in, a, before.Activity != "" && activity.GetInfo(ctx).Attempt > 1); err != nil {
			return err
		}
		now.Built = true
		return h.note(ctx, a, now)
	})
	return out, inStepUnlessTold("build", err)
}

// handOverIfStopping leaves a build command that has not begun to the next try
// when its worker stops: what has begun has the time until then to end or to be
// left to others.
func handOverIfStopping(ctx context.Context) error {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return fmt.Errorf("the worker stops: %w", build.ErrHandOver)
	default:
		return nil
	}
}

// checkout is the first step, when this activity has it to do.
func (h *HostSteps) checkout(ctx context.Context, in Built) (CheckedOut, done, error) {
	b, out := h.Build, CheckedOut{Host: h.Build.Host}
	now := done{Activity: activity.GetInfo(ctx).ActivityID}
	b.Slots.Expect(in.Job.BuildID)
	err := b.ledger().attempt(ctx, in.Job, "checkout", nil, func(ctx context.Context, a *attempt) error {
		if err := b.checkOut(ctx, in.Job, a, &out); err != nil {
			return err
		}
		now.Commit, now.Fresh = out.Commit, out.Fresh
		return h.note(ctx, a, now)
	})
	return out, now, b.checkedOut(in.Job, err)
}

// done tells what is done already: by the activity before, or by an earlier try
// of this one.
func (h *HostSteps) done(ctx context.Context, in Built) (done, error) {
	info := activity.GetInfo(ctx)
	out := done{}
	if in.CheckedOut {
		out = done{Activity: info.ActivityID, Commit: in.Commit, Fresh: in.Fresh}
	}
	if info.Attempt == 1 {
		return out, nil
	}
	m, err := readMark(ctx, h.Build.Store, in.Job.BuildID, h.Build.Host, info.WorkflowExecution.RunID)
	if err != nil || m.Done.Activity != info.ActivityID {
		return out, err
	}
	return m.Done, nil
}

// note keeps what is done for a later try, which does not write the log of it
// again. So the log is complete before, and nothing of it that comes later puts
// the trail's mark in the place of this one.
func (h *HostSteps) note(ctx context.Context, a *attempt, now done) error {
	if err := a.log.Close(); err != nil {
		return err
	}
	m := mark{Host: h.Build.Host, RunID: activity.GetInfo(ctx).WorkflowExecution.RunID, Done: now}
	return refused(persist(ctx, func(ctx context.Context) error {
		return a.store.AppendTry(ctx, a.try, course.LogAppend{Mark: m.text()})
	}))
}

// inStepUnlessTold names the step of an error that does not do so itself.
func inStepUnlessTold(name string, err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.HasDetails() {
		return err
	}
	return inStep(name, err)
}
