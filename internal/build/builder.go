package build

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrHandOver as the cause of a context asks a Builder to leave the build
// running for a later Run that resumes it. A builder that cannot, stops it.
var ErrHandOver = errors.New("the build is handed over")

// Builder runs the build of one course and waits for its end. All methods are
// safe for concurrent use.
type Builder interface {
	// Name is the word that selects the builder in the settings.
	Name() string
	// Run builds and returns when the build and all that it started are gone.
	//
	// What the course's authors have to mend (a status other than 0, memory or
	// time used up, a wrong image or command) is a *course.AuthorError. When
	// ctx is cancelled the build is stopped within 5 seconds and the error
	// wraps the cause of ctx. Every other error is the service's own trouble
	// and worth another try. The result is meaningful in all cases.
	Run(ctx context.Context, r Request) (Result, error)
}

// Request is one build.
type Request struct {
	CourseKey string
	BuildID   int64
	RunID     string // run of the workflow that asks; with BuildID it labels what is started
	Dir       string // working copy, absolute; the build runs in it and writes to it
	Image     string // from the plan
	Command   []string
	Env       map[string]string // from Environment
	Timeout   time.Duration     // 0: no limit

	// Output receives what the build prints, standard output and errors in the
	// order of printing, while it runs. Calls do not overlap. An error from it
	// stops the build.
	Output io.Writer

	// Started is told an opaque token once the build runs, so that another
	// worker process on this host can take it over. May be nil; not called by
	// builders whose builds end with the service.
	Started func(token []byte)
	// Resume is the token of an earlier try of this build. A builder that still
	// finds it running takes it over; others begin anew.
	Resume []byte
	// Written is how many bytes of output the earlier try had delivered. A build
	// that is taken over continues its output there.
	Written int64
}

// Result tells how a build went.
type Result struct {
	ExitCode int  // status of the command; -1 when it did not end by itself
	Skipped  bool // the course has nothing to build
	Adopted  bool // the build of Request.Resume was taken over
	Left     bool // the build goes on and waits for a Run that resumes it
	Missing  bool // it ended while nobody saw it: the last of its output may be lost
}

// Checker is a Builder that needs a service of the host, such as a container
// engine, which may be away.
type Checker interface {
	Builder
	// Check says whether the service answers.
	Check(ctx context.Context) error
}

// Keeper is a Builder whose builds can outlive the service.
type Keeper interface {
	Builder
	// Clear ends whatever runs of a course on this build disk. Nobody else may
	// build the course meanwhile.
	Clear(ctx context.Context, courseKey string) error
	// RemoveOrphans ends the builds on this build disk that alive does not know
	// to run, and returns how many. It is for the start of a worker and for now
	// and then: a killed worker leaves builds that nobody tries again. alive
	// must know a build before it is started.
	RemoveOrphans(ctx context.Context, alive func(buildID int64, runID string) bool) (int, error)
}
