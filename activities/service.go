package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/lms"
	"coursewright/internal/remote"
)

// Publisher publishes a release through its workflow.
type Publisher interface {
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
}

// LogStore is where a build's log grows.
type LogStore interface {
	AppendLog(ctx context.Context, buildID int64, text string) error
}

// ServiceStore is what ServiceSteps need of the database.
type ServiceStore interface {
	LogStore
	CourseFinder
	ReadLog(ctx context.Context, buildID, offset int64) ([]course.LogChunk, int64, error)
}

// ServiceSteps call other services; any worker does them. They follow a build
// that has its final status: nothing they meet changes it.
type ServiceSteps struct {
	Publisher Publisher
	Store     ServiceStore
	LMS       *lms.Client // nil without A+
	// Authorize says in the context whose course the calls are about.
	Authorize func(ctx context.Context, instance int64) context.Context
}

// PublishNow publishes what a build has just stored, for deployments where no
// A+ asks for it.
func (s *ServiceSteps) PublishNow(ctx context.Context, job Job) error {
	return s.logged(ctx, job, func(ctx context.Context, log *buildlog.Writer) error {
		r, err := s.Publisher.Publish(ctx, course.PublishRequest{Key: job.CourseKey, Version: job.Version})
		if err != nil {
			log.Printf("Not published: %s", strings.TrimSuffix(err.Error(), ": "+course.ErrConflict.Error()))
			return err
		}
		log.Printf("Published release %s of build %d.", r.Version, r.BuildID)
		for _, e := range r.Errors {
			log.Printf("warning: %s", e)
		}
		return nil
	})
}

// NotifyLMS asks A+ to import the course. A+ that cannot be reached is asked
// again for a while; what it says at last is told in the log and, if the course
// wants that, by mail.
func (s *ServiceSteps) NotifyLMS(ctx context.Context, job Job) error {
	c, err := s.Store.Course(ctx, job.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	if s.LMS == nil || c.RemoteID == nil {
		return nil
	}
	return s.logged(ctx, job, func(ctx context.Context, log *buildlog.Writer) error {
		ctx = s.authorize(ctx, *c.RemoteID)
		log.Printf("Telling A+ to import the course.")
		outcome, err := s.LMS.Notify(ctx, *c.RemoteID, c.EmailOnError)
		var failure *remote.Failure
		if errors.As(err, &failure) {
			if again := nextTry(ctx, failure); again != "" {
				log.Printf("%s%s", failure.Message, again)
				return err
			}
			outcome = lms.Outcome{Errors: []string{failure.Message}}
		} else if err != nil {
			return err
		}
		if report(log, outcome) || !c.EmailOnError {
			return nil
		}
		return s.mail(ctx, log, c, lms.NotifyFailedSubject(c.Key), strings.Join(outcome.Errors, "\n"))
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

// MailFailure has A+ mail the log of a failed build to the course's teachers.
func (s *ServiceSteps) MailFailure(ctx context.Context, job Job) error {
	c, err := s.Store.Course(ctx, job.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	text, err := s.text(ctx, job.BuildID)
	if err != nil {
		return forTemporal(err)
	}
	return s.logged(ctx, job, func(ctx context.Context, log *buildlog.Writer) error {
		return s.mail(ctx, log, c, lms.BuildFailedSubject(c.Key), text)
	})
}

// mail sends one mail through A+. It is tried again while the failure says so,
// with all else that the activity does; then it is told in the log, nothing
// more.
func (s *ServiceSteps) mail(ctx context.Context, log *buildlog.Writer, c course.Course, subject, message string) error {
	if s.LMS == nil || c.RemoteID == nil {
		log.Printf("No mail is sent: the course is not connected to A+.")
		return nil
	}
	err := s.LMS.Mail(s.authorize(ctx, *c.RemoteID), *c.RemoteID, subject, message)
	var failure *remote.Failure
	switch {
	case err == nil:
		log.Printf("A+ has mailed the course's teachers.")
		return nil
	case errors.As(err, &failure):
		again := nextTry(ctx, failure)
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
	log := buildlog.NewWriter(context.WithoutCancel(ctx), s.Store, job.BuildID)
	err := f(ctx, log)
	if closeErr := log.Close(); closeErr != nil && !errors.Is(closeErr, course.ErrNotFound) {
		err = errors.Join(err, fmt.Errorf("log of build %d: %w", job.BuildID, closeErr))
	}
	return ofTry(ctx, err)
}
