package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/host"
	"coursewright/internal/remote"
)

// StepStore records the steps of a build.
type StepStore interface {
	StartStep(ctx context.Context, buildID int64, name string) error
	FinishStep(ctx context.Context, buildID int64, name string, o course.Outcome, message string) error
}

// Ledger records what a step does: its start, its output in the build's log,
// its end.
type Ledger struct {
	Steps StepStore
	Logs  LogStore
	Host  *host.Agent // hears how the steps go; nil: nobody does
}

// recordTimeout bounds the writing down of a step's end, which is done even
// when the step was cancelled.
const recordTimeout = 10 * time.Second

// step runs one named step of a build: it heartbeats while f runs, f writes to
// the build's log, and the outcome is recorded. The error is ready for
// Temporal.
func (l Ledger) step(ctx context.Context, job Job, name string, f func(context.Context, *buildlog.Writer) error) error {
	stop := keepAlive(ctx)
	defer stop()
	if err := l.Steps.StartStep(ctx, job.BuildID, name); err != nil {
		return forTemporal(err)
	}
	log := buildlog.NewWriter(context.WithoutCancel(ctx), l.Logs, job.BuildID)
	err := f(ctx, log)
	l.explain(log, name, err)
	l.judge(ctx, job, name, err)
	if closeErr := log.Close(); err == nil {
		err = closeErr
	}

	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	outcome, message := course.OutcomeOK, ""
	if err != nil {
		outcome, message = course.OutcomeFailed, err.Error()
	}
	return inStep(name, ofTry(ctx, errors.Join(err, l.Steps.FinishStep(end, job.BuildID, name, outcome, message))))
}

// explain tells the reader of the log what went wrong and whose fault it is.
func (l Ledger) explain(log *buildlog.Writer, name string, err error) {
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
		log.Printf("%s: %s", name, failure.Message)
	case errors.Is(err, context.Canceled):
		log.Printf("%s: stopped", name)
	default:
		log.Printf("%s: trouble of the service, not of the course; it is tried again if that can help: %v", name, err)
	}
}

// seconds formats a duration for the log.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
