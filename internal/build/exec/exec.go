// Package exec runs builds by an executable of the administrator, which decides
// where and how: as Kubernetes Jobs, on another machine, in a sandbox of its own.
// docs/builders.md is the contract for such executables. The package does not
// isolate; what the executable starts on this host ends with the service. Start
// at New.
package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/build"
	"coursewright/internal/build/process"
)

// Name selects this builder in the settings.
const Name = "exec"

// statusTryAgain is the executable's way to say that not the course but
// something around it is at fault: sysexits calls it a temporary failure.
const statusTryAgain = 75

// Options say what runs builds.
type Options struct {
	Program  string         // absolute path of the executable, BUILD_MODULE
	Settings map[string]any // BUILD_MODULE_SETTINGS, passed on as they are
	// Pass names variables of the service that the executable sees, besides
	// those that programs commonly need.
	Pass []string
	// Grace is how long a stopped executable may tidy up before it is killed; 0
	// means 3 s. With more a cancelled build may take longer than builders may.
	Grace time.Duration
}

// Builder runs builds by an executable.
type Builder struct {
	options Options
}

var _ build.Builder = (*Builder)(nil)

// New makes a builder. It fails when the program is none.
func New(o Options) (*Builder, error) {
	if _, err := exec.LookPath("bash"); err != nil {
		return nil, fmt.Errorf("exec builder needs bash on this host: %w", err)
	}
	info, err := os.Stat(o.Program)
	if err != nil {
		return nil, fmt.Errorf("setting BUILD_MODULE: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("setting BUILD_MODULE: %s is not an executable file; gitmanager's Python modules do not work here, see docs/builders.md", o.Program)
	}
	if _, err := json.Marshal(o.Settings); err != nil {
		return nil, fmt.Errorf("setting BUILD_MODULE_SETTINGS: %w", err)
	}
	if o.Grace == 0 {
		o.Grace = 3 * time.Second
	}
	return &Builder{options: o}, nil
}

// Name is the word that selects this builder in the settings.
func (b *Builder) Name() string { return Name }

// Run lets the executable build r.Dir. It ends with the service, so r.Resume is
// not used: another try begins anew.
func (b *Builder) Run(ctx context.Context, r build.Request) (build.Result, error) {
	result := build.Result{ExitCode: -1}
	end, err := b.run(ctx, r)
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, err)
	}
	if end.Exited() {
		result.ExitCode = end.ExitStatus()
	}
	return result, b.verdict(r, end)
}

func (b *Builder) run(ctx context.Context, r build.Request) (syscall.WaitStatus, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if info, err := os.Stat(r.Dir); err != nil {
		return 0, err
	} else if !info.IsDir() {
		return 0, fmt.Errorf("%s is not a folder", r.Dir)
	}
	input, err := json.Marshal(b.describe(r))
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(b.options.Program) //nolint:gosec,noctx // the administrator's program; process.Run watches ctx, since a whole group is to be stopped
	cmd.Dir = r.Dir
	cmd.Env = b.environment(r.Env)
	cmd.Stdin = bytes.NewReader(append(input, '\n'))
	return process.Run(ctx, process.Spec{Cmd: cmd, Output: r.Output, Timeout: r.Timeout, Grace: b.options.Grace})
}

// verdict tells the executable's own trouble from that of the course.
func (b *Builder) verdict(r build.Request, end syscall.WaitStatus) error {
	switch {
	case end.Signaled():
		return fmt.Errorf("build %s: %s was ended by a signal (%s)", r.CourseKey, b.options.Program, unix.SignalName(end.Signal()))
	case end.ExitStatus() == statusTryAgain:
		return fmt.Errorf("build %s: %s ended with status %d: it cannot build at the moment, its messages say why", r.CourseKey, b.options.Program, statusTryAgain)
	case end.ExitStatus() != 0:
		return build.ExitFailure(told(r), end.ExitStatus())
	}
	return nil
}

// told is the command as messages to the authors show it.
func told(r build.Request) []string {
	if len(r.Command) == 0 {
		return []string{r.Image}
	}
	return r.Command
}
