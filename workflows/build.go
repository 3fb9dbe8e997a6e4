// Package workflows says in which order things happen to a course: Build,
// Publish and Remove are Temporal workflows, Client starts and steers them.
// Side effects are package activities'. Start at Build.
package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

// BuildInput starts a build workflow.
type BuildInput struct {
	CourseKey    string        `json:"course_key"`
	BuildTimeout time.Duration `json:"build_timeout,omitempty"` // of one build command, in nanoseconds
	RetryDelay   time.Duration `json:"retry_delay,omitempty"`   // longest pause between tries of a step, in nanoseconds
}

// How long one try of a step may take.
const (
	checkoutLimit = 30 * time.Minute
	stageLimit    = 30 * time.Minute
	callLimit     = 15 * time.Minute // of one call to A+ or a grader, uploads included
	cleanLimit    = 10 * time.Minute
	publishLimit  = 10 * time.Minute    // of a whole publish
	endlessBuild  = 30 * 24 * time.Hour // stands for no limit: Temporal wants one
)

// Activities are named through nil pointers: a renamed method breaks the
// compilation, not a running build.
var (
	records *activities.Records
	onDisk  *activities.BuildSteps
	release *activities.ReleaseSteps
	onHosts *activities.HostSteps
	service *activities.ServiceSteps
)

// Build builds a course until no request is pending, one build after the
// other. Its workflow id is the course's lock.
//
// The queue is the database: every request is a PENDING row before it is a
// signal. So nothing is lost when a signal is: the workflow claims again after
// every build and after every signal, and each run begins by claiming. When a
// signal arrives while the last workflow task completes, Temporal refuses the
// completion and the drain below sees it.
func Build(ctx workflow.Context, in BuildInput) error {
	s, err := newStory(ctx, in)
	if err != nil {
		return err
	}
	err = s.untilIdle(ctx)
	s.announceNow(ctx)
	return err
}

// untilIdle builds until nothing is pending or the run has to end.
func (s *story) untilIdle(ctx workflow.Context) error {
	for {
		s.drain()
		claimed, err := s.claim(ctx)
		if err != nil {
			return err
		}
		switch {
		case claimed.OK:
			s.build(ctx, claimed)
		case s.drain() == 0:
			return nil
		}
		if ctx.Err() != nil {
			// Cancelled as a whole. Rows that are still pending are signalled
			// again by the sweeper and start a new run.
			return ctx.Err()
		}
		if info := workflow.GetInfo(ctx); info.GetContinueAsNewSuggested() || info.GetTargetWorkerDeploymentVersionChanged() {
			// The next run may be another version's; without versions that
			// changes nothing.
			return workflow.NewContinueAsNewErrorWithOptions(ctx, workflow.ContinueAsNewErrorOptions{
				InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade,
			}, Build, s.in)
		}
	}
}

// story is the state of one run of Build.
type story struct {
	in        BuildInput
	log       log.Logger
	requested workflow.ReceiveChannel
	progress  Progress
	unsaid    *state // see announceSoon

	wholeBuilds     bool // see changeOneActivity
	publishesAtOnce bool // see changeOneActivity

	cancel    workflow.CancelFunc // of the build that runs now, nil between builds
	cancelled map[int64]string    // builds to cancel and why
}

func newStory(ctx workflow.Context, in BuildInput) (*story, error) {
	s := &story{
		in:        in,
		log:       workflow.GetLogger(ctx),
		requested: workflow.GetSignalChannel(ctx, SignalRequested),
		cancelled: map[int64]string{},
	}
	// Runs that were begun by earlier versions go on as those did.
	version := workflow.GetVersion(ctx, changeOneActivity, workflow.DefaultVersion, 2)
	s.wholeBuilds, s.publishesAtOnce = version >= 1, version >= 2
	workflow.Go(ctx, s.listenForCancel)
	return s, workflow.SetQueryHandler(ctx, QueryProgress, func() (Progress, error) { return s.progress, nil })
}

// listenForCancel ends the running build when a signal names it.
func (s *story) listenForCancel(ctx workflow.Context) {
	ch := workflow.GetSignalChannel(ctx, SignalCancel)
	for {
		var c CancelBuild
		if !ch.Receive(ctx, &c) {
			return
		}
		s.cancelled[c.BuildID] = c.Reason
		if s.cancel != nil && s.progress.BuildID == c.BuildID {
			s.cancel()
		}
	}
}

// drain takes the signals that have arrived and says how many there were.
func (s *story) drain() int {
	n := 0
	var r Requested
	for s.requested.ReceiveAsync(&r) {
		n++
	}
	return n
}

// claim asks for the next build. It is done even when the workflow was
// cancelled in the meantime, since a claim is short and repeatable.
func (s *story) claim(ctx workflow.Context) (activities.Claimed, error) {
	var out activities.Claimed
	free, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	err := untilDone(free, records.ClaimBuild, activities.Claim{
		CourseKey: s.in.CourseKey,
		RunID:     runID(ctx),
	}, &out)
	return out, err
}

// runID names this run in the rows it claims. A run that an administrator has
// reset goes on under the id of the run it was.
func runID(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	if info.OriginalRunID != "" {
		return info.OriginalRunID
	}
	return info.WorkflowExecution.RunID
}

// build runs one build to its final status, whatever happens on the way.
func (s *story) build(parent workflow.Context, claimed activities.Claimed) {
	ctx, cancel := workflow.WithCancel(withSpan(parent, claimed.Job.Trace))
	defer cancel()
	s.cancel, s.progress = cancel, Progress{BuildID: claimed.Job.BuildID, Host: claimed.Host}
	defer func() { s.cancel, s.progress = nil, Progress{} }()
	if _, ok := s.cancelled[claimed.Job.BuildID]; ok {
		cancel()
	}

	s.announce(ctx, state{job: claimed.Job, status: course.StatusRunning})
	r := run{story: s, job: claimed.Job, host: claimed.Host}
	r.tellCommit(ctx)
	err := r.steps(ctx)

	free, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	result := s.result(ctx, claimed.Job.BuildID, err)
	s.announceSoon(free, state{claimed.Job, result.Status, r.commit})
	var ended activities.Ended
	ending := activities.Ending{Job: claimed.Job, Status: result.Status, Reason: result.Reason}
	if err := untilDone(free, records.FinishBuild, ending, &ended); err != nil {
		s.log.Error("final status not recorded", "course", s.in.CourseKey, "build", claimed.Job.BuildID, "error", err)
	}
	r.tellEnd(free)
	r.after(free, ended)
}

// after does what follows a build: publish where no A+ does, have A+ told or the
// teachers, clean. Nothing of it changes the build.
func (r *run) after(ctx workflow.Context, ended activities.Ended) {
	var cleaned workflow.Future
	if r.host != "" && !r.cleans {
		r.story.announceNow(ctx)
		cleaned = workflow.ExecuteActivity(onceOnHost(ctx, HostQueue(r.host), cleanLimit), onDisk.Clean, r.job)
	}
	if ended.Publish {
		r.story.progress.Step = "publish"
		r.story.note(r.job, "publish", r.publish(ctx))
	}
	if ended.Notify || ended.Mail {
		r.tellLMS(ctx, ended)
	}
	if cleaned != nil {
		r.story.note(r.job, "clean", cleaned.Get(ctx, nil))
	}
}

// publish does it at once where that is possible: it takes milliseconds when no
// grader is slow.
func (r *run) publish(ctx workflow.Context) error {
	if r.story.publishesAtOnce {
		err := workflow.ExecuteLocalActivity(atOnce(ctx), service.PublishAtOnce, r.job).Get(ctx, nil)
		if err == nil || !mayPass(err) {
			return err
		}
	}
	r.story.announceNow(ctx)
	return workflow.ExecuteActivity(onOtherService(ctx, TaskQueue, callLimit), service.PublishNow, r.job).Get(ctx, nil)
}

// mayPass says whether what failed may go well when it is tried again.
func mayPass(err error) bool {
	var app *temporal.ApplicationError
	return !errors.As(err, &app) || !app.NonRetryable()
}

// tellLMS leaves A+ to another workflow, since the next build does not wait for
// A+. Runs that were begun before there was one call it themselves.
func (r *run) tellLMS(ctx workflow.Context, ended activities.Ended) {
	step, call := "notify", any(service.NotifyLMS)
	if ended.Mail {
		step, call = "mail", service.MailFailure
	}
	r.story.progress.Step = step
	var err error
	if workflow.GetVersion(ctx, changeLMSCalls, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		err = workflow.ExecuteActivity(onOtherService(ctx, TaskQueue, callLimit), call, r.job).Get(ctx, nil)
	} else {
		err = untilDone(ctx, service.RequestLMSCall, activities.LMSCall{Job: r.job, Mail: ended.Mail}, nil)
	}
	r.story.note(r.job, step, err)
}

// note logs what went wrong after a build.
func (s *story) note(job activities.Job, step string, err error) {
	if err != nil {
		s.log.Error("after the build", "course", job.CourseKey, "build", job.BuildID, "step", step, "error", err)
	}
}
