package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"coursewright/internal/build"
	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/host"
	"coursewright/internal/remote"
)

// retake is how soon a build that was offered to all hosts and that this one
// does not take is offered again: at first soon, then after three times that,
// and so on. Hosts that are drained together may all have asked for a build
// before; what they asked for ends within a minute, and so before the tries.
const retake = 100 * time.Millisecond

// unfitError sends a build to another host.
type unfitError struct {
	err    error
	pinned bool          // the build was sent to this host; else it was offered to all
	after  time.Duration // of what was offered to all: when to offer it again
}

func (e *unfitError) Error() string { return e.err.Error() }
func (e *unfitError) Unwrap() error { return e.err }

// forTemporal lets the workflow choose when the build was sent here. What was
// offered to all goes back to the queue, which this host does not ask now.
func (e *unfitError) forTemporal() error {
	return temporal.NewApplicationErrorWithOptions(e.Error(), HostUnfitType, temporal.ApplicationErrorOptions{
		NonRetryable: e.pinned, NextRetryDelay: e.after,
	})
}

// unfit is the error of a task that this host cannot take.
func (b *BuildSteps) unfit(ctx context.Context, err error) error {
	e := &unfitError{err: err, pinned: b.pinned(ctx), after: retake}
	for range activity.GetInfo(ctx).Attempt - 1 {
		e.after *= 3
	}
	return e
}

// pinned says whether the present task was sent to this host by name.
func (b *BuildSteps) pinned(ctx context.Context) bool {
	return strings.HasSuffix(activity.GetInfo(ctx).TaskQueue, "@"+b.Host)
}

// accept refuses a build that was asked for before the host stopped taking
// builds. The database is asked for the orders of this moment: an administrator
// who has drained the host expects no further build on it. One that has its
// working copy on a host that is being drained is taken: it was claimed before
// that.
func (b *BuildSteps) accept(ctx context.Context) error {
	if b.pinned(ctx) {
		return nil
	}
	if err := b.Agent.Report(ctx); err != nil {
		return forTemporal(err)
	}
	if err := b.Agent.Takes(); err != nil {
		return forTemporal(b.unfit(ctx, err))
	}
	return nil
}

// fit refuses to begin a build command on a host that has taken itself out:
// another host can do it, and this one when it is back.
func (b *BuildSteps) fit(ctx context.Context) error {
	if err := b.Agent.Out(); err != nil {
		return b.unfit(ctx, err)
	}
	return nil
}

// room makes sure that the build disk has space for a build, if need be by
// removing what other courses do not use.
func (b *BuildSteps) room(ctx context.Context, log *buildlog.Writer) error {
	if b.Agent.CheckDisk() == nil {
		return nil
	}
	log.Printf("The build disk is short of space: removing working copies that no build uses.")
	tidyErr := b.Tidier.Tidy(ctx, time.Now())
	if err := b.Agent.CheckDisk(); err != nil {
		return b.unfit(ctx, errors.Join(err, tidyErr))
	}
	return nil
}

// blame says whose fault the end of a build command is. On a disk without space
// most commands fail, whatever the course: nobody can mend that in the course, and
// another host, or this one later, can do the build. adopted says that it began in
// another process, of which only the disk can tell.
func (b *BuildSteps) blame(ctx context.Context, began time.Time, adopted bool, err error) error {
	var author *course.AuthorError
	if !errors.As(err, &author) {
		return err
	}
	if disk := b.Agent.CheckDisk(); disk != nil {
		return b.unfit(ctx, fmt.Errorf("%w; the build command may have failed for that (%s)", disk, author.Message))
	}
	if b.Agent.DiskWasShort(began) || adopted && b.Agent.DiskWasEverShort(activity.GetInfo(ctx).ScheduledTime) {
		return fmt.Errorf("the build disk had too little free space for a while; the build command may have failed for that (%s)", author.Message)
	}
	return err
}

// enterGit waits for leave to run git.
func (b *BuildSteps) enterGit(ctx context.Context, log *buildlog.Writer) (leave func(), err error) {
	leave = func() { <-b.Checkouts }
	select {
	case b.Checkouts <- struct{}{}:
		return leave, nil
	default:
	}
	log.Printf("%d checkouts run on this host already; waiting.", cap(b.Checkouts))
	select {
	case b.Checkouts <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// slot waits for leave to run a build command, and tells the reader of the log
// how long it took.
func (b *BuildSteps) slot(ctx context.Context, job Job, log printer) (release func(), err error) {
	claim := host.Claim{Build: job.BuildID, Class: job.Class, Owner: job.Owner}
	if claim.Class == 0 {
		claim.Class = course.ClassPush
	}
	var begun time.Time
	release, err = b.Slots.Acquire(ctx, claim, func(others int) {
		begun = time.Now()
		log.Printf("Waiting for a build slot: all %d of this host are busy, %d more builds wait.", b.Slots.Capacity(), others)
	})
	if err == nil && !begun.IsZero() {
		log.Printf("Waited %s for a build slot.", seconds(time.Since(begun)))
	}
	return release, err
}

// judge tells the host's agent how a step went. What authors, other services
// and administrators did says nothing about the host.
func (l Ledger) judge(ctx context.Context, job Job, name string, err error) {
	if l.Host == nil || ctx.Err() != nil {
		return
	}
	var author *course.AuthorError
	var failure *remote.Failure
	var unfit *unfitError
	var away *awayError
	switch {
	case err == nil, errors.As(err, &author):
		l.Host.Worked(name)
		return
	case errors.As(err, &failure), errors.As(err, &unfit), errors.As(err, &away), errors.Is(err, context.Canceled),
		errors.Is(err, buildlog.ErrRefused), errors.Is(err, build.ErrHandOver): // another try has begun
		return
	}
	for _, kind := range []error{course.ErrNotFound, course.ErrConflict, course.ErrInvalid, course.ErrDenied} {
		if errors.Is(err, kind) {
			return
		}
	}
	l.Host.Failed(ctx, host.Failure{
		Step: name, Course: job.CourseKey, Err: err, Elsewhere: gitrepo.ElsewhereTrouble(err),
	})
}
