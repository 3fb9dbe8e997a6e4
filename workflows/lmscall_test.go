package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"coursewright/activities"
	"coursewright/workflows"
)

// caller is the workflow that calls A+, in Temporal's test environment, whose
// clock jumps over pauses.
type caller struct {
	env   *testsuite.TestWorkflowEnvironment
	begun time.Time
	asked []asked
	notes []activities.Note
}

// asked is a call that A+ got.
type asked struct {
	Build int64
	Try   int
	After time.Duration // since the workflow began
}

// newCaller answers calls as A+ does; answer is asked for each.
func newCaller(answer func(in activities.LMSCall) (activities.LMSAnswer, error)) *caller {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	c := &caller{env: suite.NewTestWorkflowEnvironment()}
	c.env.RegisterWorkflow(workflows.CallLMS)
	c.env.RegisterActivity(&activities.Records{})
	c.env.RegisterActivity(&activities.ServiceSteps{})
	c.begun = c.env.Now()
	var service *activities.ServiceSteps
	c.env.OnActivity(service.CallLMS, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.LMSCall) (activities.LMSAnswer, error) {
			c.asked = append(c.asked, asked{in.BuildID, in.Try, c.env.Now().Sub(c.begun)})
			return answer(in)
		})
	var records *activities.Records
	c.env.OnActivity(records.TellLog, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.Note) error { c.notes = append(c.notes, in); return nil })
	return c
}

func callOf(build int64) activities.LMSCall {
	return activities.LMSCall{Job: activities.Job{CourseKey: key, BuildID: build}}
}

func (c *caller) run(t *testing.T, first int64) {
	t.Helper()
	c.env.ExecuteWorkflow(workflows.CallLMS, callOf(first))
	if !c.env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
}

func TestAPlusThatIsAwayIsCalledAgain(t *testing.T) {
	t.Parallel()
	c := newCaller(func(in activities.LMSCall) (activities.LMSAnswer, error) {
		return activities.LMSAnswer{Again: in.Try < 3, Wait: 10 * time.Second}, nil
	})
	c.run(t, 7)
	want := []asked{{7, 1, 0}, {7, 2, 10 * time.Second}, {7, 3, 20 * time.Second}}
	if diff := cmp.Diff(want, c.asked); diff != "" || c.env.GetWorkflowError() != nil {
		t.Errorf("%v, calls (-want +got):\n%s", c.env.GetWorkflowError(), diff)
	}
}

// How long A+ may be away is the same for each build, and counts from its call.
func TestACallSaysForHowLongItIsMadeAgain(t *testing.T) {
	t.Parallel()
	var until []time.Duration
	var c *caller
	c = newCaller(func(in activities.LMSCall) (activities.LMSAnswer, error) {
		until = append(until, in.Until.Sub(c.begun))
		return activities.LMSAnswer{Again: in.BuildID == 7, Wait: 40 * time.Minute}, nil
	})
	c.env.RegisterDelayedCallback(func() { c.env.SignalWorkflow(workflows.SignalNewer, callOf(8)) }, 50*time.Minute)
	c.run(t, 7)
	if diff := cmp.Diff([]time.Duration{time.Hour, time.Hour, 110 * time.Minute}, until); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A later build's call takes the place of one that waits, at once; earlier ones
// and those that come twice do not.
func TestTheCallOfALaterBuildTakesOver(t *testing.T) {
	t.Parallel()
	c := newCaller(func(in activities.LMSCall) (activities.LMSAnswer, error) {
		return activities.LMSAnswer{Again: in.BuildID == 7, Wait: time.Minute}, nil
	})
	for _, build := range []int64{7, 6, 8, 9} {
		c.env.RegisterDelayedCallback(func() { c.env.SignalWorkflow(workflows.SignalNewer, callOf(build)) }, time.Duration(build)*time.Second)
	}
	c.run(t, 7)
	want := []asked{
		{7, 1, 0},
		{7, 2, 6 * time.Second}, // woken by what is no later call
		{7, 3, 7 * time.Second},
		{8, 1, 8 * time.Second},
	}
	if diff := cmp.Diff(want, c.asked[:min(len(c.asked), len(want))]); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	notes := []activities.Note{{BuildID: 7, Line: "A+ is told of build 8 instead, which is newer."}}
	if diff := cmp.Diff(notes, c.notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// What comes while A+ imports is told when it has.
func TestACallDuringACallIsMadeAfterIt(t *testing.T) {
	t.Parallel()
	var c *caller
	c = newCaller(func(in activities.LMSCall) (activities.LMSAnswer, error) {
		if in.BuildID == 7 {
			c.env.SignalWorkflow(workflows.SignalNewer, callOf(8))
			c.env.SignalWorkflow(workflows.SignalNewer, callOf(9))
		}
		return activities.LMSAnswer{}, nil
	})
	c.run(t, 7)
	if diff := cmp.Diff([]asked{{7, 1, 0}, {9, 1, 0}}, c.asked); diff != "" || len(c.notes) > 0 {
		t.Errorf("notes %v, calls (-want +got):\n%s", c.notes, diff)
	}
}

func TestTroubleOfTheServiceEndsACall(t *testing.T) {
	t.Parallel()
	c := newCaller(func(activities.LMSCall) (activities.LMSAnswer, error) {
		return activities.LMSAnswer{}, temporal.NewNonRetryableApplicationError("no database", "", nil)
	})
	c.run(t, 7)
	var app *temporal.ApplicationError
	if err := c.env.GetWorkflowError(); !errors.As(err, &app) || app.Message() != "no database" {
		t.Errorf("ended with %v", err)
	}
}
