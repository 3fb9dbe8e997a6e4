package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coursewright/internal/course"
)

// Diffs compares releases.
type Diffs interface {
	// Waiting says whether a release must not be published before somebody has
	// approved it, and what it changes.
	Waiting(c course.Course, version string) (d course.Diff, waits bool, err error)
}

// approved refuses a release that waits for an approval. A rollback is somebody's
// own wish, and a release that is live already changes nothing.
//
// A+ asks inside of its import, which it takes back when it is refused: students
// go on seeing what they saw, in A+ as here, and the graders have been told
// nothing.
func (p *PublishSteps) approved(ctx context.Context, in Publish) error {
	if in.Rollback {
		return nil
	}
	c, err := p.Courses.Course(ctx, in.CourseKey)
	if err != nil || !c.ApproveRemovals {
		return err
	}
	d, waits, err := p.Diffs.Waiting(c, in.Version)
	switch {
	case errors.Is(err, course.ErrNotFound):
		return nil // publishing says which versions there are
	case err != nil || !waits:
		return err
	}
	return fmt.Errorf("release %s of build %d waits for an approval: %s. Look at what it changes at %s/gitmanager/%s/releases/%s/diff and approve it there; "+
		"then A+ imports it, at once or when the course is imported again. What students see has not changed: %w",
		in.Version, d.New.BuildID, dangers(d), p.BaseURL, in.CourseKey, in.Version, course.ErrConflict)
}

// dangers names what a release takes from A+, some of it.
func dangers(d course.Diff) string {
	if d.Incomparable != "" {
		return "it cannot be told what it changes, since " + d.Incomparable
	}
	const shown = 5
	list := d.Dangerous()
	var names []string
	for _, i := range list[:min(shown, len(list))] {
		names = append(names, fmt.Sprintf("%s/%s (%s)", i.Old.Module, i.Old.Key, i.Change))
	}
	text := strings.Join(names, ", ")
	if len(list) > shown {
		text += fmt.Sprintf(" and %d more", len(list)-shown)
	}
	what := "an exercise"
	if len(list) > 1 {
		what = fmt.Sprintf("%d exercises", len(list))
	}
	return "A+ would no longer know " + what + " by which students may have points: " + text
}

// Announced says what follows the approval of a release that a build has stored:
// the same as follows the build.
func (r *Records) Announced(ctx context.Context, in Announcement) (Ended, error) {
	c, err := r.Store.Course(ctx, in.Job.CourseKey)
	if err != nil {
		return Ended{}, forTemporal(err)
	}
	next, line := r.next(c, Ending{Job: in.Job, Status: course.StatusSuccess})
	text := fmt.Sprintf("Release %s was approved by %s.\n", in.Job.Version, in.By)
	if line != "" {
		text += line + "\n"
	}
	err = r.Store.AppendLine(ctx, in.Job.BuildID, text)
	if errors.Is(err, course.ErrNotFound) {
		err = nil // its build is not kept any more
	}
	return next, forTemporal(err)
}
