// Package local builds courses with programs of this host: build.sh run by
// bash, else make html. It ignores image and command and does not isolate: a
// build can read and change what the service's user can. It keeps builds from
// outliving their time, their cancellation or the service, for all processes
// that do not hide on purpose. Start at New.
package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"coursewright/internal/build"
)

// Name selects this builder in the settings.
const Name = "local"

// Options adapt the builder; the zero value is right for a server.
type Options struct {
	// Dev says that the host is a developer's own: builds see its HOME, and the
	// log has no warning about the missing isolation.
	Dev bool
	// Pass names variables of the service that builds see, besides PATH and the
	// language and time zone.
	Pass []string
	// Grace is how long a stopped build may tidy up before it is killed; 0
	// means 3 s. With more a cancelled build may take longer than builders may.
	Grace time.Duration
}

// Builder runs builds as processes of this host.
type Builder struct {
	options Options
}

var _ build.Builder = (*Builder)(nil)

// New makes a builder. It fails when the host has no bash.
func New(o Options) (*Builder, error) {
	if _, err := exec.LookPath("bash"); err != nil {
		return nil, fmt.Errorf("local builder needs bash on this host: %w", err)
	}
	if o.Grace == 0 {
		o.Grace = 3 * time.Second
	}
	return &Builder{options: o}, nil
}

// Name is the word that selects this builder in the settings.
func (b *Builder) Name() string { return Name }

// Run builds in r.Dir. A build never outlives the service, so r.Resume is not
// used: another try begins anew.
func (b *Builder) Run(ctx context.Context, r build.Request) (build.Result, error) {
	result := build.Result{ExitCode: -1}
	if err := ctx.Err(); err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, context.Cause(ctx))
	}
	command, err := b.command(r.Dir)
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, err)
	}
	if command == nil {
		_, err := io.WriteString(r.Output, "The course has neither build.sh nor a Makefile: nothing to build.\n")
		return build.Result{Skipped: true}, err
	}
	if !b.options.Dev {
		if _, err := io.WriteString(r.Output, unsafeNotice); err != nil {
			return result, fmt.Errorf("write the log of %s: %w", r.CourseKey, err)
		}
	}
	return b.run(ctx, r, command)
}

const unsafeNotice = `WARNING: this build runs on the service's host WITHOUT ISOLATION: it can read and
change everything the service can. Use the docker builder for courses you do not trust.
`

// command chooses what to run; nil when the course has nothing to build.
func (b *Builder) command(dir string) ([]string, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	if isFile(filepath.Join(dir, "build.sh")) {
		return []string{"bash", "build.sh"}, nil
	}
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
		if isFile(filepath.Join(dir, name)) {
			return []string{"make", "html"}, nil
		}
	}
	return nil, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
