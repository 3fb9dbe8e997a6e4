package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"coursewright/activities"
	"coursewright/workflows"
)

// A git host that refuses for good is asked at the beginning and at the end of a
// build: each refusal stands in the build's log.
func TestAGitHostThatRefusesIsNotAskedAgainAndAgain(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	var service *activities.ServiceSteps
	env.RegisterActivity(service)
	calls := 0
	env.OnActivity(service.TellCommit, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Job) (activities.ToldCommit, error) {
			calls++
			return activities.ToldCommit{}, temporal.NewNonRetryableApplicationError("the token is not valid", activities.RemoteErrorType, nil)
		})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalEnded, nil) }, 45*time.Minute)
	env.ExecuteWorkflow(workflows.TellCommit, activities.Job{BuildID: 1, CourseKey: key})
	if !env.IsWorkflowCompleted() || calls != 2 {
		t.Errorf("the git host was asked %d times, want 2", calls)
	}
}
