package workflows

import (
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
)

// SignalEnded tells TellCommit that its build has ended.
const SignalEnded = "ended"

const (
	// commitLimit bounds one call to a git host, commitLife all that is told of one
	// build.
	commitLimit = time.Minute
	commitLife  = 48 * time.Hour
	// The commit is known soon after the begin. After that the row is looked at less
	// and less often: without a word from the build its workflow may have been ended.
	soonestLook = time.Second
	firstLook   = time.Minute
	longestLook = 15 * time.Minute
	// A git host that has refused for good would refuse each look again, and each
	// time the build's log says so.
	lookAfterTrouble = time.Hour
)

// CommitID is the id of the workflow that tells the git host of a build.
func CommitID(key string, build int64) string { return fmt.Sprintf("commit/%s/%d", key, build) }

// TellCommit tells the git host that a build runs, once its commit is known, and
// once it has ended, how. It is a workflow of its own, so that no build waits for
// a git host nor fails by it, and the end is told however the build came to it.
func TellCommit(ctx workflow.Context, job activities.Job) error {
	calls := onOtherService(ctx, TaskQueue, commitLimit)
	ended := workflow.GetSignalChannel(ctx, SignalEnded)
	over := false
	for wait := soonestLook; ; wait = min(2*wait, longestLook) {
		var told activities.ToldCommit
		err := workflow.ExecuteActivity(calls, service.TellCommit, job).Get(ctx, &told)
		if told.Final || over || ctx.Err() != nil {
			return err
		}
		switch {
		case err != nil:
			wait = lookAfterTrouble
		case !told.Early:
			wait = max(wait, firstLook)
		}
		timer, stop := workflow.WithCancel(ctx)
		choice := workflow.NewSelector(ctx)
		choice.AddReceive(ended, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			over = true
		})
		choice.AddFuture(workflow.NewTimer(timer, wait), func(workflow.Future) {})
		choice.Select(ctx)
		stop()
	}
}

// tellCommit has the git host told how the build goes. Where no git host is told
// it does nothing.
func (r *run) tellCommit(ctx workflow.Context) {
	if !r.job.TellCommit {
		return
	}
	free, _ := workflow.NewDisconnectedContext(ctx)
	r.telling = workflow.ExecuteChildWorkflow(workflow.WithChildOptions(free, workflow.ChildWorkflowOptions{
		WorkflowID:               CommitID(r.job.CourseKey, r.job.BuildID),
		TaskQueue:                TaskQueue,
		WorkflowExecutionTimeout: commitLife,
		WorkflowTaskTimeout:      workflowTaskTimeout,
		ParentClosePolicy:        enums.PARENT_CLOSE_POLICY_ABANDON,
	}), TellCommit, r.job)
}

// tellEnd wakes what tells the git host. Only Temporal is waited for, since what a
// workflow sends with its last word is lost. A wake that fails is made up for:
// the row is looked at now and then.
func (r *run) tellEnd(ctx workflow.Context) {
	if r.telling == nil {
		return
	}
	if err := r.telling.SignalChildWorkflow(ctx, SignalEnded, nil).Get(ctx, nil); err != nil {
		r.story.log.Info("the git host is told of the build's end later", "course", r.job.CourseKey, "build", r.job.BuildID, "error", err)
	}
}
