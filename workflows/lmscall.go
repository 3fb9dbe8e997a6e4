package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
)

// CallLMS tells A+ of a build, and again for a while when A+ is away. The call
// of a later build takes the place of one that waits. Its workflow id lets A+
// import a course once at a time.
func CallLMS(ctx workflow.Context, call activities.LMSCall) error {
	calls := workflow.GetSignalChannel(ctx, SignalNewer)
	for {
		newer, err := untilNewer(ctx, call, calls)
		if newer == nil {
			return err
		}
		call = *newer
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if last := newest(ctx, call, calls, 0); last != nil { // signals that are not read are lost
				call = *last
			}
			return workflow.NewContinueAsNewError(ctx, CallLMS, call)
		}
	}
}

// untilNewer makes a call until A+ has heard it or its time is over. When there
// is the call of a later build it returns that.
func untilNewer(ctx workflow.Context, call activities.LMSCall, calls workflow.ReceiveChannel) (newer *activities.LMSCall, err error) {
	call.Until = workflow.Now(ctx).Add(lmsPatience)
	for call.Try = 1; ; call.Try++ {
		var answer activities.LMSAnswer
		err = workflow.ExecuteActivity(onLMS(ctx), service.CallLMS, call).Get(ctx, &answer)
		newer = newest(ctx, call, calls, answer.Wait)
		switch {
		case newer != nil && answer.Again:
			note := activities.Note{BuildID: call.BuildID, Line: fmt.Sprintf("A+ is told of build %d instead, which is newer.", newer.BuildID)}
			return newer, untilDone(ctx, records.TellLog, note, nil)
		case newer != nil, err != nil, !answer.Again:
			return newer, err
		}
	}
}

// newest waits at most so long for the call of a later build than this one's,
// and gives the last one; nil when there is none. A call that comes twice cuts
// the wait short.
func newest(ctx workflow.Context, than activities.LMSCall, calls workflow.ReceiveChannel, wait time.Duration) (newer *activities.LMSCall) {
	take := func(c activities.LMSCall) {
		if c.BuildID > than.BuildID {
			than, newer = c, &c
		}
	}
	var c activities.LMSCall
	for calls.ReceiveAsync(&c) {
		take(c)
	}
	if newer != nil || wait == 0 {
		return newer
	}
	if got, _ := calls.ReceiveWithTimeout(ctx, wait, &c); got {
		take(c)
	}
	return newer
}
