package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"coursewright/internal/buildlog"
	"coursewright/internal/commitstatus"
	"coursewright/internal/course"
	"coursewright/internal/lms"
	"coursewright/internal/remote"
)

// publishStop is how long a worker that stops waits for the workflow that publishes.
const publishStop = time.Second

// Publisher publishes a release through its workflow.
type Publisher interface {
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
}

// LMSCaller has A+ called by a workflow of its own, which goes on with that for
// a while when A+ is away.
type LMSCaller interface {
	CallLMS(ctx context.Context, in LMSCall) error
}

// LogStore is where a build's log grows.
type LogStore interface {
	AppendLog(ctx context.Context, buildID int64, text string) error
}

// ServiceStore is what ServiceSteps need of the database.
type ServiceStore interface {
	LogStore
	AppendLine(ctx context.Context, buildID int64, line string) error
	CourseFinder
	Build(ctx context.Context, id int64) (course.Build, error)
	ReadLog(ctx context.Context, buildID, offset int64) ([]course.LogChunk, int64, error)
}

// ServiceSteps call other services; any worker does them. They follow a build
// that has its final status: nothing they meet changes it.
type ServiceSteps struct {
	Publisher Publisher
	Caller    LMSCaller
	Store     ServiceStore
	LMS       *lms.Client // nil without A+
	Commits   *commitstatus.Client
	BaseURL   string // of the pages, without a slash at the end; empty: unknown
	// Authorize says in the context whose course the calls are about.
	Authorize func(ctx context.Context, instance int64) context.Context
}

// PublishNow publishes what a build has just stored, for deployments where no
// A+ asks for it.
func (s *ServiceSteps) PublishNow(ctx context.Context, job Job) error {
	// The workflow that publishes may need the very process that stops: what has
	// not been published soon is for the next try.
	ctx, stop := keepAlive(ctx, vitals{stopAfter: publishStop})
	defer stop()
	return ofTry(ctx, s.withLog(ctx, job, func(log *buildlog.Writer) error {
		err := s.publish(ctx, job, log)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			tellUnpublished(log, err)
		}
		return err
	}))
}

// PublishAtOnce is PublishNow as a local activity, which has little time. What
// may pass is not told in the log, since PublishNow follows then.
func (s *ServiceSteps) PublishAtOnce(ctx context.Context, job Job) error {
	return s.withLog(ctx, job, func(log *buildlog.Writer) error {
		err := s.publish(ctx, job, log)
		told := forTemporal(err)
		var app *temporal.ApplicationError
		if errors.As(told, &app) && app.NonRetryable() {
			tellUnpublished(log, err)
		}
		return told
	})
}

func (s *ServiceSteps) publish(ctx context.Context, job Job, log *buildlog.Writer) error {
	r, err := s.Publisher.Publish(ctx, course.PublishRequest{Key: job.CourseKey, Version: job.Version})
	if err != nil {
		return err
	}
	log.Printf("Published release %s of build %d.", r.Version, r.BuildID)
	for _, e := range r.Errors {
		log.Printf("warning: %s", e)
	}
	return nil
}

func tellUnpublished(log *buildlog.Writer, err error) {
	log.Printf("Not published: %s", strings.TrimSuffix(err.Error(), ": "+course.ErrConflict.Error()))
}

// RequestLMSCall has A+ called by the workflow that does so for the course.
func (s *ServiceSteps) RequestLMSCall(ctx context.Context, in LMSCall) error {
	return s.Caller.CallLMS(ctx, in)
}

// CallLMS tells A+ of a build, once, and says when to try again if A+ is away.
// What A+ says at last is told in the log and, if the course wants that, by
// mail.
func (s *ServiceSteps) CallLMS(ctx context.Context, in LMSCall) (LMSAnswer, error) {
	this := try{n: in.Try, left: max(0, time.Until(in.Until))}
	err := s.call(ctx, in, this)
	var failure *remote.Failure
	if errors.As(err, &failure) {
		wait, again := this.next(failure)
		return LMSAnswer{Again: again, Wait: wait}, nil
	}
	if errors.Is(err, course.ErrNotFound) {
		return LMSAnswer{}, nil // the course was removed
	}
	return LMSAnswer{}, forTemporal(err)
}

// NotifyLMS asks A+ to import the course. It serves builds that were begun
// before A+ had a workflow of its own.
func (s *ServiceSteps) NotifyLMS(ctx context.Context, job Job) error {
	return ofTry(ctx, s.call(ctx, LMSCall{Job: job}, thisTry(ctx)))
}

// MailFailure has A+ mail the log of a failed build to the course's teachers, as
// NotifyLMS for builds that were begun before.
func (s *ServiceSteps) MailFailure(ctx context.Context, job Job) error {
	return ofTry(ctx, s.call(ctx, LMSCall{Job: job, Mail: true}, thisTry(ctx)))
}

// call makes one call. A *remote.Failure is one that is to be made again.
func (s *ServiceSteps) call(ctx context.Context, in LMSCall, this try) error {
	c, err := s.Store.Course(ctx, in.CourseKey)
	if err != nil {
		return err
	}
	if !in.Mail {
		return s.notify(ctx, in.Job, c, this)
	}
	text, err := s.text(ctx, in.BuildID)
	if err != nil {
		return err
	}
	return s.logged(ctx, in.Job, func(ctx context.Context, log *buildlog.Writer) error {
		return s.mail(ctx, log, c, this, letter{lms.BuildFailedSubject(c.Key), text})
	})
}

func (s *ServiceSteps) notify(ctx context.Context, job Job, c course.Course, this try) error {
	if s.LMS == nil || c.RemoteID == nil {
		return nil
	}
	return s.logged(ctx, job, func(ctx context.Context, log *buildlog.Writer) error {
		ctx = s.authorize(ctx, *c.RemoteID)
		log.Printf("Telling A+ to import the course.")
		outcome, err := s.LMS.Notify(ctx, *c.RemoteID, c.EmailOnError)
		var failure *remote.Failure
		if errors.As(err, &failure) {
			if again := this.words(failure); again != "" {
				log.Printf("%s%s", failure.Message, again)
				return err
			}
			outcome = lms.Outcome{Errors: []string{failure.Message, "Import the course in A+ to publish the new version, or build it again."}}
		} else if err != nil {
			return err
		}
		if report(log, outcome) || !c.EmailOnError {
			return nil
		}
		return s.mail(ctx, log, c, this, letter{lms.NotifyFailedSubject(c.Key), strings.Join(outcome.Errors, "\n")})
	})
}

// report tells what A+ said, and whether it imported the course.
func report(log *buildlog.Writer, o lms.Outcome) bool {
	switch {
	case o.Imported && len(o.Errors) == 0:
		log.Printf("A+ has imported the course.")
	case o.Imported:
		log.Printf("A+ has imported the course, with warnings:")
	default:
		log.Printf("A+ has not imported the course:")
	}
	for _, e := range o.Errors {
		log.Printf("  %s", e)
	}
	return o.Imported
}

// letter is a mail to a course's teachers.
type letter struct{ subject, text string }

// mail sends one mail through A+. It is tried again while the failure says so,
// with all else that the call does; then it is told in the log, nothing more.
func (s *ServiceSteps) mail(ctx context.Context, log *buildlog.Writer, c course.Course, this try, l letter) error {
	if s.LMS == nil || c.RemoteID == nil {
		log.Printf("No mail is sent: the course is not connected to A+.")
		return nil
	}
	err := s.LMS.Mail(s.authorize(ctx, *c.RemoteID), *c.RemoteID, l.subject, l.text)
	var failure *remote.Failure
	switch {
	case err == nil:
		log.Printf("A+ has mailed the course's teachers.")
		return nil
	case errors.As(err, &failure):
		again := this.words(failure)
		log.Printf("No mail was sent: %s%s", failure.Message, again)
		if again == "" {
			return nil
		}
	}
	return err
}

// text reads a build's log.
func (s *ServiceSteps) text(ctx context.Context, id int64) (string, error) {
	var b strings.Builder
	for offset := int64(0); ; {
		chunks, next, err := s.Store.ReadLog(ctx, id, offset)
		if err != nil {
			return "", err
		}
		if len(chunks) == 0 {
			return b.String(), nil
		}
		for _, c := range chunks {
			b.WriteString(c.Text)
		}
		offset = next
	}
}

func (s *ServiceSteps) authorize(ctx context.Context, instance int64) context.Context {
	if s.Authorize == nil {
		return ctx
	}
	return s.Authorize(ctx, instance)
}

// logged heartbeats while f runs and gives it the build's log.
func (s *ServiceSteps) logged(ctx context.Context, job Job, f func(context.Context, *buildlog.Writer) error) error {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	return s.withLog(ctx, job, func(log *buildlog.Writer) error { return f(ctx, log) })
}

// withLog gives f the build's log.
func (s *ServiceSteps) withLog(ctx context.Context, job Job, f func(*buildlog.Writer) error) error {
	log := buildlog.NewWriter(context.WithoutCancel(ctx), s.Store, job.BuildID)
	err := f(log)
	if closeErr := log.Close(); closeErr != nil && !errors.Is(closeErr, course.ErrNotFound) {
		err = errors.Join(err, fmt.Errorf("log of build %d: %w", job.BuildID, closeErr))
	}
	return err
}
