package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"coursewright/activities"
	"coursewright/internal/build"
	"coursewright/internal/courseconfig"
	"coursewright/worker"
	"coursewright/workflows"
)

// startWorkers serves the task queues of the role. A process that serves
// requests starts without Temporal, since the database alone is needed to accept
// a push; its queues follow when Temporal answers. Others wait for it a while.
func (y *system) startWorkers(ctx context.Context) error {
	y.workflows = workflows.NewClient(processName(y.role), y.temporal, y.store, y.log, workflows.Limits{
		BuildTimeout: y.settings.BuildTimeout,
		RetryDelay:   y.settings.BuildRetryDelay,
	})
	steps, err := y.steps(ctx)
	if err != nil {
		return err
	}
	group, err := y.serveQueues(ctx, steps)
	for end := time.Now().Add(temporalWait); errors.Is(err, errTemporalAway) && !y.role.serves && time.Now().Before(end); {
		y.log.Warn("waiting for Temporal", "error", err)
		if err := pause(ctx, temporalPause); err != nil {
			return err
		}
		group, err = y.serveQueues(ctx, steps)
	}
	switch {
	case err == nil:
		y.cleanup.add("workers", func() error { group.Stop(); return nil })
		return nil
	case errors.Is(err, errTemporalAway) && y.role.serves && !y.role.dev:
		y.log.Error("starting without Temporal: pushes are accepted, builds and publishing wait", "error", err)
		y.serveQueuesLater(ctx, steps)
		return nil
	}
	return err
}

func (y *system) serveQueues(ctx context.Context, steps worker.Steps) (*worker.Group, error) {
	if !y.role.dev {
		if err := y.checkTemporal(ctx); err != nil {
			return nil, err
		}
	}
	limits := worker.Limits{StopTimeout: y.workersStop(), Light: y.settings.Hosting.Activities, Failed: y.fail, Program: programVersion()}
	if name := y.settings.WorkerDeployment; name != "" {
		limits.Version = &worker.Version{Deployment: name, BuildID: cmp.Or(y.settings.WorkerBuildID, programVersion())}
	}
	group, err := worker.Start(y.temporal, steps, limits)
	return group, y.reach.explain(err)
}

// handOverTime is what handing builds over takes at most, once they had their
// time: local builds are stopped in it.
const handOverTime = 15 * time.Second

// workersStop is how long a stop waits for running activities.
func (y *system) workersStop() time.Duration {
	if y.role.builds {
		return y.settings.BuildStopTimeout + handOverTime
	}
	return stopTimeout
}

// serveQueuesLater serves the task queues as soon as Temporal answers.
func (y *system) serveQueuesLater(ctx context.Context, steps worker.Steps) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(run, temporalPause) == nil {
			group, err := y.serveQueues(run, steps)
			if err != nil {
				if run.Err() == nil {
					y.log.Error("still without Temporal", "error", err)
				}
				continue
			}
			y.log.Info("Temporal answers, publishing goes on")
			<-run.Done()
			group.Stop()
		}
	}()
	y.cleanup.add("workers", func() error { stop(); <-done; return nil })
}

// pause waits, or returns the context's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// processName tells processes apart for those who look at what they did.
func processName(r role) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s %s/%d", r, host, os.Getpid())
}

// startSweeping signals requests to their workflows and sweeps.
func (y *system) startSweeping(ctx context.Context) error {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- y.workflows.Run(run) }()
	y.cleanup.add("sweeper", func() error { stop(); return <-ended })
	return nil
}

// steps are the activities of the role.
func (y *system) steps(ctx context.Context) (worker.Steps, error) {
	var out worker.Steps
	metrics, err := activities.NewMetrics(y.registry)
	if err != nil {
		return out, err
	}
	if y.role.serves {
		out.Publish = &activities.PublishSteps{
			Releases: y.releases, Courses: y.store, Graders: y.graders, Diffs: y.diffs, BaseURL: y.settings.PublicBaseURL,
			Metrics: metrics, Traces: y.traces(), Builds: y.store,
		}
	}
	if !y.role.builds {
		return out, nil
	}
	s := y.settings
	out.Records = &activities.Records{Store: y.store, Runs: y.workflows, AutoPublish: s.AutoPublish, HasLMS: y.lms != nil, Metrics: metrics, Traces: y.traces()}
	commits := commitClient(s.CommitStatus)
	out.Records.TellsCommits = commits.Takes
	out.Service = &activities.ServiceSteps{
		Publisher: y.workflows, Caller: y.workflows, Store: y.store, LMS: y.lms, Authorize: authorize, Commits: commits, BaseURL: s.PublicBaseURL,
	}
	out.Release = &activities.ReleaseSteps{
		Disk: y.disk, Store: y.store, Agent: y.agent, Releases: y.releases, Graders: y.graders, Metrics: metrics, Traces: y.traces(),
		Config: courseconfig.Settings{
			StaticURL:              s.StaticURL,
			StaticContentHost:      s.StaticContentHost,
			DefaultGraderURL:       s.DefaultGraderURL,
			PersonalizedContentDir: s.PersonalizedDir,
		},
	}
	if out.Build, err = y.buildSteps(metrics); err != nil {
		return out, err
	}
	cleaning := activities.NewCleaning(ctx)
	y.cleanup.add("cleaning", cleaning.Close)
	out.Host = &activities.HostSteps{Build: out.Build, Release: out.Release, Cleaning: cleaning, Log: y.log}
	return out, nil
}

func (y *system) buildSteps(metrics *activities.Metrics) (*activities.BuildSteps, error) {
	builder, err := y.builder()
	if err != nil {
		return nil, err
	}
	if keeper, ok := builder.(build.Keeper); ok {
		y.keeper, y.tidier.Clear = keeper, keeper.Clear
	}
	s := y.settings
	out := &activities.BuildSteps{
		Host: y.host, Disk: y.disk, Store: y.store, Git: y.git, Builder: builder,
		Slots: y.slots, Agent: y.agent, Checkouts: make(chan struct{}, s.Hosting.Checkouts), Tidier: y.tidier,
		LocalSource: s.LocalSourcePath,
		Defaults:    build.Defaults{Image: s.DefaultImage, Command: s.DefaultCommand},
		Env:         build.EnvironmentFacts{StaticURL: s.StaticURL, StaticContentHost: s.StaticContentHost},
		Timeout:     s.BuildTimeout,
		StopAfter:   max(s.BuildStopTimeout, time.Millisecond), // 0 would be no bound
		KeepBuilds:  s.KeepBuilds,
		Releases:    y.releases,
		Metrics:     metrics,
		Traces:      y.traces(),
	}
	y.clearLeft = out.ClearLeft
	return out, nil
}
