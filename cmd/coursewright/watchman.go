package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"coursewright/internal/build/docker"
	"coursewright/internal/course"
)

const (
	watchmanCommand = "watch-builds"
	// instanceFile on the build disk names the worker process that has it.
	instanceFile = ".worker"
	// comeBack is how long containers wait for their worker to come back. It is
	// well below what another host waits for before it takes a build over:
	// activities.HeartbeatTimeout and activities.HostWait.
	comeBack = 25 * time.Second
	// quiet is how long a worker that is there may be silent: then it is stopped,
	// as by SIGSTOP or a machine without memory, and follows its containers no
	// more than a dead one.
	quiet      = 30 * time.Second
	pulseEvery = 3 * time.Second
	// engineBack is how long a container engine that is away is waited for.
	engineBack = time.Hour
)

// watched says what a watchman watches.
type watched struct {
	buildPath, disk, instance string
	engine, certificates      string
}

// startWatchman starts a small process beside the worker that outlives it.
// Containers go on when their worker dies, so that the next one takes them over;
// when none comes, the watchman ends them, before another host may begin the same
// builds. It cannot help where it is killed with the worker. It is started before
// the queues are served, and told of the end after they were left.
func (y *system) startWatchman(context.Context) error {
	if y.settings.Builder != docker.Name || y.self == "" {
		return nil
	}
	instance := course.NewVersion()
	if err := writeInstance(y.settings.BuildPath, instance); err != nil {
		return fmt.Errorf("build folder: %w", err)
	}
	cmd := exec.Command(y.self, watchmanCommand, //nolint:gosec,noctx // this program; it is to outlive this process
		"--build-path", y.settings.BuildPath, "--disk", y.host, "--instance", instance,
		"--engine", y.settings.Containers.Host, "--certificates", y.settings.Containers.CertPath)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// The end of the pipe tells that this process is gone.
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the watchman: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the watchman: %w", err), pipe.Close())
	}
	stopping := make(chan struct{})
	go func() {
		err := cmd.Wait()
		select {
		case <-stopping:
		default:
			y.log.Error("the watchman of the containers has ended; they would outlive this worker", "error", err)
		}
	}()
	y.cleanup.add("watchman", func() error { close(stopping); return pipe.Close() })
	go func() {
		for pulse := time.NewTicker(pulseEvery); ; {
			select {
			case <-stopping:
				pulse.Stop()
				return
			case <-pulse.C:
				_, _ = pipe.Write([]byte{'\n'}) // that it has ended is told above
			}
		}
	}()
	return nil
}

// writeInstance replaces the name of the worker process, whole or not at all.
func writeInstance(buildPath, instance string) error {
	next := filepath.Join(buildPath, instanceFile+"-next")
	if err := os.WriteFile(next, []byte(instance), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(buildPath, instanceFile))
}

func newWatchmanCommand() *cobra.Command {
	var w watched
	cmd := &cobra.Command{
		Use:    watchmanCommand,
		Short:  "End the builds of a worker that is gone and does not come back",
		Hidden: true, // workers start it
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return w.watch(cmd.InOrStdin()) },
	}
	f := cmd.Flags()
	f.StringVar(&w.buildPath, "build-path", "", "build folder")
	f.StringVar(&w.disk, "disk", "", "id of the build disk")
	f.StringVar(&w.instance, "instance", "", "the worker that started this")
	f.StringVar(&w.engine, "engine", "", "address of the container engine")
	f.StringVar(&w.certificates, "certificates", "", "folder with certificates for the engine")
	return cmd
}

// watch waits for the worker's end, gives another one time to come, and ends the
// containers if none did. It ends them as well when the worker is silent for long.
// Signals of the worker's terminal or service manager do not end it: it is of use
// just then.
func (w watched) watch(worker io.Reader) error {
	heard, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for buf := make([]byte, 64); ; heard <- struct{}{} {
			if _, err := worker.Read(buf); err != nil {
				ended <- err
				return
			}
		}
	}()
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	var failures error
	for {
		select {
		case <-heard:
			silence.Reset(quiet)
		case <-silence.C:
			if failures = w.endContainers(); failures != nil {
				silence.Reset(pulseEvery)
			}
		case err := <-ended:
			if !errors.Is(err, io.EOF) {
				return errors.Join(failures, err)
			}
			return errors.Join(failures, w.await())
		}
	}
}

// await gives another worker time to come, and ends the containers when none did.
func (w watched) await() error {
	if err := pause(context.Background(), comeBack); err != nil {
		return err
	}
	return w.end(engineBack)
}

// end ends the containers of a worker that is gone. Where their engine is away it
// waits for it for a while: they may outlive that as well.
func (w watched) end(patience time.Duration) error {
	for end := time.Now().Add(patience); ; {
		now, err := os.ReadFile(filepath.Join(w.buildPath, instanceFile))
		if errors.Is(err, os.ErrNotExist) || err == nil && string(now) != w.instance {
			return nil // another worker, or another disk
		}
		if err == nil {
			err = w.endContainers()
		}
		if err == nil || time.Now().After(end) {
			return err
		}
		if err := pause(context.Background(), pulseEvery); err != nil {
			return err
		}
	}
}

// endContainers ends all containers of the build disk.
func (w watched) endContainers() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := docker.New(docker.Options{Host: w.engine, CertPath: w.certificates, Disk: w.disk})
	if err != nil {
		return err
	}
	_, err = b.RemoveOrphans(ctx, func(int64, string) bool { return false })
	return errors.Join(err, b.Close())
}
