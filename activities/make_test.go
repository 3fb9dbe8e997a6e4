package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/build"
	"coursewright/internal/build/local"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/host"
	"coursewright/internal/release"
	"coursewright/internal/store/sqlite"
)

// breaking is a database that fails once: at the first call that the test picks.
type breaking struct {
	*sqlite.Store

	breaks func(step string, f course.Facts) bool
	broken atomic.Bool
}

var errBroken = errors.New("the database has refused this")

func (b *breaking) fails(step string, f course.Facts) bool {
	return b.breaks(step, f) && !b.broken.Swap(true)
}

func (b *breaking) StartTry(ctx context.Context, id int64, step string) (course.Try, error) {
	if b.fails(step, course.Facts{}) {
		return course.Try{}, errBroken
	}
	return b.Store.StartTry(ctx, id, step)
}

func (b *breaking) RecordTryFacts(ctx context.Context, t course.Try, f course.Facts) error {
	if b.fails("", f) {
		return errBroken
	}
	return b.Store.RecordTryFacts(ctx, t, f)
}

// lasting says of a build how to find it again, as those that outlive a worker do.
type lasting struct{ build.Builder }

func (l lasting) Run(ctx context.Context, r build.Request) (build.Result, error) {
	r.Started([]byte("handle"))
	return l.Builder.Run(ctx, r)
}

// newHostSteps gives the steps of a host whose local source has a course with a
// build command, and a build of it that runs.
func newHostSteps(t *testing.T, command string, breaks func(step string, f course.Facts) bool) (*activities.HostSteps, activities.Job, *breaking) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source")
	must(t, os.MkdirAll(filepath.Join(source, "course"), 0o755))
	for name, text := range map[string]string{
		"index.yaml": "name: Course\nstatic_dir: _build\ncategories: {}\nmodules: []\n",
		"build.sh":   command + "\nmkdir -p _build\necho page >_build/index.html\n",
	} {
		must(t, os.WriteFile(filepath.Join(source, "course", name), []byte(text), 0o644))
	}
	store := &breaking{Store: openStore(t), breaks: breaks}
	c, err := store.CreateCourse(t.Context(), course.New("course"))
	must(t, err)
	_, err = store.RequestBuild(t.Context(), "course", course.BuildRequest{Trigger: course.TriggerHook})
	must(t, err)
	b, _, err := store.ClaimBuild(t.Context(), "course", "run", nil)
	must(t, err)

	disk, id := openDisk(t)
	git, err := gitrepo.New(gitrepo.Config{})
	must(t, err)
	builder, err := local.New(local.Options{})
	must(t, err)
	depot, err := release.Open(release.Config{StorePath: filepath.Join(t.TempDir(), "store")})
	must(t, err)
	log, slots := slog.New(slog.DiscardHandler), host.NewSlots(1)
	agent := host.NewAgent(host.Config{ID: id, Name: "host", Path: disk.Path, Slots: slots, Store: store, Log: log})
	cleaning := activities.NewCleaning(t.Context())
	t.Cleanup(func() {
		if err := cleaning.Close(); err != nil {
			t.Error(err)
		}
	})
	return &activities.HostSteps{
			Build: &activities.BuildSteps{
				Host: id, Disk: disk, Store: store, Git: git, Builder: lasting{builder}, Slots: slots, Agent: agent,
				Checkouts: make(chan struct{}, 1), LocalSource: source, Releases: depot, Defaults: build.Defaults{Image: "image"},
			},
			Release:  &activities.ReleaseSteps{Disk: disk, Store: store, Agent: agent, Releases: depot},
			Cleaning: cleaning, Log: log,
		},
		activities.Job{BuildID: b.ID, CourseID: c.ID, CourseKey: "course", Version: course.NewVersion()}, store
}

// makeRelease has Temporal do BuildRelease, in as many as three tries, on a worker
// that is told to stop when stop is closed.
func makeRelease(h *activities.HostSteps, job activities.Job, stop chan struct{}) error {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(h)
	env.SetWorkerStopChannel(stop)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 3},
		})
		return workflow.ExecuteActivity(ctx, h.BuildRelease, activities.Built{Job: job}).Get(ctx, nil)
	})
	return env.GetWorkflowError()
}

// A try that fails after the build command leaves the rest to the next one: the
// command may have taken an hour.
func TestABuildCommandThatHasSucceededIsNotRunAgain(t *testing.T) {
	t.Parallel()
	h, job, store := newHostSteps(t, "echo the command runs", func(step string, _ course.Facts) bool { return step == "validate" })
	must(t, makeRelease(h, job, make(chan struct{})))
	log := logOf(t, store.Store, job.BuildID)
	if n := strings.Count(log, "the command runs\n"); n != 1 || !store.broken.Load() {
		t.Errorf("the build command was run %d times:\n%s", n, log)
	}
}

// A release whose commit was the last that a try did is noted by the next one.
func TestACommittedReleaseIsNotedByTheNextTry(t *testing.T) {
	t.Parallel()
	h, job, store := newHostSteps(t, "", func(_ string, f course.Facts) bool { return f.Version != "" })
	must(t, makeRelease(h, job, make(chan struct{})))
	b, err := store.Build(t.Context(), job.BuildID)
	must(t, err)
	log := logOf(t, store.Store, job.BuildID)
	if b.Version != job.Version || !store.broken.Load() || strings.Count(log, "is stored.\n") != 1 {
		t.Errorf("the build's row names the release %q, want %q:\n%s", b.Version, job.Version, log)
	}
}

// A stopping worker ends what it does and begins no build command: it might have
// to kill that.
func TestAStoppingWorkerBeginsNoBuildCommand(t *testing.T) {
	t.Parallel()
	h, job, store := newHostSteps(t, "echo the command runs", func(string, course.Facts) bool { return false })
	stop := make(chan struct{})
	close(stop)
	err := makeRelease(h, job, stop)
	log := logOf(t, store.Store, job.BuildID)
	if err == nil || strings.Contains(log, "the command runs\n") || !strings.Contains(log, "build: interrupted") {
		t.Errorf("error %v, log:\n%s", err, log)
	}
}

// The next build of a course waits for the lock that the cleaning holds: what
// hangs there must not keep it for ever.
func TestACleaningThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cleaning, unlocked := activities.NewCleaning(t.Context()), make(chan struct{})
		cleaning.Go(func() { close(unlocked) }, func(ctx context.Context) { <-ctx.Done() })
		select {
		case <-unlocked:
		case <-time.After(time.Hour):
			t.Error("the lock is held for an hour")
		}
		must(t, cleaning.Close())
	})
}

// Whoever is told to hand a build over while it waits for the course's lock has
// not failed.
func TestWaitingForALockEndsForItsReason(t *testing.T) {
	t.Parallel()
	disk, _ := openDisk(t)
	unlock, err := disk.Lock(t.Context(), "course")
	must(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, build.ErrHandOver)
	defer cancel()
	if _, err := disk.Lock(ctx, "course"); !errors.Is(err, build.ErrHandOver) {
		t.Errorf("error = %v, want one that is %v", err, build.ErrHandOver)
	}
}
