package workflows

import (
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

// run is one build on its way through the steps.
type run struct {
	story  *story
	job    activities.Job
	host   string // has the working copy; empty until a host took the build
	commit string
	fresh  bool
	staged activities.Staged
}

// steps takes a build from its source to a committed release. Steps are
// merged where trying one again means trying the other again: each activity is
// a round trip through Temporal.
func (r *run) steps(ctx workflow.Context) error {
	for _, step := range []struct {
		name string
		do   func(workflow.Context) error
	}{
		{"checkout", r.checkout},
		{"build", r.runBuilder},
		{"store", r.stage},
		{"commit", r.commitRelease},
	} {
		r.story.progress.Step = step.name
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkout asks the host that has the working copy. Affinity is a hint: when
// that host does not take the step, any other clones afresh.
func (r *run) checkout(ctx workflow.Context) error {
	queue := BuildQueue
	if r.host != "" {
		queue = HostQueue(r.host)
	}
	var out activities.CheckedOut
	err := workflow.ExecuteActivity(r.onHost(ctx, queue, checkoutLimit), onDisk.Checkout, r.job).Get(ctx, &out)
	if noHost(err) {
		err = workflow.ExecuteActivity(r.onHost(ctx, BuildQueue, checkoutLimit), onDisk.Checkout, r.job).Get(ctx, &out)
	}
	if err != nil {
		return err
	}
	r.host, r.commit, r.fresh = out.Host, out.Commit, out.Fresh
	r.story.progress.Host = out.Host
	return nil
}

func (r *run) runBuilder(ctx workflow.Context) error {
	limit := r.story.in.BuildTimeout
	if limit <= 0 {
		limit = endlessBuild
	}
	// The builder itself ends the command at its limit and says so in the log;
	// Temporal's is the safety net behind it.
	ctx = r.onHost(ctx, HostQueue(r.host), limit+5*time.Minute)
	return workflow.ExecuteActivity(ctx, onDisk.RunBuilder, r.built()).Get(ctx, nil)
}

func (r *run) stage(ctx workflow.Context) error {
	ctx = r.onHost(ctx, HostQueue(r.host), stageLimit)
	return workflow.ExecuteActivity(ctx, release.StageRelease, r.built()).Get(ctx, &r.staged)
}

func (r *run) commitRelease(ctx workflow.Context) error {
	if r.staged.Committed {
		return nil
	}
	ctx = r.onHost(ctx, HostQueue(r.host), commitLimit)
	return workflow.ExecuteActivity(ctx, release.CommitRelease, r.job).Get(ctx, nil)
}

// onHost is the policy of a step on a build disk in this deployment.
func (r *run) onHost(ctx workflow.Context, queue string, limit time.Duration) workflow.Context {
	return onHost(ctx, queue, limit, r.story.in.RetryDelay)
}

func (r *run) built() activities.Built {
	return activities.Built{Job: r.job, Commit: r.commit, Fresh: r.fresh}
}

// noHost says whether no worker took an activity from its queue in time.
func noHost(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// result turns the error of a build into its final status and reason.
func (s *story) result(id int64, err error) course.BuildResult {
	if err == nil {
		return course.BuildResult{Status: course.StatusSuccess}
	}
	if temporal.IsCanceledError(err) {
		reason := s.cancelled[id]
		if reason == "" {
			reason = "The build was cancelled in Temporal."
		}
		return course.BuildResult{Status: course.StatusCancelled, Reason: reason}
	}
	return course.BuildResult{Status: course.StatusFailed, Reason: reasonOf(s.progress.Step, err)}
}

// reasonOf says in one line what failed and whose fault it is.
func reasonOf(step string, err error) string {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &app) && app.Type() == activities.AuthorErrorType:
		return step + ": " + app.Message()
	case errors.As(err, &app):
		return step + ": trouble of the service, not of the course: " + app.Message()
	case errors.As(err, &timeout) && noHost(err):
		return step + ": the build host went away and did not come back; build again"
	case errors.As(err, &timeout):
		return step + ": stopped, it took longer than the service allows or its host died"
	default:
		return step + ": " + err.Error()
	}
}
