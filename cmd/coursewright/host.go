package main

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"coursewright/internal/host"
)

// leaveTimeout bounds the last report of a build host.
const leaveTimeout = 3 * time.Second

// startHost makes this process a build host: it reports itself to the database
// from now on. It takes builds when its workers run.
func (y *system) startHost(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	slots := y.settings.BuildConcurrency
	if slots == 0 {
		slots = runtime.GOMAXPROCS(0) // minds the limits of a container
	}
	y.slots = host.NewSlots(slots)
	h := y.settings.Hosting
	y.agent = host.NewAgent(host.Config{
		ID: y.host, Name: name, Version: programVersion(), Path: y.disk.Path, Slots: y.slots, Store: y.store, Log: y.log,
		MinFree: h.MinFreeDisk, MaxFailures: h.MaxFailures, Pause: h.Pause,
	})
	if err := y.agent.Register(y.registry); err != nil {
		return err
	}
	if err := y.agent.Report(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- y.agent.Run(run) }()
	y.cleanup.add("build host", func() error { stop(); return <-ended })
	return nil
}

// leaveInTime has the host's leaving told before its workers are stopped, so
// that no build is sent to a host that waits for the last ones.
func (y *system) leaveInTime(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	y.cleanup.add("report of the build host", func() error {
		ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		if err := y.agent.Leave(ctx); err != nil {
			y.log.Warn("the build host could not report that it stops", "host", y.host, "error", err)
		}
		return nil
	})
	return nil
}

// programVersion is the version of the module, or the revision that it was
// built from.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var revision string
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value[:min(12, len(s.Value))]
		}
	}
	if info.Main.Version == "(devel)" {
		return cmp.Or(revision, info.Main.Version)
	}
	return cmp.Or(info.Main.Version, revision, "unknown")
}
