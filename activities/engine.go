package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// EnginePatience is how long builds wait for the container engine of their host.
type EnginePatience struct {
	Alone  time.Duration // where no other host takes builds: then they fail
	Others time.Duration // where one does: then they begin again there
	Pause  time.Duration // between two looks
}

// The engine of a host is restarted within minutes, and a build of it that runs may
// have to be ended before another host begins it.
var usualPatience = EnginePatience{Alone: 20 * time.Minute, Others: 5 * time.Minute, Pause: 2 * time.Second}

// engineAnswer is how long the engine may take to say that it is there.
const engineAnswer = 5 * time.Second

// awayError is trouble with a container engine that was waited for. It says nothing
// about the host that is not known already.
type awayError struct {
	err   error
	final bool // it did not come back in time
}

func (e *awayError) Error() string { return e.err.Error() }
func (e *awayError) Unwrap() error { return e.err }

// missingNotice is told where an engine broke off that a build prints through.
const missingNotice = "Output of this moment may be missing: the container engine does not keep it."

// awaitEngine is for work that has failed with err and needed the builder's engine.
// When that does not answer it waits for it, and the step is tried again: a restart
// of the engine should not cost a build, and tries alone would be used up soon. A
// build that no host has begun goes to another one at once.
func (b *BuildSteps) awaitEngine(ctx context.Context, key string, log printer, err error) error {
	var author *course.AuthorError
	engine, ok := b.Builder.(build.Checker)
	if err == nil || !ok || ctx.Err() != nil || errors.As(err, &author) {
		return err
	}
	away := b.engineAway(ctx, engine)
	if away == nil {
		return err
	}
	if !b.pinned(ctx) {
		return b.unfit(ctx, away)
	}
	return b.waitForEngine(ctx, key, log, err)
}

// patience is how long builds of this host wait for others.
func (b *BuildSteps) patience() EnginePatience {
	if b.Patience == (EnginePatience{}) {
		return usualPatience
	}
	return b.Patience
}

// waitForEngine waits until the engine answers or patience ends: then the course is
// free for other hosts. err is what it was that failed.
func (b *BuildSteps) waitForEngine(ctx context.Context, key string, log printer, err error) error {
	engine, ok := b.Builder.(build.Checker)
	if !ok {
		return err
	}
	patience := b.patience()
	began, told := time.Now(), false
	for ; ; told = true {
		away := b.engineAway(ctx, engine)
		if away == nil {
			break
		}
		if !told {
			log.Printf("The host cannot build at the moment (%v); waiting for up to %s.", away, patience.Alone)
		}
		waited := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case waited >= patience.Others && b.Agent.Others(ctx):
			return errors.Join(b.unfit(ctx, away), b.Store.ReleaseCourse(ctx, key, b.Host))
		case waited >= patience.Alone:
			final := &awayError{fmt.Errorf("the host could not build for %s: %w", patience.Alone, away), true}
			return errors.Join(final, b.Store.ReleaseCourse(ctx, key, b.Host))
		}
		select {
		case <-ctx.Done():
		case <-time.After(patience.Pause):
		}
	}
	b.Agent.PutBack()
	if told {
		log.Printf("The host can build again, after %s.", seconds(time.Since(began)))
	}
	return &awayError{err, false}
}

// engineAway asks the engine, and tells the host's agent when it does not answer.
func (b *BuildSteps) engineAway(ctx context.Context, engine build.Checker) error {
	limited, cancel := context.WithTimeout(ctx, engineAnswer)
	defer cancel()
	err := engine.Check(limited)
	if err != nil && ctx.Err() == nil {
		b.Agent.TakeOut(err, engine.Check)
	}
	return err
}
