package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/build"
	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/host"
	"coursewright/internal/remote"
)

// TryStore records the tries of a build's steps.
type TryStore interface {
	StartTry(ctx context.Context, buildID int64, step string) (course.Try, error)
	FinishTry(ctx context.Context, t course.Try, o course.Outcome, message string) error
	AppendTry(ctx context.Context, t course.Try, a course.LogAppend) error
	RecordTryFacts(ctx context.Context, t course.Try, f course.Facts) error
	Mark(ctx context.Context, buildID int64) (string, error)
	Build(ctx context.Context, id int64) (course.Build, error)
}

// Ledger records what a step does: its start, its output in the build's log,
// its end.
type Ledger struct {
	Store     TryStore
	Host      *host.Agent   // hears how the steps go; nil: nobody does
	StopAfter time.Duration // how long a step may go on once its worker is told to stop; 0: no bound
	Metrics   *Metrics
	Traces    Traces // nil: nothing is traced
}

const (
	// recordTimeout bounds the writing down of a step's end, which is done even
	// when the step was cancelled.
	recordTimeout = 10 * time.Second
	// A database that is away is waited for before what a step has done is done
	// again: that may take much longer.
	recordPatience = 2 * time.Minute
	recordPause    = 500 * time.Millisecond
)

// persist writes something down that may be written down twice, and waits for a
// database that is away.
func persist(ctx context.Context, write func(context.Context) error) error {
	patience, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	for {
		try, done := context.WithTimeout(ctx, recordTimeout)
		err := write(try)
		done()
		if !errors.Is(err, course.ErrUnavailable) {
			return err
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(recordPause):
		}
	}
}

// record saves facts as this try. Without facts it only asks whether the try
// still counts.
func (a *attempt) record(ctx context.Context, f course.Facts) error {
	return refused(persist(ctx, func(ctx context.Context) error { return a.store.RecordTryFacts(ctx, a.try, f) }))
}

// refused turns the refusal of a late try into buildlog.ErrRefused.
func refused(err error) error {
	if errors.Is(err, course.ErrConflict) {
		// Not wrapped: the kind would end all tries, the later one included.
		return fmt.Errorf("%w (%v)", buildlog.ErrRefused, err) //nolint:errorlint // see above
	}
	return err
}

// step runs one named step of a build: it heartbeats while f runs, f writes to
// the build's log, and the outcome is recorded. The error is ready for
// Temporal.
func (l Ledger) step(ctx context.Context, job Job, name string, f func(context.Context, *buildlog.Writer) error) error {
	return l.attempt(ctx, job, name, nil, func(ctx context.Context, a *attempt) error { return f(ctx, a.log) })
}

// attempt is step for steps that leave a trail to their next try.
func (l Ledger) attempt(ctx context.Context, job Job, name string, t *trail, f func(context.Context, *attempt) error) error {
	v := vitals{stopAfter: l.StopAfter, over: func(ctx context.Context) bool { return l.over(ctx, job.BuildID) }}
	if t != nil {
		v.details = t.details
	}
	kept, stop := keepAlive(ctx, v)
	defer stop()
	if kept.Err() != nil {
		return inStep(name, forTemporal(context.Cause(kept)))
	}
	try, err := l.Store.StartTry(kept, job.BuildID, name)
	if err != nil {
		return forTemporal(err)
	}
	a := &attempt{store: l.Store, try: try, trail: t, metrics: l.Metrics}
	began := time.Now()
	a.log = buildlog.NewPlacedWriter(context.WithoutCancel(ctx), a)
	in, endSpan := l.within(kept, name)
	err = f(in, a)
	endSpan(err)
	l.Metrics.step(name, began, err)
	logInfo(ctx, "step ended", "course", job.CourseKey, "build", job.BuildID, "step", name,
		"outcome", outcomeOf(err), "seconds", time.Since(began).Seconds())
	explain(ctx, a.log, name, err)
	l.judge(kept, job, name, err)
	closeErr := a.log.Close()
	if err == nil {
		err = closeErr
	}
	if errors.Is(err, build.ErrHandOver) || errors.Is(closeErr, buildlog.ErrRefused) {
		// The next try ends the step.
		return inStep(name, forTemporal(err))
	}
	outcome, message := course.OutcomeOK, ""
	if err != nil {
		outcome, message = course.OutcomeFailed, err.Error()
	}
	finishErr := persist(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return a.finish(ctx, outcome, message)
	})
	if errors.Is(finishErr, course.ErrConflict) {
		finishErr = fmt.Errorf("record the step's end: %w", buildlog.ErrRefused)
	}
	return inStep(name, ofTry(ctx, errors.Join(err, finishErr)))
}

// over says whether a build has ended by what the database says. While it does not
// answer nothing has.
func (l Ledger) over(ctx context.Context, id int64) bool {
	b, err := l.Store.Build(ctx, id)
	return err == nil && b.Status.Final() || errors.Is(err, course.ErrNotFound)
}

// explain tells the reader of the log what went wrong and whose fault it is.
func explain(ctx context.Context, log *buildlog.Writer, name string, err error) {
	var author *course.AuthorError
	var failure *remote.Failure
	switch {
	case err == nil:
	case errors.As(err, &author):
		for _, d := range author.Diagnostics {
			log.Printf("error: %s", d)
		}
		log.Printf("%s: %s", name, author.Message)
	case errors.As(err, &failure):
		log.Printf("%s: %s%s", name, failure.Message, thisTry(ctx).words(failure))
	case errors.Is(err, build.ErrHandOver):
		log.Printf("%s: interrupted (%v); the next try goes on", name, err)
	case errors.Is(err, context.Canceled):
		log.Printf("%s: stopped", name)
	default:
		log.Printf("%s: trouble of the service, not of the course; it is tried again if that can help: %v", name, err)
	}
}

// seconds formats a duration for the log.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
