package main

import (
	"context"

	"coursewright/activities"
	"coursewright/internal/build"
	"coursewright/internal/courseconfig"
	"coursewright/worker"
	"coursewright/workflows"
)

// startWorkers serves the task queues of the role.
func (y *system) startWorkers(context.Context) error {
	y.workflows = workflows.NewClient(y.temporal, y.store, y.log, workflows.Limits{
		BuildTimeout: y.settings.BuildTimeout,
		RetryDelay:   y.settings.BuildRetryDelay,
	})
	steps, err := y.steps()
	if err != nil {
		return err
	}
	group, err := worker.Start(y.temporal, steps, worker.Limits{StopTimeout: stopTimeout, Light: y.settings.Hosting.Activities})
	if err != nil {
		return err
	}
	y.cleanup.add("workers", func() error { group.Stop(); return nil })
	return nil
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
func (y *system) steps() (worker.Steps, error) {
	var out worker.Steps
	if y.role.serves {
		out.Publish = &activities.PublishSteps{Releases: y.releases, Courses: y.store, Graders: y.graders}
	}
	if !y.role.builds {
		return out, nil
	}
	s := y.settings
	out.Records = &activities.Records{Store: y.store, AutoPublish: s.AutoPublish, HasLMS: y.lms != nil}
	out.Service = &activities.ServiceSteps{Publisher: y.workflows, Store: y.store, LMS: y.lms, Authorize: authorize}
	out.Release = &activities.ReleaseSteps{
		Disk: y.disk, Store: y.store, Agent: y.agent, Releases: y.releases, Graders: y.graders,
		Config: courseconfig.Settings{
			StaticURL:              s.StaticURL,
			StaticContentHost:      s.StaticContentHost,
			DefaultGraderURL:       s.DefaultGraderURL,
			PersonalizedContentDir: s.PersonalizedDir,
		},
	}
	var err error
	out.Build, err = y.buildSteps()
	return out, err
}

func (y *system) buildSteps() (*activities.BuildSteps, error) {
	builder, err := y.builder()
	if err != nil {
		return nil, err
	}
	s := y.settings
	return &activities.BuildSteps{
		Host: y.host, Disk: y.disk, Store: y.store, Git: y.git, Builder: builder,
		Slots: y.slots, Agent: y.agent, Checkouts: make(chan struct{}, s.Hosting.Checkouts), Tidier: y.tidier,
		LocalSource: s.LocalSourcePath,
		Defaults:    build.Defaults{Image: s.DefaultImage, Command: s.DefaultCommand},
		Env:         build.EnvironmentFacts{StaticURL: s.StaticURL, StaticContentHost: s.StaticContentHost},
		Timeout:     s.BuildTimeout,
		KeepBuilds:  s.KeepBuilds,
		Releases:    y.releases,
	}, nil
}
