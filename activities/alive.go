package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"coursewright/internal/build"
)

// Times that keep a course from being built on two hosts at once. Temporal gives
// a try up when it has heard nothing of it for HeartbeatTimeout; the next try
// waits for the same host for HostWait before another host is asked. So a host
// that does not reach Temporal has the sum of both to stop what it does.
const (
	HeartbeatTimeout = 15 * time.Second
	HostWait         = 30 * time.Second

	// A try that has had no answer for so long ends itself. Stopping a build
	// takes 5 seconds at most, a pause before the next try is not counted.
	cutOffOnHost = HeartbeatTimeout + HostWait - 10*time.Second
	cutOffShared = HeartbeatTimeout - 6*time.Second // steps that any worker may try again

	beatEvery   = 1500 * time.Millisecond // how soon a step hears of its cancel
	beatTimeout = 4 * time.Second

	// A task that took longer to come was kept back on its way, such as by a
	// process that was stopped for a while: another try may have begun meanwhile.
	lateTask = 3 * time.Second
)

// Why a step is ended from outside.
var (
	errCancelled = fmt.Errorf("cancelled in Temporal: %w", context.Canceled)
	errGone      = errors.New("its workflow has ended")
	errCutOff    = errors.New("no answer from Temporal for so long that another host may take the build over")
)

// vitals says how a step is kept alive; the zero value is right for most.
type vitals struct {
	// stopAfter is how long the step may go on once its worker is told to stop;
	// 0: as long as the worker lets it.
	stopAfter time.Duration
	// details are what heartbeats carry, for those who look at the step; may be
	// nil.
	details func() any
	// over says whether the build has ended by what others know; nil: nobody is
	// asked.
	over func(context.Context) bool
}

// keepAlive heartbeats until the returned function is called, which waits for
// the heartbeats to end. The returned context ends, with the cause, when the
// step was cancelled, its workflow is gone, its worker stops, or Temporal has
// not answered for too long.
//
// The SDK's own heartbeats do not do: they end a step whenever Temporal is away
// for two seconds, though nobody else can begin it so soon, and they let it run
// on when the network swallows everything.
func keepAlive(ctx context.Context, v vitals) (kept context.Context, stop func()) {
	kept, cancel := context.WithCancelCause(ctx)
	p := &pulse{vitals: v, info: activity.GetInfo(ctx), cancel: cancel, ended: make(chan struct{})}
	p.ask(ctx)
	run, end := context.WithCancel(ctx)
	go func() {
		defer close(p.ended)
		p.run(ctx, run)
	}()
	return kept, func() {
		end()
		<-p.ended
		cancel(nil)
	}
}

// pulse is the heartbeat of one step.
type pulse struct {
	vitals

	info   activity.Info
	cancel context.CancelCauseFunc
	ended  chan struct{}
	asked  bool // the step was cancelled in Temporal
}

// ask ends a step before it begins when its task came late and Temporal does not
// say that it is wanted still. Where the clocks of worker and server differ it
// asks once too often.
func (p *pulse) ask(ctx context.Context) {
	if time.Since(p.info.StartedTime).Abs() < lateTask {
		return
	}
	if err := p.beat(ctx, ctx); err != nil {
		p.judge(ctx, ctx, err)
		p.cancel(errCutOff) // unless judge knew better
	}
}

// run beats until ctx ends. sdk is the context that the step got.
func (p *pulse) run(sdk, ctx context.Context) {
	limit := cutOffShared
	if strings.Contains(p.info.TaskQueue, "@") {
		limit = cutOffOnHost
	}
	cutOff := time.AfterFunc(limit, func() { p.cancel(errCutOff) })
	defer cutOff.Stop()
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	var handOver <-chan time.Time
	stopping := activity.GetWorkerStopChannel(sdk)
	for {
		select {
		case <-ctx.Done():
			return
		case <-stopping:
			stopping = nil
			if p.stopAfter > 0 {
				handOver = time.After(p.stopAfter)
			}
		case <-handOver:
			p.cancel(fmt.Errorf("the worker stops: %w", build.ErrHandOver))
		case <-ticker.C:
			sent := time.Now()
			err := p.beat(sdk, ctx)
			if err == nil {
				cutOff.Reset(limit - time.Since(sent))
				continue
			}
			p.judge(sdk, ctx, err)
		}
	}
}

// beat sends one heartbeat and waits for Temporal's answer.
func (p *pulse) beat(sdk, ctx context.Context) error {
	if p.asked {
		// The SDK must know as well: it tells Temporal how the step ended.
		activity.RecordHeartbeat(sdk)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	var details []any
	if p.details != nil {
		if d := p.details(); d != nil {
			details = append(details, d)
		}
	}
	return activity.GetClient(sdk).RecordActivityHeartbeat(ctx, p.info.TaskToken, details...)
}

// judge ends the step when the answer to a heartbeat says so. No answer is none, but
// then the database is asked: an administrator may have terminated the workflow, and
// the next build may be on its way to another host.
func (p *pulse) judge(sdk, ctx context.Context, err error) {
	var unknown *serviceerror.NotFound
	switch {
	case temporal.IsCanceledError(err):
		p.asked = true
		p.cancel(errCancelled)
		activity.RecordHeartbeat(sdk)
	case errors.Is(err, activity.ErrActivityPaused), errors.Is(err, activity.ErrActivityReset):
		p.cancel(fmt.Errorf("paused or reset in Temporal: %w", build.ErrHandOver))
	case errors.As(err, &unknown):
		if p.triedAgain(sdk, ctx) {
			p.cancel(fmt.Errorf("another try of the step is on its way: %w", build.ErrHandOver))
			return
		}
		p.cancel(errGone)
	case p.over != nil:
		ctx, cancel := context.WithTimeout(ctx, beatTimeout)
		defer cancel()
		if p.over(ctx) {
			p.cancel(errGone)
		}
	}
}

// triedAgain says whether Temporal has given up this try only: then a later one
// of the same step is on its way.
func (p *pulse) triedAgain(sdk, ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	run := p.info.WorkflowExecution
	d, err := activity.GetClient(sdk).DescribeWorkflowExecution(ctx, run.ID, run.RunID)
	if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false
	}
	for _, a := range d.GetPendingActivities() {
		if a.GetActivityId() == p.info.ActivityID && a.GetAttempt() > p.info.Attempt {
			return true
		}
	}
	return false
}
