package workflows

import (
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

// run is one build on its way through the steps.
type run struct {
	story   *story
	job     activities.Job
	host    string // has the working copy; empty until a host took the build
	commit  string
	fresh   bool
	graders int                          // that have been configured
	cleans  bool                         // the host cleans the working copy by itself
	telling workflow.ChildWorkflowFuture // tells the git host; nil: nothing does
}

// steps takes a build from its source to a committed release, on as many hosts
// as it takes: when the one that has the working copy is gone, another starts
// again at checkout.
func (r *run) steps(ctx workflow.Context) error {
	for hosts := 1; ; hosts++ {
		err := r.tryHost(ctx)
		if !noHost(err) && !unfit(err) || ctx.Err() != nil {
			return err
		}
		// Runs that were begun by earlier versions end their builds as those did.
		most := hostsOf(workflow.GetVersion(ctx, changeTakeOver, workflow.DefaultVersion, 2))
		if hosts >= most {
			return err
		}
		if err := r.leaveHost(ctx, err, hosts+1, most); err != nil {
			return err
		}
	}
}

// hostsOf bounds on how many hosts one build is begun, by the version of
// changeTakeOver.
func hostsOf(version workflow.Version) int {
	switch version {
	case workflow.DefaultVersion:
		return 1
	case 1:
		return 3
	}
	return mostHosts
}

// leaveHost tells the reader of the log that the build starts again elsewhere.
func (r *run) leaveHost(ctx workflow.Context, why error, next, most int) error {
	reason := fmt.Sprintf("The build host %s does not answer any more", r.host)
	if unfit(why) {
		reason = "The host cannot go on with the build: " + messageOf(why)
	}
	line := fmt.Sprintf("%s; the build starts again at checkout (%d of at most %d times).", reason, next, most)
	r.host, r.commit, r.fresh, r.graders, r.cleans = "", "", false, 0, false
	r.story.progress.Host = ""
	return untilDone(ctx, records.TellLog, activities.Note{BuildID: r.job.BuildID, Line: line}, nil)
}

// tryHost does the steps on one host.
func (r *run) tryHost(ctx workflow.Context) error {
	if r.story.wholeBuilds {
		return r.onOneHost(ctx)
	}
	return r.inSmallSteps(ctx)
}

// onOneHost has the host that has the working copy do everything at once, with
// a pause only for graders: each activity is several round trips through
// Temporal. Where no host has a copy the first free one takes the build by
// checking it out.
func (r *run) onOneHost(ctx workflow.Context) error {
	checkedOut := r.host == ""
	if checkedOut {
		r.story.progress.Step = "checkout"
		if err := r.checkoutAnywhere(ctx); err != nil {
			return err
		}
	}
	r.story.progress.Step = "build"
	made, err := r.make(ctx, checkedOut)
	if err != nil || made.Graders == 0 {
		return err
	}
	r.story.progress.Step = "configure"
	if err := r.configureGraders(ctx, made.Graders); err != nil {
		return err
	}
	r.story.progress.Step = "store"
	r.graders = made.Graders
	made, err = r.make(ctx, true)
	if err == nil && made.Graders != 0 {
		err = errGradersChanged()
	}
	return err
}

func errGradersChanged() error {
	return temporal.NewApplicationError("the course's graders changed while it was built; build again", "")
}

// make does the steps on the host of the build, up to a release or up to its
// graders.
func (r *run) make(ctx workflow.Context, checkedOut bool) (activities.Made, error) {
	in, out := r.built(), activities.Made{}
	in.CheckedOut = checkedOut
	// Each step bounds itself; Temporal's limit is the safety net behind it.
	limit := checkoutLimit + r.buildLimit() + stageLimit
	err := workflow.ExecuteActivity(r.onHost(ctx, HostQueue(r.host), limit), onHosts.BuildRelease, in).Get(ctx, &out)
	if err == nil {
		r.commit, r.fresh, r.cleans = out.Commit, out.Fresh, out.Cleans
	}
	return out, err
}

// inSmallSteps has an activity for each step.
func (r *run) inSmallSteps(ctx workflow.Context) error {
	for _, step := range []struct {
		name string
		do   func(workflow.Context) error
	}{
		{"checkout", r.checkout},
		{"build", r.runBuilder},
		{"store", r.stage},
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
	err := r.checkoutOn(ctx, queue)
	if noHost(err) || unfit(err) {
		err = r.checkoutAnywhere(ctx)
	}
	return err
}

// checkoutAnywhere asks the first host that is free.
func (r *run) checkoutAnywhere(ctx workflow.Context) error { return r.checkoutOn(ctx, BuildQueue) }

func (r *run) checkoutOn(ctx workflow.Context, queue string) error {
	var out activities.CheckedOut
	err := workflow.ExecuteActivity(r.onHost(ctx, queue, checkoutLimit), onDisk.Checkout, r.job).Get(ctx, &out)
	if err != nil {
		return err
	}
	r.host, r.commit, r.fresh = out.Host, out.Commit, out.Fresh
	r.story.progress.Host = out.Host
	return nil
}

func (r *run) runBuilder(ctx workflow.Context) error {
	ctx = r.onHost(ctx, HostQueue(r.host), r.buildLimit())
	return workflow.ExecuteActivity(ctx, onDisk.RunBuilder, r.built()).Get(ctx, nil)
}

// buildLimit bounds the build command. The builder itself ends it at its limit
// and says so in the log; Temporal's is the safety net behind it.
func (r *run) buildLimit() time.Duration {
	limit := r.story.in.BuildTimeout
	if limit <= 0 {
		limit = endlessBuild
	}
	return limit + 5*time.Minute
}

// stage makes the release. Where graders have to agree first it comes back with
// their number, and is asked again after they did.
func (r *run) stage(ctx workflow.Context) error {
	staged, err := r.stageOnce(ctx)
	if err != nil || staged.Graders == 0 {
		return err
	}
	r.story.progress.Step = "configure"
	if err := r.configureGraders(ctx, staged.Graders); err != nil {
		return err
	}
	r.story.progress.Step = "store"
	r.graders = staged.Graders
	staged, err = r.stageOnce(ctx)
	if err == nil && staged.Graders != 0 {
		err = errGradersChanged()
	}
	return err
}

func (r *run) stageOnce(ctx workflow.Context) (activities.Staged, error) {
	var out activities.Staged
	ctx = r.onHost(ctx, HostQueue(r.host), stageLimit)
	err := workflow.ExecuteActivity(ctx, release.StageRelease, r.built()).Get(ctx, &out)
	return out, err
}

// configureGraders asks all of them, so that one build tells of every refusal,
// and fails with the first.
func (r *run) configureGraders(ctx workflow.Context, n int) error {
	var first error
	for i := range n {
		call := fromHost(ctx, HostQueue(r.host), callLimit)
		err := workflow.ExecuteActivity(call, release.ConfigureGrader, activities.Grading{Job: r.job, Index: i}).Get(ctx, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if noHost(err) {
			return err
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

// onHost is the policy of a step on a build disk in this deployment.
// On the shared queue builds that wait are ordered by class and owner, where
// the server knows priorities.
func (r *run) onHost(ctx workflow.Context, queue string, limit time.Duration) workflow.Context {
	ctx = onHost(ctx, queue, limit, r.story.in.RetryDelay)
	if queue == BuildQueue && r.job.Class != 0 {
		ctx = workflow.WithPriority(ctx, priority(r.job))
	}
	return ctx
}

func (r *run) built() activities.Built {
	return activities.Built{Job: r.job, Commit: r.commit, Fresh: r.fresh, Graders: r.graders}
}

// noHost says whether no worker took an activity from its queue in time.
func noHost(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// unfit says whether the host to which an activity was sent cannot take the
// build.
func unfit(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.HostUnfitType
}

// result turns the error of a build into its final status and reason. One that was
// to be cancelled is cancelled, also where its host was away and could not say so.
func (s *story) result(ctx workflow.Context, id int64, err error) course.BuildResult {
	if err == nil {
		return course.BuildResult{Status: course.StatusSuccess}
	}
	if temporal.IsCanceledError(err) || ctx.Err() != nil {
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
	if errors.As(err, &app) && app.HasDetails() {
		if told := ""; app.Details(&told) == nil && told != "" {
			step = told
		}
	}
	switch {
	case errors.As(err, &app) && (app.Type() == activities.AuthorErrorType || app.Type() == activities.RemoteErrorType):
		return step + ": " + app.Message()
	case errors.As(err, &app):
		return step + ": " + course.ServiceTrouble + ": " + app.Message()
	case errors.As(err, &timeout) && noHost(err):
		return step + ": the build host went away and did not come back; build again"
	case errors.As(err, &timeout):
		return step + ": stopped, it took longer than the service allows or its host died"
	default:
		return step + ": " + err.Error()
	}
}

// messageOf is what an activity's error says, without Temporal's words around
// it.
func messageOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
