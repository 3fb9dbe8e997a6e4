package activities

import (
	"context"
	"errors"
	"fmt"

	"coursewright/internal/commitstatus"
	"coursewright/internal/course"
	"coursewright/internal/remote"
)

// TellCommit tells the git host how a build goes, as it stands when it is told:
// a try that comes late tells the truth of that moment and not that of the one
// when it was asked for.
func (s *ServiceSteps) TellCommit(ctx context.Context, job Job) (ToldCommit, error) {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	for {
		b, err := s.Store.Build(ctx, job.BuildID)
		if errors.Is(err, course.ErrNotFound) {
			return ToldCommit{Final: true}, nil
		}
		if err != nil {
			return ToldCommit{}, forTemporal(err)
		}
		if err := s.tellCommit(ctx, job, b); err != nil {
			return ToldCommit{}, s.untold(ctx, job, err)
		}
		if b.Status.Final() {
			return ToldCommit{Final: true}, nil
		}
		// What was told just now must not be the last word about a build that has
		// ended meanwhile.
		now, err := s.Store.Build(ctx, job.BuildID)
		if err != nil || now.Status == b.Status && now.Commit == b.Commit {
			return ToldCommit{Early: b.Commit == ""}, forTemporal(err)
		}
	}
}

func (s *ServiceSteps) tellCommit(ctx context.Context, job Job, b course.Build) error {
	c, err := s.Store.Course(ctx, job.CourseKey)
	if errors.Is(err, course.ErrNotFound) || err == nil && (b.Commit == "" || !s.Commits.Takes(c.GitOrigin)) {
		return nil
	}
	if err != nil {
		return err
	}
	status := commitstatus.Status{Origin: c.GitOrigin, Commit: b.Commit, Context: "coursewright/" + c.Key, Build: b.Status, Text: commitText(b)}
	if b.Options.PreviewBranch != "" {
		status.Context += " (preview)"
	}
	if s.BaseURL != "" {
		status.URL = fmt.Sprintf("%s/gitmanager/%s/builds/%d", s.BaseURL, c.Key, b.ID)
	}
	return s.Commits.Tell(ctx, status)
}

// commitText says how a build goes. Why it failed is not for everybody.
func commitText(b course.Build) string {
	switch b.Status {
	case course.StatusSuccess:
		return fmt.Sprintf("Build %d has succeeded.", b.ID)
	case course.StatusFailed:
		return fmt.Sprintf("Build %d has failed; its page tells why.", b.ID)
	case course.StatusCancelled, course.StatusSkipped:
		return fmt.Sprintf("Build %d was cancelled.", b.ID)
	case course.StatusPending, course.StatusRunning:
	}
	return fmt.Sprintf("Build %d is running.", b.ID)
}

// untold decides whether the git host is told again; at the last try the build's
// log says that it was not.
func (s *ServiceSteps) untold(ctx context.Context, job Job, err error) error {
	var failure *remote.Failure
	last := ""
	switch {
	case errors.As(err, &failure):
		if thisTry(ctx).words(failure) == "" {
			last = failure.Message
		}
	case errors.Is(err, course.ErrInvalid), errors.Is(err, course.ErrNotFound):
		last = err.Error()
	}
	if last != "" {
		line := "warning: the commit's status is not shown at the git host: " + last + "\n"
		if logErr := s.Store.AppendLine(context.WithoutCancel(ctx), job.BuildID, line); logErr != nil && !errors.Is(logErr, course.ErrNotFound) {
			err = errors.Join(err, logErr)
		}
	}
	return ofTry(ctx, err)
}
