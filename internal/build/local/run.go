package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"coursewright/internal/build"
	"coursewright/internal/build/process"
)

func (b *Builder) run(ctx context.Context, r build.Request, command []string) (build.Result, error) {
	result := build.Result{ExitCode: -1}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return result, fmt.Errorf("build %s: install %s on the build host: %w", r.CourseKey, command[0], err)
	}
	scratch := filepath.Join(os.TempDir(), "coursewright-build-"+rand.Text())
	cmd := exec.Command(program, command[1:]...) //nolint:gosec,noctx // fixed words; process.Run watches ctx, since a whole group is to be stopped
	cmd.Args[0] = command[0]
	cmd.Dir = r.Dir
	cmd.Env = b.environment(r.Env, scratch)
	end, err := process.Run(ctx, process.Spec{
		Cmd: cmd, Output: r.Output, Scratch: scratch, Timeout: r.Timeout, Grace: b.options.Grace,
	})
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
