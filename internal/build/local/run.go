package local

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/build"
)

const (
	// drainTime is how long output may still arrive after the command ended,
	// from helpers such as tee that are about to end as well.
	drainTime = 500 * time.Millisecond
	// settleTime is how long processes may take to end after their output did.
	settleTime = 50 * time.Millisecond
	// killTime is how long killed processes may take to disappear.
	killTime = 500 * time.Millisecond
)

func (b *Builder) run(ctx context.Context, r build.Request, command []string, scratch string) (build.Result, error) {
	result := build.Result{ExitCode: -1}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return result, fmt.Errorf("build %s: install %s on the build host: %w", r.CourseKey, command[0], err)
	}
	mark := newMark()
	watcher, err := startGuard(b.bash, mark)
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, err)
	}
	defer watcher.stop()

	cmd := exec.Command(program, command[1:]...) //nolint:gosec,noctx // fixed words; execute watches ctx, since a whole group is to be stopped
	cmd.Args[0] = command[0]
	cmd.Dir = r.Dir
	cmd.Env = b.environment(r.Env, mark, scratch)
	// A session of its own: signals from a terminal do not reach the build, and
	// its processes form a group that can be stopped as one.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	end, err := b.execute(ctx, cmd, r, watcher, mark)
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, err)
	}
	if end.Exited() {
		result.ExitCode = end.ExitStatus()
	}
	return result, verdict(command, end)
}

func verdict(command []string, end syscall.WaitStatus) error {
	switch {
	case end.Signaled():
		return build.SignalFailure(command, unix.SignalName(end.Signal()))
	case end.ExitStatus() != 0:
		return build.ExitFailure(command, end.ExitStatus())
	}
	return nil
}

// execute starts cmd, copies its output, and stops it when ctx or the time
// ends. When it returns, no process of the build is left.
func (b *Builder) execute(ctx context.Context, cmd *exec.Cmd, r build.Request, watcher *guard, mark string) (syscall.WaitStatus, error) {
	output, err := newCopier(r.Output)
	if err != nil {
		return 0, err
	}
	defer output.close()
	cmd.Stdout, cmd.Stderr = output.write, output.write
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	output.begin()
	tree := processes{group: cmd.Process.Pid, mark: mark}
	watcher.watch(tree.group)

	exited := make(chan error, 1)
	go func() { exited <- awaitExit(cmd.Process.Pid) }()
	stopped := b.attend(ctx, r.Timeout, output, exited, tree)
	left := 0
	if stopped == nil {
		output.wait(drainTime)
		left = tree.settle(settleTime)
	}
	tree.killAll(killTime)
	output.finish()
	if errors.Is(stopped, errStuck) {
		go func() { _ = cmd.Wait() }() // takes it off the process table should it ever end
		return 0, stopped
	}
	// The command is waited for only now: until then its process number, and so
	// the number of its group, cannot be given to another process.
	waitErr := cmd.Wait()
	switch {
	case stopped != nil:
		return 0, stopped
	case output.err() != nil:
		return 0, fmt.Errorf("write the log: %w", output.err())
	}
	if exit := (*exec.ExitError)(nil); waitErr != nil && !errors.As(waitErr, &exit) {
		return 0, waitErr
	}
	if left > 0 {
		if _, err := fmt.Fprintf(r.Output, "Processes that the build left running were ended: %d.\n", left); err != nil {
			return 0, fmt.Errorf("write the log: %w", err)
		}
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus), nil //nolint:forcetypeassert // so documented for Unix
}

// errStuck tells that the kernel does not end a killed process.
var errStuck = errors.New("a killed process of the build does not end; see what it waits for on the build host, perhaps a network disk")

// attend waits until the command has exited and returns nil, or stops it and
// returns why.
func (b *Builder) attend(ctx context.Context, limit time.Duration, output *copier, exited <-chan error, tree processes) error {
	var timeUp <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		timeUp = timer.C
	}
	var why error
	select {
	case err := <-exited:
		return err
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-timeUp:
		why = build.TimeFailure(limit)
	case <-output.broken:
		why = fmt.Errorf("write the log: %w", output.err())
	}
	tree.signal(unix.SIGTERM)
	select {
	case exitErr := <-exited:
		return errors.Join(why, exitErr)
	case <-time.After(b.options.Grace):
	}
	tree.signal(unix.SIGKILL)
	select {
	case exitErr := <-exited:
		return errors.Join(why, exitErr)
	case <-time.After(killTime):
		return fmt.Errorf("%w (stopped because: %s)", errStuck, why.Error())
	}
}

// awaitExit returns when the process has ended, without taking its status: the
// number stays its own.
func awaitExit(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
