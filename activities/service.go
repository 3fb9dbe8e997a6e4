package activities

import (
	"context"
	"fmt"

	"coursewright/internal/course"
)

// Publisher publishes a release through its workflow.
type Publisher interface {
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
}

// LogStore is where a build's log grows.
type LogStore interface {
	AppendLog(ctx context.Context, buildID int64, text string) error
}

// ServiceSteps call other services; any worker does them.
type ServiceSteps struct {
	Publisher Publisher
	Logs      LogStore
}

// PublishNow publishes what a build has just stored, for deployments where no
// A+ asks for it.
func (s *ServiceSteps) PublishNow(ctx context.Context, job Job) error {
	stop := keepAlive(ctx)
	defer stop()
	r, err := s.Publisher.Publish(ctx, course.PublishRequest{Key: job.CourseKey, Version: job.Version})
	line := fmt.Sprintf("Published release %s of build %d.\n", r.Version, r.BuildID)
	if err != nil {
		line = fmt.Sprintf("Not published: %v\n", err)
	}
	if logErr := s.Logs.AppendLog(ctx, job.BuildID, line); logErr != nil {
		return forTemporal(logErr)
	}
	return forTemporal(err)
}
