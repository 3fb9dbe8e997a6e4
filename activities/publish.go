package activities

import (
	"context"

	"coursewright/internal/course"
)

// PublishedReleases is what publishing needs of the publish folder.
type PublishedReleases interface {
	Publish(ctx context.Context, r course.PublishRequest) (course.Release, error)
	Prune(ctx context.Context, key string) (int, error)
	Remove(ctx context.Context, key string) error
}

// PublishSteps run where the publish folder is.
type PublishSteps struct {
	Releases PublishedReleases
}

// Switch makes a release the one that students see.
func (p *PublishSteps) Switch(ctx context.Context, in Publish) (Published, error) {
	r, err := p.Releases.Publish(ctx, course.PublishRequest{Key: in.CourseKey, Version: in.Version, Rollback: in.Rollback})
	if err != nil {
		return Published{}, forTemporal(err)
	}
	return Published{Version: r.Version, BuildID: r.BuildID}, nil
}

// RemoveReleases removes all that was stored and published of a course.
func (p *PublishSteps) RemoveReleases(ctx context.Context, in Removal) error {
	stop := keepAlive(ctx)
	defer stop()
	return forTemporal(p.Releases.Remove(ctx, in.CourseKey))
}
