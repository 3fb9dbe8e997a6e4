package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/workflows"
)

func TestABuildGoesThroughItsStepsInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		graders int
		want    []string
	}{
		{0, []string{"checkout", "build", "stage", "clean"}},
		{2, []string{"checkout", "build", "validate", "configure 0", "configure 1", "stage", "clean"}},
	} {
		for _, before := range []bool{true, false} {
			b := newBench(t)
			if b.graders = c.graders; before {
				b.begunBefore()
			}
			b.request(course.BuildOptions{})
			b.run()
			b.expect(course.StatusSuccess)
			if !slices.Equal(b.steps, c.want) {
				t.Errorf("with %d graders, begun before: %v: steps are %v, want %v", c.graders, before, b.steps, c.want)
			}
		}
	}
}

func TestAllGradersAreAskedThoughOneRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.graders = 2
	row := b.request(course.BuildOptions{})
	b.on["configure 0"] = func() error {
		return temporal.NewNonRetryableApplicationError("the grader answered 400", activities.RemoteErrorType, nil)
	}
	b.run()
	b.expect(course.StatusFailed)
	if got, want := b.row(row.ID).Reason, "configure: the grader answered 400"; got != want {
		t.Errorf("reason is %q, want %q", got, want)
	}
	if !slices.Contains(b.steps, "configure 1") || slices.Contains(b.steps, "stage") {
		t.Errorf("steps are %v, want the second grader asked and nothing staged", b.steps)
	}
}

// What A+ is asked after a build depends on the course and the build.
func TestWhatFollowsABuild(t *testing.T) {
	t.Parallel()
	five := int64(5)
	connected := func(c *course.Course) { c.RemoteID = &five }
	for _, c := range []struct {
		name   string
		change func(*course.Course)
		ask    course.BuildOptions
		fails  bool
		want   string // the step that follows, if any
		log    string
	}{
		{"notified", connected, course.BuildOptions{}, false, "notify", ""},
		{"not wanted", func(c *course.Course) { connected(c); c.UpdateAutomatically = false }, course.BuildOptions{}, false, "", "not updated automatically"},
		{"unknown to A+", func(*course.Course) {}, course.BuildOptions{}, false, "", "no remote id"},
		{"asked not to", connected, course.BuildOptions{SkipNotify: true}, false, "", "asked not to"},
		{"failed", connected, course.BuildOptions{}, true, "mail", "FAILED"},
		{"failed quietly", func(c *course.Course) { connected(c); c.EmailOnError = false }, course.BuildOptions{}, true, "", "FAILED"},
		{"without failsafes", func(c *course.Course) { c.SkipBuildFailsafes = true }, course.BuildOptions{}, false, "publish at once", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			found, err := b.rows.Course(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			c.change(&found)
			if _, err := b.rows.UpdateCourse(t.Context(), found); err != nil {
				t.Fatal(err)
			}
			row := b.request(c.ask)
			if c.fails {
				b.on["build"] = func() error {
					return temporal.NewNonRetryableApplicationError("no", activities.AuthorErrorType, nil)
				}
			}
			b.run()
			followed := slices.DeleteFunc(b.steps, func(s string) bool {
				return !slices.Contains([]string{"publish at once", "publish", "notify", "mail"}, s)
			})
			if got := strings.Join(followed, " "); got != c.want {
				t.Errorf("%q followed, want %q", got, c.want)
			}
			chunks, _, err := b.rows.ReadLog(t.Context(), row.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			if log := ""; c.log != "" {
				for _, chunk := range chunks {
					log += chunk.Text
				}
				if !strings.Contains(log, c.log) {
					t.Errorf("the log is %q, want %q in it", log, c.log)
				}
			}
		})
	}
}

// What cannot be published at once is published by an activity, unless that would
// be refused as well.
func TestPublishingGoesOnWhenItTakesLong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want []string
	}{
		{nil, []string{"publish at once"}},
		{errors.New("a grader is slow"), []string{"publish at once", "publish"}},
		{temporal.NewNonRetryableApplicationError("it waits for an approval", activities.ConflictType, nil), []string{"publish at once"}},
	} {
		b := newBench(t)
		found, err := b.rows.Course(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		found.SkipBuildFailsafes = true
		if _, err := b.rows.UpdateCourse(t.Context(), found); err != nil {
			t.Fatal(err)
		}
		b.request(course.BuildOptions{})
		b.on["publish at once"] = func() error { return c.err }
		b.run()
		b.expect(course.StatusSuccess)
		if got := slices.DeleteFunc(b.steps, func(s string) bool { return !strings.HasPrefix(s, "publish") }); !slices.Equal(got, c.want) {
			t.Errorf("with %v: %v, want %v", c.err, got, c.want)
		}
	}
}

func TestOlderRequestsAreSkippedAndTheirRebuildAllIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(course.BuildOptions{RebuildAll: true})
	b.request(course.BuildOptions{})
	last := b.request(course.BuildOptions{SkipNotify: true})
	b.run()
	b.expect(course.StatusSkipped, course.StatusSkipped, course.StatusSuccess)
	if o := b.row(last.ID).Options; !o.RebuildAll || !o.SkipNotify {
		t.Errorf("options of the built row are %+v, want rebuild_all and skip_notify", o)
	}
}

// A request may come at any moment of a build, and its signal too. Whatever the
// step, it is built afterwards.
func TestRequestsDuringABuildAreBuiltAfterIt(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"checkout", "build", "stage", "clean"} {
		for _, signalled := range []bool{true, false} {
			t.Run(step, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.request(course.BuildOptions{})
				once := false
				b.on[step] = func() error {
					if once {
						return nil
					}
					once = true
					b.request(course.BuildOptions{})
					b.request(course.BuildOptions{})
					if signalled {
						b.env.SignalWorkflow(workflows.SignalRequested, workflows.Requested{})
					}
					return nil
				}
				b.run()
				b.expect(course.StatusSuccess, course.StatusSkipped, course.StatusSuccess)
			})
		}
	}
}

func TestAFailureTellsWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	author := temporal.NewNonRetryableApplicationError("there is no branch mian", activities.AuthorErrorType, nil)
	for _, c := range []struct {
		name, step string
		err        error
		tries      int
		reason     string
	}{
		{"author", "checkout", author, 1, "checkout: there is no branch mian"},
		{"service", "stage", errors.New("disk full"), 8, "store: trouble of the service, not of the course: disk full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			row := b.request(course.BuildOptions{})
			b.on[c.step] = func() error { return c.err }
			b.run()
			b.expect(course.StatusFailed)
			if got := b.row(row.ID).Reason; got != c.reason {
				t.Errorf("reason is %q, want %q", got, c.reason)
			}
			tries := 0
			for _, s := range b.steps {
				if s == c.step {
					tries++
				}
			}
			if tries != c.tries {
				t.Errorf("tried %d times, want %d", tries, c.tries)
			}
			if !slices.Contains(b.steps, "clean") && c.step != "checkout" {
				t.Error("the working copy was not cleaned after the failure")
			}
		})
	}
}

func TestACancelledBuildEndsAndTheNextOneRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.request(course.BuildOptions{})
	b.on["build"] = func() error {
		delete(b.on, "build")
		b.request(course.BuildOptions{})
		b.env.SignalWorkflow(workflows.SignalCancel, workflows.CancelBuild{BuildID: first.ID, Reason: "not wanted"})
		return nil
	}
	b.run()
	b.expect(course.StatusCancelled, course.StatusSuccess)
	if got := b.row(first.ID).Reason; got != "not wanted" {
		t.Errorf("reason is %q", got)
	}
}

func TestCancellingTheWorkflowEndsItsBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(course.BuildOptions{})
	b.on["build"] = func() error { b.env.CancelWorkflow(); return nil }
	b.run()
	b.expect(course.StatusCancelled)
}

// A host that is away when its build is cancelled cannot say that it has stopped.
func TestACancelledBuildOfAHostThatIsAwayIsCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(course.BuildOptions{})
	b.on["build"] = func() error {
		b.env.CancelWorkflow()
		return temporal.NewTimeoutError(enums.TIMEOUT_TYPE_HEARTBEAT, nil)
	}
	b.run()
	b.expect(course.StatusCancelled)
}

func TestAnotherHostTakesOverWhenTheUsualOneIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, err := b.rows.Course(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.rows.SetBuildHost(t.Context(), c.ID, "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.rows.ReportHost(t.Context(), course.HostReport{ID: "gone", Slots: 1}); err != nil {
		t.Fatal(err) // it has died just now
	}
	b.request(course.BuildOptions{})
	b.on["checkout"] = func() error {
		delete(b.on, "checkout")
		return temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	}
	b.run()
	b.expect(course.StatusSuccess)
	if len(b.steps) < 2 || b.steps[0] != "checkout" || b.steps[1] != "checkout" {
		t.Errorf("steps are %v, want a second checkout", b.steps)
	}
}

// A host may be gone for good at any step that only it can do.
func TestABuildStartsAgainOnAnotherHost(t *testing.T) {
	t.Parallel()
	gone := temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	broken := temporal.NewNonRetryableApplicationError("builder-1 has taken itself out", activities.HostUnfitType, nil)
	for _, c := range []struct {
		name  string
		step  string
		times int
		want  []string
		ends  course.Status
		err   error // nil: the host is gone
	}{
		{"a host that has taken itself out", "build", 1, []string{"checkout", "build", "checkout", "build", "validate", "configure 0", "stage"}, course.StatusSuccess, broken},
		{"build", "build", 1, []string{"checkout", "build", "checkout", "build", "validate", "configure 0", "stage"}, course.StatusSuccess, nil},
		{"validate", "validate", 1, []string{"checkout", "build", "validate", "checkout", "build", "validate", "configure 0", "stage"}, course.StatusSuccess, nil},
		{"configure", "configure 0", 1, []string{"checkout", "build", "validate", "configure 0", "checkout", "build", "validate", "configure 0", "stage"}, course.StatusSuccess, nil},
		{"two hosts", "build", 2, []string{"checkout", "build", "checkout", "build", "checkout", "build", "validate", "configure 0", "stage"}, course.StatusSuccess, nil},
		{"too many hosts", "build", 100, slices.Repeat([]string{"checkout", "build"}, 6), course.StatusFailed, nil},
	} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, ", begun before: ", before), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				if b.graders = 1; before {
					b.begunBefore()
				}
				row := b.request(course.BuildOptions{})
				left := c.times
				b.on[c.step] = func() error {
					if left--; left >= 0 && c.err != nil {
						return c.err
					}
					if left >= 0 {
						return gone
					}
					return nil
				}
				b.run()
				b.expect(c.ends)
				if got := slices.DeleteFunc(b.steps, func(s string) bool { return s == "clean" || s == "mail" }); !slices.Equal(got, c.want) {
					t.Errorf("steps are %v, want %v", got, c.want)
				}
				chunks, _, err := b.rows.ReadLog(t.Context(), row.ID, 0)
				if err != nil {
					t.Fatal(err)
				}
				log := ""
				for _, chunk := range chunks {
					log += chunk.Text
				}
				words := "does not answer any more"
				if c.err != nil {
					words = "cannot go on with the build: builder-1 has taken itself out"
				}
				if got, want := strings.Count(log, words), min(c.times, 5); got != want {
					t.Errorf("the log tells %d times that a host is left, want %d:\n%s", got, want, log)
				}
			})
		}
	}
}

func TestALongHistoryContinuesAsNewAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(course.BuildOptions{})
	b.env.SetContinueAsNewSuggested(true)
	b.on["clean"] = func() error {
		b.request(course.BuildOptions{})
		b.env.SignalWorkflow(workflows.SignalRequested, workflows.Requested{})
		return nil
	}
	b.run()
	var next *workflow.ContinueAsNewError
	if err := b.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("ended with %v, want a continuation", err)
	}
	b.expect(course.StatusSuccess, course.StatusPending)

	// The next run starts by claiming, so it needs no signal.
	again := newBenchOn(t, b.rows)
	again.run()
	again.expect(course.StatusSuccess, course.StatusSuccess)
}

func TestProgressCanBeQueried(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	row := b.request(course.BuildOptions{})
	var got workflows.Progress
	b.on["build"] = func() error {
		v, err := b.env.QueryWorkflow(workflows.QueryProgress)
		if err != nil {
			return err
		}
		return v.Get(&got)
	}
	b.run()
	if want := (workflows.Progress{BuildID: row.ID, Step: "build", Host: "host"}); got != want {
		t.Errorf("progress is %+v, want %+v", got, want)
	}
}

// The time that the tries of a database step have ends by the clock of the worker:
// when that jumps a step fails though the database is back a moment later. The build
// is claimed, goes on at another host, gets its final status and is told all the same.
func TestAClockThatJumpsLosesNoStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	found, err := b.rows.Course(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	known := int64(5)
	found.RemoteID = &known
	if _, err := b.rows.UpdateCourse(t.Context(), found); err != nil {
		t.Fatal(err)
	}
	real, tries := &activities.Records{Store: b.rows, HasLMS: true}, map[string]int{}
	late := func(step string) error {
		if tries[step]++; tries[step] <= 2 {
			return temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, errors.New("the database is away"))
		}
		return nil
	}
	b.env.OnActivity(real.ClaimBuild, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.Claim) (activities.Claimed, error) {
		if err := late("claim"); err != nil {
			return activities.Claimed{}, err
		}
		return real.ClaimBuild(ctx, in)
	})
	b.env.OnActivity(real.FinishBuild, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.Ending) (activities.Ended, error) {
		if err := late("finish"); err != nil {
			return activities.Ended{}, err
		}
		return real.FinishBuild(ctx, in)
	})
	b.env.OnActivity(real.TellLog, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.Note) error {
		return errors.Join(late("tell"), real.TellLog(ctx, in))
	})
	b.on["notify"] = func() error { return late("notify") }
	left := false
	b.on["build"] = func() error {
		if left {
			return nil
		}
		left = true
		return temporal.NewNonRetryableApplicationError("builder-1 has taken itself out", activities.HostUnfitType, nil)
	}
	b.request(course.BuildOptions{})
	b.run()
	b.expect(course.StatusSuccess)
	if tries["claim"] < 3 || tries["tell"] != 3 || tries["finish"] != 3 || tries["notify"] != 3 {
		t.Errorf("tries: %v", tries)
	}
}
