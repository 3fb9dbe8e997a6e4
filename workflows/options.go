package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
)

// Named policies: every step uses one of them, no step has literals.
//
// A heartbeat is due every heartbeatTimeout, so a step whose process was killed
// is tried again within that time, and a healthy one may last as long as its
// own limit.
const (
	heartbeatTimeout = activities.HeartbeatTimeout
	// A host that answers takes a step within milliseconds; one that is busy
	// queues it. Past this wait another host is asked.
	hostWait = activities.HostWait
	// What the next build makes up for is not waited for that long: the next
	// build may wait behind it.
	shortHostWait = 5 * time.Second
	// infrastructureTries bounds how long trouble that is nobody's fault in the
	// course is retried: with the intervals below two minutes and what the tries
	// take. What is known to pass is waited for within a try, which uses up none: a
	// database that is away (activities.persist), a container engine
	// (activities.EnginePatience).
	infrastructureTries = 8
	// mostHosts bounds on how many hosts one build is begun. A build may itself be
	// what ends them, so there is a bound; a bad hour of the machines should not
	// reach it.
	mostHosts = 6
)

// Names of changes to the order of steps, for runs that were begun before.
const (
	changeTakeOver    = "take-over"
	changeLMSCalls    = "lms-calls"
	changeUntilDone   = "until-done"
	changeOneActivity = "one-activity" // 1: the steps on a host are one activity; 2: publishing is a local one
)

// retryPolicy tries again after a second, then after twice that, and so on up to
// longest, 0 meaning a minute.
func retryPolicy(longest time.Duration) *temporal.RetryPolicy {
	if longest <= 0 {
		longest = time.Minute
	}
	return &temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 2,
		MaximumInterval:    max(longest, time.Second),
		MaximumAttempts:    infrastructureTries,
	}
}

// recordsPause is the pause between two rounds of untilDone.
const recordsPause = 5 * time.Second

// onRecords is for short database work inside the workflow task. It is tried
// for as long as the database is away: a build must reach its final status.
func onRecords(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 24 * time.Hour,
		StartToCloseTimeout:    20 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
		},
	})
}

// untilDone does a step of onRecords for as long as it may pass and ctx lasts. The
// time that its tries have ends by the clock of the worker, and too early when that
// jumps.
func untilDone(ctx workflow.Context, step, in, out any) error {
	for {
		err := workflow.ExecuteLocalActivity(onRecords(ctx), step, in).Get(ctx, out)
		if err == nil || !mayPass(err) || ctx.Err() != nil || workflow.GetVersion(ctx, changeUntilDone, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			return err
		}
		if err := workflow.Sleep(ctx, recordsPause); err != nil {
			return err
		}
	}
}

// atOnce is for what is nearly always done within a workflow task, and is begun
// again as an activity otherwise.
func atOnce(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: 3 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// onHost is for steps that touch a build disk. limit bounds one try.
func onHost(ctx workflow.Context, queue string, limit, retryDelay time.Duration) workflow.Context {
	o := workflow.ActivityOptions{
		TaskQueue:           queue,
		StartToCloseTimeout: limit,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retryPolicy(retryDelay),
	}
	if queue != BuildQueue {
		o.ScheduleToStartTimeout = hostWait
	}
	return workflow.WithActivityOptions(ctx, o)
}

// priority orders builds on the shared queue as the slots of a host do.
func priority(job activities.Job) temporal.Priority {
	const longestKey = 64 // bytes, Temporal's limit
	owner := job.Owner
	if len(owner) > longestKey {
		owner = owner[:longestKey]
	}
	return temporal.Priority{PriorityKey: 2*int(job.Class) - 1, FairnessKey: strings.ToValidUTF8(owner, "")}
}

// onceOnHost is for a step on a build disk that the next build makes up for when
// it fails.
func onceOnHost(ctx workflow.Context, queue string, limit time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              queue,
		ScheduleToStartTimeout: shortHostWait,
		StartToCloseTimeout:    limit,
		HeartbeatTimeout:       heartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// callTries is more often than any failed call wants to be made again: each
// says itself when to stop.
const callTries = 20

// onOtherService is for calls to A+ and graders.
func onOtherService(ctx workflow.Context, queue string, limit time.Duration) workflow.Context {
	p := retryPolicy(0)
	p.MaximumAttempts = callTries
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           queue,
		StartToCloseTimeout: limit,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         p,
	})
}

// lmsPatience is how long A+ that is away is told of a build again.
const lmsPatience = time.Hour

// onLMS is for one call to A+, which the workflow makes again when A+ is away.
func onLMS(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: callLimit,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         retryPolicy(0),
	})
}

// fromHost is for calls that need a build disk. Where the host is gone they are
// not waited for.
func fromHost(ctx workflow.Context, queue string, limit time.Duration) workflow.Context {
	return workflow.WithScheduleToStartTimeout(onOtherService(ctx, queue, limit), hostWait)
}

// onPublishFolder is for the switch of a release inside a publish workflow,
// which runs where the publish folder is.
func onPublishFolder(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: time.Minute,
		StartToCloseTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    5 * time.Second,
			MaximumAttempts:    5,
		},
	})
}

// onPublishQueue is for longer work on the publish folder.
func onPublishQueue(ctx workflow.Context, limit time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           PublishQueue,
		StartToCloseTimeout: limit,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         retryPolicy(0),
	})
}
