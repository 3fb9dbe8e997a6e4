package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/grader"
	"coursewright/internal/release"
)

// CourseFinder finds a course by its key.
type CourseFinder interface {
	Course(ctx context.Context, key string) (course.Course, error)
}

// PublishSteps run where the publish folder is.
type PublishSteps struct {
	Releases *release.Depot
	Courses  CourseFinder
	Graders  Graders
	Diffs    Diffs
	BaseURL  string // of the pages, without a slash at the end; empty: unknown
	Metrics  *Metrics
	Traces   Traces      // nil: nothing is traced
	Builds   BuildFinder // for Metrics and Traces; nil: none
}

// BuildFinder finds a build by its number.
type BuildFinder interface {
	Build(ctx context.Context, id int64) (course.Build, error)
}

// Switch makes a release the one that students see.
func (p *PublishSteps) Switch(ctx context.Context, in Publish) (Published, error) {
	if err := p.readable(in); err != nil {
		return Published{}, forTemporal(err)
	}
	if err := p.approved(ctx, in); err != nil {
		return Published{}, forTemporal(err)
	}
	began := time.Now()
	r, err := p.Releases.Publish(ctx, course.PublishRequest{Key: in.CourseKey, Version: in.Version, Rollback: in.Rollback})
	p.Metrics.published(began, in, r, err)
	if err != nil {
		return Published{}, forTemporal(err)
	}
	logInfo(ctx, "published", "course", in.CourseKey, "build", r.BuildID, "version", r.Version, "rollback", in.Rollback)
	p.observe(ctx, in, began, r)
	graders, err := p.graders(r)
	if err != nil {
		return Published{}, forTemporal(err)
	}
	problems, err := p.Releases.LinkProblems(r)
	if err != nil {
		return Published{}, forTemporal(err)
	}
	return Published{Version: r.Version, BuildID: r.BuildID, Graders: len(graders), Errors: problems}, nil
}

// lookLimit bounds the look at a build that figures are made of: A+ waits.
const lookLimit = time.Second

// observe notes a publishing for those who watch. A release whose build is not
// found, since it was removed or the database is away, is as published as others.
func (p *PublishSteps) observe(ctx context.Context, in Publish, began time.Time, published course.Release) {
	if p.Builds == nil {
		return
	}
	look, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	b, err := p.Builds.Build(look, published.BuildID)
	if err != nil {
		return
	}
	if !in.Rollback {
		p.Metrics.requested(b.RequestedAt)
	}
	p.tracePublished(ctx, began, published, b)
}

// readable refuses a stored release whose document A+ could not read: what is
// published is better.
func (p *PublishSteps) readable(in Publish) error {
	stored, err := p.Releases.Stored(in.CourseKey)
	if errors.Is(err, course.ErrNotFound) || (err == nil && stored.Version != in.Version) {
		return nil
	}
	if err != nil {
		return err
	}
	document, err := p.Releases.Document(stored)
	if errors.Is(err, course.ErrNotFound) || (err == nil && !json.Valid(document)) {
		return fmt.Errorf("the stored release %s is damaged, build the course again: %w", in.Version, course.ErrConflict)
	}
	return err
}

// graders lists the graders of a release. Releases of earlier versions have no
// list and no graders.
func (p *PublishSteps) graders(r course.Release) ([]string, error) {
	text, err := p.Releases.ReadFile(r, gradersDoc)
	if errors.Is(err, course.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var urls []string
	if err := json.Unmarshal(text, &urls); err != nil {
		return nil, fmt.Errorf("the release's list of graders: %w", err)
	}
	return urls, nil
}

// TellGrader tells one grader of a release that the release is published. The
// release is live whatever the grader says.
func (p *PublishSteps) TellGrader(ctx context.Context, in Telling) (Told, error) {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	c, err := p.Courses.Course(ctx, in.CourseKey)
	if err != nil {
		return Told{}, forTemporal(err)
	}
	urls, err := p.graders(course.Release{Key: in.CourseKey, Version: in.Version})
	if err != nil {
		return Told{}, forTemporal(err)
	}
	if in.Index >= len(urls) {
		return Told{}, nil
	}
	complaints, err := p.Graders.Client.Publish(p.Graders.authorize(ctx, c), grader.Publication{
		Course: grader.Course{Key: c.Key, RemoteID: c.RemoteID, Version: in.Version},
		URL:    urls[in.Index],
	})
	if p.Graders.dispensable(c, err) {
		return Told{}, nil // its configuring has warned already
	}
	return Told{Complaints: complaints}, ofTry(ctx, err)
}

// RemoveReleases removes all that was stored and published of a course.
func (p *PublishSteps) RemoveReleases(ctx context.Context, in Removal) error {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	return forTemporal(p.Releases.Remove(ctx, in.CourseKey))
}
