package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"coursewright/internal/course"
	"coursewright/internal/remote"
)

// Types of the application errors that are not retried. They are part of what
// recorded histories hold: never rename them.
const (
	AuthorErrorType  = "AuthorError"
	RemoteErrorType  = "RemoteError"  // A+ or a grader; whether it is tried again is its own decision
	ServiceErrorType = "ServiceError" // the service's own trouble; it is tried again
	NotFoundType     = "NotFound"
	ConflictType     = "Conflict"
	InvalidType      = "Invalid"
	DeniedType       = "Denied"
	HostUnfitType    = "HostUnfit" // this build host cannot take the build; another may
)

// forTemporal is the one table from error kinds to Temporal's: what trying
// again cannot mend is not tried again. Everything else is the service's own
// trouble and stays as it is.
func forTemporal(err error) error {
	if err == nil {
		return nil
	}
	var author *course.AuthorError
	if errors.As(err, &author) {
		return temporal.NewNonRetryableApplicationError(author.Message, AuthorErrorType, nil)
	}
	var unfit *unfitError
	if errors.As(err, &unfit) {
		return unfit.forTemporal()
	}
	var away *awayError
	if errors.As(err, &away) && away.final {
		return temporal.NewNonRetryableApplicationError(err.Error(), ServiceErrorType, nil)
	}
	for _, k := range []struct {
		kind error
		name string
	}{
		{course.ErrNotFound, NotFoundType},
		{course.ErrConflict, ConflictType},
		{course.ErrInvalid, InvalidType},
		{course.ErrDenied, DeniedType},
	} {
		if errors.Is(err, k.kind) {
			return temporal.NewNonRetryableApplicationError(err.Error(), k.name, nil)
		}
	}
	return err
}

// ofTry is forTemporal for steps that call A+ or a grader: the failed call
// itself knows whether and when it is made again, after how many tries.
func ofTry(ctx context.Context, err error) error {
	var failure *remote.Failure
	if !errors.As(err, &failure) {
		return forTemporal(err)
	}
	wait, again := thisTry(ctx).next(failure)
	return temporal.NewApplicationErrorWithOptions(failure.Message, RemoteErrorType, temporal.ApplicationErrorOptions{
		NonRetryable: !again,
		// To Temporal no delay means that of the policy.
		NextRetryDelay: max(wait, time.Millisecond),
	})
}

// try is one of several calls for the same purpose.
type try struct {
	n    int           // from 1
	left time.Duration // for which a service that is away may be called again; 0: as often as the protocol says
}

// thisTry is the one that Temporal makes of a step now.
func thisTry(ctx context.Context) try { return try{n: int(activity.GetInfo(ctx).Attempt)} }

// next says whether and when the call that has just failed is made again.
func (t try) next(f *remote.Failure) (wait time.Duration, again bool) {
	return f.NextWithin(t.left, t.n)
}

// words tell the reader of a log what next says; empty for a last try.
func (t try) words(f *remote.Failure) string {
	wait, again := t.next(f)
	switch {
	case !again:
		return ""
	case wait == 0:
		return "; trying again at once"
	}
	return "; trying again in " + wait.Round(100*time.Millisecond).String()
}

// inStep names the step of the build in which an error came up, for the
// workflow, to which one activity may be several steps.
func inStep(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var app *temporal.ApplicationError
	o := temporal.ApplicationErrorOptions{Details: []any{name}}
	if !errors.As(err, &app) {
		o.Cause = err
		return temporal.NewApplicationErrorWithOptions(err.Error(), ServiceErrorType, o)
	}
	o.NonRetryable, o.NextRetryDelay = app.NonRetryable(), app.NextRetryDelay()
	return temporal.NewApplicationErrorWithOptions(app.Message(), app.Type(), o)
}
