// Package process runs a build's program on this host and keeps it and all that
// it starts from outliving its time, its cancellation or the service. It knows
// nothing of courses; the builders that run programs share it. Start at Run.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	settleTime = 250 * time.Millisecond
	// killTime is how long killed processes may take to disappear.
	killTime = 500 * time.Millisecond
)

// Spec is a program to run.
type Spec struct {
	// Cmd has path, arguments, folder, environment and input of the program.
	// Run adds the rest.
	Cmd *exec.Cmd
	// Output takes standard output and errors in the order of printing.
	Output io.Writer
	// Scratch is a folder for temporary files that is made for the program and
	// deleted at its end, also when this service dies first; empty: none. There must
	// be nothing of its name yet.
	Scratch string
	// Timeout is how long the program may run; 0: as long as it likes.
	Timeout time.Duration
	// Grace is how long it may tidy up when it is stopped, before it is killed.
	Grace time.Duration
}

// Run runs the program and returns how it ended, when it and all that it has
// started are gone. They are killed as well when this service dies. When ctx
// ends the error wraps its cause; when the time is up it is that of
// build.TimeFailure.
func Run(ctx context.Context, s Spec) (syscall.WaitStatus, error) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		return 0, fmt.Errorf("builds of this kind need bash on the host: %w", err)
	}
	mark := newMark()
	watcher, err := startGuard(bash, mark, s.Scratch)
	if err != nil {
		return 0, err
	}
	defer watcher.stop()
	if s.Scratch != "" {
		if err := os.Mkdir(s.Scratch, 0o700); err != nil {
			return 0, fmt.Errorf("a folder for temporary files: %w", err)
		}
		defer removeScratch(s.Scratch)
	}
	s.Cmd.Env = append(s.Cmd.Env, mark)
	// A session of its own: signals from a terminal do not reach the build, and
	// its processes form a group that can be stopped as one.
	s.Cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return s.execute(ctx, watcher, mark)
}

// execute starts the program, copies its output, and stops it when ctx or the
// time ends. When it returns, no process of the build is left.
func (s Spec) execute(ctx context.Context, watcher *guard, mark string) (syscall.WaitStatus, error) {
	cmd := s.Cmd
	output, err := newCopier(s.Output)
	if err != nil {
		return 0, err
	}
	defer output.close()
	cmd.Stdout, cmd.Stderr = output.write, output.write
	tree := newProcesses(mark)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	output.begin()
	tree.group = cmd.Process.Pid
	watcher.watch(tree.group)

	exited := make(chan error, 1)
	go func() { exited <- awaitExit(cmd.Process.Pid) }()
	stopped := s.attend(ctx, output, exited, tree)
	left := 0
	if stopped == nil {
		output.wait(drainTime)
		left = tree.settle(settleTime)
	}
	if stopped == nil && left == 0 {
		tree.killGroup() // looking again for others would cost more than a small build
	} else {
		tree.killAll(killTime)
	}
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
		if _, err := fmt.Fprintf(s.Output, "Processes that the build left running were ended: %d.\n", left); err != nil {
			return 0, fmt.Errorf("write the log: %w", err)
		}
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus), nil //nolint:forcetypeassert // so documented for Unix
}

// errStuck tells that the kernel does not end a killed process.
var errStuck = errors.New("a killed process of the build does not end; see what it waits for on the build host, perhaps a network disk")

// attend waits until the command has exited and returns nil, or stops it and
// returns why.
func (s Spec) attend(ctx context.Context, output *copier, exited <-chan error, tree processes) error {
	var timeUp <-chan time.Time
	if s.Timeout > 0 {
		timer := time.NewTimer(s.Timeout)
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
		why = build.TimeFailure(s.Timeout)
	case <-output.broken:
		why = fmt.Errorf("write the log: %w", output.err())
	}
	tree.signal(unix.SIGTERM)
	select {
	case exitErr := <-exited:
		return errors.Join(why, exitErr)
	case <-time.After(s.Grace):
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
