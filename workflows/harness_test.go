package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/sqlite"
	"coursewright/workflows"
)

const key = "course"

// bench is a build workflow in Temporal's test environment: the rows are real,
// the steps on the build host are scripted.
type bench struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	rows  store.Store
	steps []string // the steps that ran, in order
	on    map[string]func() error

	graders int // that the course configures
}

func newBench(t *testing.T) *bench {
	t.Helper()
	rows, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "test.db"), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	})
	c := course.New(key)
	c.GitBranch = "main"
	if _, err := rows.CreateCourse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return newBenchOn(t, rows)
}

// newBenchOn continues with the rows of another bench.
func newBenchOn(t *testing.T, rows store.Store) *bench {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b := &bench{t: t, env: suite.NewTestWorkflowEnvironment(), rows: rows, on: map[string]func() error{}}
	b.env.RegisterWorkflow(workflows.Build)
	b.env.RegisterActivity(&activities.Records{Store: rows, HasLMS: true})
	b.env.SetTestTimeout(30 * time.Second)
	b.register()
	return b
}

// step runs what the test wants to happen during a step.
func (b *bench) step(name string) error {
	b.steps = append(b.steps, name)
	if f := b.on[name]; f != nil {
		return f()
	}
	return nil
}

// register stands in for the steps of a build host, under their real names.
func (b *bench) register() {
	var disk *activities.BuildSteps
	var rel *activities.ReleaseSteps
	var whole *activities.HostSteps
	var calls *activities.ServiceSteps
	b.env.RegisterActivity(disk)
	b.env.RegisterActivity(rel)
	b.env.RegisterActivity(whole)
	b.env.RegisterActivity(calls)
	b.env.OnActivity(disk.Checkout, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Job) (activities.CheckedOut, error) {
			return activities.CheckedOut{Host: "host", Commit: strings.Repeat("a", 40)}, b.step("checkout")
		})
	b.env.OnActivity(disk.RunBuilder, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Built) error { return b.step("build") })
	b.env.OnActivity(rel.StageRelease, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.Built) (activities.Staged, error) {
			if in.Graders != b.graders {
				return activities.Staged{Graders: b.graders}, b.step("validate")
			}
			return activities.Staged{}, b.step("stage")
		})
	b.env.OnActivity(whole.BuildRelease, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.Built) (activities.Made, error) { return b.make(in) })
	b.env.OnActivity(rel.ConfigureGrader, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.Grading) error {
			return b.step("configure " + strconv.Itoa(in.Index))
		})
	b.env.OnActivity(calls.PublishNow, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Job) error { return b.step("publish") })
	b.env.OnActivity(calls.PublishAtOnce, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Job) error { return b.step("publish at once") })
	b.env.OnActivity(calls.RequestLMSCall, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.LMSCall) error {
			if in.Mail {
				return b.step("mail")
			}
			return b.step("notify")
		})
	b.env.OnActivity(disk.Clean, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.Job) error { return b.step("clean") })
}

// make stands in for all the steps of a host in one activity.
func (b *bench) make(in activities.Built) (activities.Made, error) {
	out := activities.Made{CheckedOut: activities.CheckedOut{Host: "host", Commit: strings.Repeat("a", 40)}}
	steps := []struct{ name, as string }{{"checkout", "checkout"}, {"build", "build"}, {"stage", "store"}, {"clean", "clean"}}
	switch {
	case in.Graders > 0:
		steps = steps[2:]
	case in.CheckedOut:
		steps = steps[1:]
	}
	if in.Graders != b.graders {
		out.Graders = b.graders
		steps = append(steps[:len(steps)-2:len(steps)-2], struct{ name, as string }{"validate", "validate"})
	}
	for _, s := range steps {
		if err := b.step(s.name); err != nil {
			return out, ofStep(s.as, err)
		}
	}
	out.Cleans = out.Graders == 0
	return out, nil
}

// ofStep names the step of an error as activities do.
func ofStep(name string, err error) error {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return err
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return temporal.NewApplicationError(err.Error(), activities.ServiceErrorType, name)
	}
	return temporal.NewApplicationErrorWithOptions(app.Message(), app.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: app.NonRetryable(), Details: []any{name},
	})
}

func (b *bench) request(o course.BuildOptions) course.Build {
	b.t.Helper()
	row, err := b.rows.RequestBuild(b.t.Context(), key, course.BuildRequest{Options: o, Trigger: course.TriggerHook})
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

func (b *bench) run() {
	b.t.Helper()
	b.env.ExecuteWorkflow(workflows.Build, workflows.BuildInput{CourseKey: key})
	if !b.env.IsWorkflowCompleted() {
		b.t.Fatal("the workflow did not end")
	}
}

// statuses gives the status of every row, oldest first.
func (b *bench) statuses() []course.Status {
	b.t.Helper()
	rows, err := b.rows.ListBuilds(b.t.Context(), key, course.Page{Limit: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []course.Status
	for _, r := range slices.Backward(rows) {
		out = append(out, r.Status)
	}
	return out
}

func (b *bench) expect(want ...course.Status) {
	b.t.Helper()
	if got := b.statuses(); !slices.Equal(got, want) {
		b.t.Errorf("statuses are %v, want %v", got, want)
	}
}

func (b *bench) row(id int64) course.Build {
	b.t.Helper()
	row, err := b.rows.Build(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// begunBefore lets the run go on as one that an earlier version has begun, with
// an activity for each step.
func (b *bench) begunBefore() {
	b.env.OnGetVersion("one-activity", workflow.DefaultVersion, workflow.Version(2)).Return(workflow.DefaultVersion)
	b.env.OnGetVersion("take-over", workflow.DefaultVersion, workflow.Version(2)).Return(workflow.Version(2))
}
