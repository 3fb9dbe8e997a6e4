package docker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// leftover looks for containers of the course on this disk. The one that an
// earlier try of this build named is returned; all others are removed, since
// two builds must never share a working copy. Nil: there is none to go on with.
func (j *job) leftover(ctx context.Context) (*held, error) {
	found, err := j.list(ctx, LabelCourse+"="+j.request.CourseKey)
	if err != nil {
		return nil, err
	}
	var mine *held
	for _, s := range found {
		if s.ID == string(j.request.Resume) && j.began(s.Labels) {
			if mine, err = j.takeOver(ctx, s); err != nil {
				return nil, err
			}
		}
		if mine != nil && mine.id == s.ID {
			continue
		}
		if err := j.discard(ctx, s.ID); err != nil {
			return nil, err
		}
	}
	return mine, nil
}

// began says whether an earlier try of this very build made the container.
func (j *job) began(labels map[string]string) bool {
	return labels[LabelBuild] == strconv.FormatInt(j.request.BuildID, 10) && labels[LabelRun] == j.request.RunID
}

// takeOver goes on with a container that was started; nil when it was not.
func (j *job) takeOver(ctx context.Context, s container.Summary) (*held, error) {
	found, err := j.api.ContainerInspect(ctx, s.ID, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil, nil //nolint:nilnil // gone meanwhile is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("look at container %.12s: %w", s.ID, err)
	}
	if found.Container.State.Status == container.StateCreated {
		return nil, nil //nolint:nilnil // a build that never began is none to go on with
	}
	c := newHeld(found.Container)
	offset, err := strconv.ParseInt(s.Labels[labelOffset], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("container %.12s has a damaged label %s", s.ID, labelOffset)
	}
	c.seen = max(0, j.request.Written-offset)
	if j.request.Started != nil {
		j.request.Started(j.request.Resume)
	}
	return c, nil
}

// list finds this disk's containers with a further label, running or not.
func (b *Builder) list(ctx context.Context, labels ...string) ([]container.Summary, error) {
	filters := client.Filters{}.Add("label", LabelDisk+"="+b.options.Disk)
	filters.Add("label", labels...)
	found, err := b.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list the builds' containers: %w", err)
	}
	return found.Items, nil
}

// Clear removes the containers of a course; see build.Keeper.
func (b *Builder) Clear(ctx context.Context, courseKey string) error {
	found, err := b.list(ctx, LabelCourse+"="+courseKey)
	for _, s := range found {
		err = errors.Join(err, b.discard(ctx, s.ID))
	}
	return err
}

// RemoveOrphans removes the containers of this build disk that belong to no
// running build; see build.Keeper.
func (b *Builder) RemoveOrphans(ctx context.Context, alive func(buildID int64, runID string) bool) (int, error) {
	found, err := b.list(ctx)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, s := range found {
		id, err := strconv.ParseInt(s.Labels[LabelBuild], 10, 64)
		if err == nil && alive(id, s.Labels[LabelRun]) {
			continue
		}
		if err := b.discard(ctx, s.ID); err != nil {
			return removed, err
		}
		removed++
		b.options.Log.InfoContext(ctx, "removed the container of a build that no longer runs", "course", s.Labels[LabelCourse], "build", s.Labels[LabelBuild], "container", s.ID)
	}
	return removed, nil
}
