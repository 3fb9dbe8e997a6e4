package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"coursewright/internal/course"
)

// RecordStore is what Records needs of the database.
type RecordStore interface {
	ClaimBuild(ctx context.Context, key, runID string, alive func(context.Context) error) (course.Build, bool, error)
	FinishBuild(ctx context.Context, id int64, r course.BuildResult) (bool, error)
	Course(ctx context.Context, key string) (course.Course, error)
	ListBuilds(ctx context.Context, key string, p course.Page) ([]course.Build, error)
	DeleteCourse(ctx context.Context, key string) error
	AppendLine(ctx context.Context, buildID int64, line string) error
	ListHosts(ctx context.Context) ([]course.Host, error)
}

// Runs knows the workflow runs that build courses.
type Runs interface {
	// BuildRuns says whether a run of a course's build workflow has not ended.
	BuildRuns(ctx context.Context, key, runID string) (bool, error)
}

// Records are the short database steps that run inside workflow tasks. All may
// be called again after a crash.
type Records struct {
	Store       RecordStore
	Runs        Runs // nil: whoever claims is believed to be there
	AutoPublish bool // publish what was stored without waiting for A+
	HasLMS      bool // FRONTEND_URL is set
	// TellsCommits says whether the git host of an origin is told how builds go;
	// nil: none is.
	TellsCommits func(origin string) bool
	Metrics      *Metrics
	Traces       Traces // nil: nothing is traced
}

// ClaimBuild takes the newest pending request of a course; older ones are
// skipped.
func (r *Records) ClaimBuild(ctx context.Context, in Claim) (Claimed, error) {
	alive := func(ctx context.Context) error { return r.checkRun(ctx, in) }
	b, ok, err := r.Store.ClaimBuild(ctx, in.CourseKey, in.RunID, alive)
	if err != nil || !ok {
		return Claimed{}, forTemporal(err)
	}
	c, err := r.Store.Course(ctx, in.CourseKey)
	if err != nil {
		return Claimed{}, forTemporal(err)
	}
	to, err := r.hostFor(ctx, c, b)
	if err != nil {
		return Claimed{}, forTemporal(err)
	}
	r.Metrics.started(b.RequestedAt)
	logInfo(ctx, "build started", "course", in.CourseKey, "build", b.ID, "trigger", string(b.Trigger),
		"waited_seconds", time.Since(b.RequestedAt).Seconds())
	return Claimed{OK: true, Host: to, Job: Job{
		BuildID:   b.ID,
		CourseID:  b.CourseID,
		CourseKey: in.CourseKey,
		Version:   course.NewVersion(),
		Options:   Options(b.Options),
		Class:     b.Trigger.Class(),
		Owner:     c.Owner(),

		RequestedAt: b.RequestedAt,
		TellCommit:  r.TellsCommits != nil && r.TellsCommits(c.GitOrigin),

		Trace: r.traceClaimed(ctx, b), TraceParent: b.Trace,
	}}, nil
}

// askTime bounds the question whether a run is there, for which others wait.
const askTime = 2 * time.Second

// checkRun refuses the claim of a run that has ended. A worker that was stopped
// for a while, or cut off from Temporal or the database, still has workflow tasks
// that others have done meanwhile: what it claimed then nobody would build, and what
// the next run builds would be taken from it.
func (r *Records) checkRun(ctx context.Context, in Claim) error {
	if r.Runs == nil {
		return nil
	}
	id := activity.GetInfo(ctx).WorkflowExecution.RunID // after a reset not that of the claim
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	runs, err := r.Runs.BuildRuns(ctx, in.CourseKey, id)
	if err == nil && !runs {
		err = fmt.Errorf("claim of course %s for run %s, which has ended: %w", in.CourseKey, id, course.ErrConflict)
	}
	return err
}

// FinishBuild gives a build its final status, once, and says what follows.
func (r *Records) FinishBuild(ctx context.Context, in Ending) (Ended, error) {
	ended, err := r.Store.FinishBuild(ctx, in.Job.BuildID, course.BuildResult{Status: in.Status, Reason: in.Reason})
	if err != nil {
		return Ended{}, forTemporal(err)
	}
	if ended {
		r.Metrics.ended(in)
		logInfo(ctx, "build ended", "course", in.Job.CourseKey, "build", in.Job.BuildID,
			"status", string(in.Status), "reason", in.Reason)
		r.traceEnded(ctx, in)
	}
	c, err := r.Store.Course(ctx, in.Job.CourseKey)
	if errors.Is(err, course.ErrNotFound) {
		return Ended{}, nil
	}
	if err != nil {
		return Ended{}, forTemporal(err)
	}
	next, line := r.next(c, in)
	if !ended || line == "" {
		return next, nil
	}
	err = r.Store.AppendLine(ctx, in.Job.BuildID, line+"\n")
	if errors.Is(err, course.ErrNotFound) {
		err = nil
	}
	return next, forTemporal(err)
}

// next decides what follows a build and tells it in one line of the log. The
// order in which the reasons are looked at is gitmanager's.
func (r *Records) next(c course.Course, in Ending) (Ended, string) {
	switch {
	case in.Job.Options.PreviewBranch != "" && in.Status == course.StatusSuccess:
		return Ended{}, fmt.Sprintf("Whoever may read the course sees the preview at /preview/%s/%s/.", in.Job.CourseKey, in.Job.Version)
	case in.Job.Options.PreviewBranch != "":
		return Ended{}, string(in.Status) + ": " + in.Reason
	case in.Status == course.StatusFailed:
		return Ended{Mail: c.EmailOnError && r.HasLMS && c.RemoteID != nil}, "FAILED: " + in.Reason
	case in.Status != course.StatusSuccess:
		return Ended{}, string(in.Status) + ": " + in.Reason
	}
	next, why := Ended{Publish: r.AutoPublish || c.SkipBuildFailsafes}, ""
	switch {
	case !c.UpdateAutomatically:
		why = "the course is not updated automatically"
	case c.RemoteID == nil:
		why = "the course has no remote id"
	case in.Job.Options.SkipNotify:
		why = "the build was asked not to"
	case !r.HasLMS:
		why = "FRONTEND_URL is not set"
	default:
		next.Notify = true
		return next, ""
	}
	return next, "A+ is not told to import the course: " + why + "."
}

// TellLog adds a line of the service to a build's log. A build that is gone
// needs none.
func (r *Records) TellLog(ctx context.Context, in Note) error {
	err := r.Store.AppendLine(ctx, in.BuildID, in.Line+"\n")
	if errors.Is(err, course.ErrNotFound) {
		return nil
	}
	return forTemporal(err)
}

// CancelPending ends what waits of a course and tells what runs.
func (r *Records) CancelPending(ctx context.Context, in Removal) (OpenBuilds, error) {
	c, err := r.Store.Course(ctx, in.CourseKey)
	if err != nil {
		return OpenBuilds{}, forTemporal(err)
	}
	out := OpenBuilds{}
	if out.Host, err = r.reachable(ctx, c.BuildHost); err != nil {
		return OpenBuilds{}, forTemporal(err)
	}
	for before := int64(0); ; {
		page, err := r.Store.ListBuilds(ctx, in.CourseKey, course.Page{Limit: 100, Before: before})
		if err != nil {
			return OpenBuilds{}, forTemporal(err)
		}
		for _, b := range page {
			before = b.ID
			if b.Status == course.StatusRunning {
				out.Running = append(out.Running, b.ID)
			}
			if b.Status == course.StatusPending {
				result := course.BuildResult{Status: course.StatusCancelled, Reason: "The course was removed."}
				if _, err := r.Store.FinishBuild(ctx, b.ID, result); err != nil {
					return OpenBuilds{}, forTemporal(err)
				}
			}
		}
		if len(page) < 100 {
			return out, nil
		}
	}
}

// DeleteCourse deletes a course with its builds and logs. One that is gone
// already is fine.
func (r *Records) DeleteCourse(ctx context.Context, in Removal) error {
	err := r.Store.DeleteCourse(ctx, in.CourseKey)
	if errors.Is(err, course.ErrNotFound) {
		return nil
	}
	return forTemporal(err)
}
