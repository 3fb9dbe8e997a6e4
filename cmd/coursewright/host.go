package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"coursewright/activities"
	"coursewright/internal/build/docker"
	"coursewright/internal/course"
	"coursewright/internal/host"
)

// leaveTimeout bounds the last report of a build host.
const leaveTimeout = 3 * time.Second

// tidyInterval is how often old working copies are looked for.
const tidyInterval = time.Minute

// openDisk takes the build folder for this process alone.
func (y *system) openDisk(ctx context.Context) error {
	path := y.settings.BuildPath
	release, err := activities.HoldDisk(ctx, path)
	if err != nil {
		return err
	}
	y.cleanup.add("build folder", release)
	if y.settings.Hosting.Wipe {
		if err := y.wipeDisk(ctx, path); err != nil {
			return err
		}
	}
	y.disk, y.host, err = activities.OpenDisk(path)
	return err
}

// wipeDisk empties the build folder. The host that it was is gone for good, so
// its row goes too.
func (y *system) wipeDisk(ctx context.Context, path string) error {
	old, err := activities.WipeDisk(path, func(id string) error { return y.endContainers(ctx, id) })
	if err != nil {
		return err
	}
	y.log.Info("the build folder was emptied, as WIPE_BUILD_PATH says", "path", path, "old_host", old)
	if old == "" {
		return nil
	}
	err = y.store.ForgetHost(ctx, old, 0)
	if errors.Is(err, course.ErrNotFound) {
		return nil
	}
	return err
}

// endContainers ends what an earlier worker on a build disk has left running.
func (y *system) endContainers(ctx context.Context, disk string) error {
	if y.settings.Builder != docker.Name {
		return nil // nothing outlives its worker
	}
	c := y.settings.Containers
	b, err := docker.New(docker.Options{Host: c.Host, CertPath: c.CertPath, Disk: disk})
	if err != nil {
		return err
	}
	_, err = b.RemoveOrphans(ctx, func(int64, string) bool { return false })
	if err := errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("the builds that an earlier worker has left there cannot be ended: %w", err)
	}
	return nil
}

// startTidying removes old working copies, at once and every minute.
func (y *system) startTidying(ctx context.Context) error {
	y.background(ctx, "tidying of the build disk", tidyInterval, func(ctx context.Context) error {
		return y.tidier.Tidy(ctx, time.Now())
	})
	return nil
}

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
	y.tidier = &activities.Tidier{Disk: y.disk, Store: y.store, Keep: h.KeepCopies, Short: y.agent.CheckDisk, Log: y.log}
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

// version is what whoever builds an image calls it, since images are built without
// the repository's history: go build -ldflags "-X main.version=v1.2.3".
var version string

// programVersion is the version that the program was built as, that of the module,
// or the revision that it was built from.
func programVersion() string {
	if version != "" {
		return version
	}
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
