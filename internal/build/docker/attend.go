package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coursewright/internal/build"
)

// attend waits for the end of the build in the container, or ends it, and says
// how it went.
func (j *job) attend(ctx context.Context, c *held, result *build.Result) error {
	out, err := j.follow(context.WithoutCancel(ctx), c)
	if err != nil {
		return err
	}
	stopped := j.watch(ctx, c, out)
	if stopped != nil && !errors.Is(stopped, build.ErrHandOver) {
		j.stop(ctx, c)
	}
	err = out.finish(ctx)
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		return lookedFor("read the output", err)
	}
	return j.verdict(ctx, c, result)
}

// watch returns nil when the build has ended by itself, else why it is to be
// stopped.
func (j *job) watch(ctx context.Context, c *held, out *stream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan ending, 1)
	go func() { ended <- j.await(ctx, c) }()
	var timeUp <-chan time.Time
	if limit := j.request.Timeout; limit > 0 {
		timer := time.NewTimer(j.remaining(ctx, c.started, limit))
		defer timer.Stop()
		timeUp = timer.C
	}
	select {
	case end := <-ended:
		c.missing = end.unseen
		if end.err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return lookedFor("wait for the container", end.err)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeUp:
		return build.TimeFailure(j.request.Timeout)
	case <-out.broken:
		return out.why
	}
}

// ending is what is known of how a container has ended.
type ending struct {
	unseen bool // the engine was not there
	err    error
}

// await waits for the end of the container. Between its start, or a look at it, and
// this the engine may have gone and come back, so what it says is believed only from
// when it has promised to tell of the end, unless it remembers it.
func (j *job) await(ctx context.Context, c *held) (end ending) {
	wait := j.api.ContainerWait(ctx, c.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	found, err := j.api.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	if err != nil {
		return ending{err: err}
	}
	if !found.Container.State.Running && !c.podman {
		seen, err := j.endSeen(ctx, c)
		if err != nil {
			return ending{err: fmt.Errorf("ask for its end: %w", err)}
		}
		end.unseen = !seen
	}
	select {
	case <-wait.Result:
	case end.err = <-wait.Error:
	}
	return end
}

// briefly is for how long a build may have run before the worker's clock is not
// believed any more: whoever starts a build knows that it has just begun.
const briefly = time.Minute

// remaining is what is left of the time of a build that may have been taken
// over. The engine says when the build began, so it is asked for the time as well:
// the worker's clock may be another machine's, or wrong. What cannot be known costs
// the build nothing.
func (j *job) remaining(ctx context.Context, started time.Time, limit time.Duration) time.Duration {
	if started.IsZero() {
		return limit
	}
	ran := time.Since(started)
	if ran < 0 || ran > briefly {
		now, err := j.engineTime(ctx)
		if err != nil {
			return limit
		}
		ran = now.Sub(started)
	}
	return min(limit, limit-ran)
}

// engineTime is the time on the engine's machine.
func (j *job) engineTime(ctx context.Context) (time.Time, error) {
	info, err := j.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, info.Info.SystemTime)
}

// errGone tells that somebody else has removed the build's container.
var errGone = errors.New("the container was removed by others while the build ran; see who cleans up on the engine's host")

// lookedFor says what went wrong with a container that should be there.
func lookedFor(doing string, err error) error {
	if errdefs.IsNotFound(err) {
		return errGone
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// stop ends the build. What it does not do, the removal of the container does.
func (j *job) stop(ctx context.Context, c *held) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	seconds := int(grace / time.Second)
	if _, err := j.api.ContainerStop(ctx, c.id, client.ContainerStopOptions{Timeout: &seconds}); err != nil && !errdefs.IsNotFound(err) {
		j.options.Log.WarnContext(ctx, "container did not stop; it is removed", "course", j.request.CourseKey, "build", j.request.BuildID, "container", c.id, "error", err)
	}
}

// verdict tells how the build ended by itself.
func (j *job) verdict(ctx context.Context, c *held, result *build.Result) error {
	state, err := j.endState(ctx, c)
	if err != nil {
		return lookedFor("look at the ended container", err)
	}
	result.ExitCode = state.ExitCode
	switch {
	case state.ExitCode == 0 && state.OOMKilled:
		return j.output.printf("A process of the build was killed because memory ran out (limit: %s); the build did not fail by it.\n", j.memory())
	case state.ExitCode == 0:
		return nil
	case state.OOMKilled:
		return build.MemoryFailure(j.memory())
	case state.Error != "":
		return errors.New(state.Error)
	}
	if err := j.unseen(ctx, result.Adopted || c.missing, state); err != nil {
		return err
	}
	if j.options.Network == NoNetwork && j.output.network.seen {
		if err := j.output.printf("%s", noNetworkNotice); err != nil {
			return err
		}
	}
	return build.ExitFailure(c.command, state.ExitCode)
}

// The engine hears that memory ran out by another way than that the container
// ended, so it may know the end first.
const (
	lateNews      = 2 * time.Second
	lateNewsEvery = 100 * time.Millisecond
)

// Statuses of containers.
const (
	killed     = 137 // its first process got SIGKILL
	terminated = 143 // its first process got SIGTERM
	// signalled is below those of processes that a signal has ended, and of
	// containers whose end the engine has missed (255).
	signalled = 128
)

// endState is the state of the ended container. Where it was killed, what the
// engine has to say about it is awaited for a moment.
func (j *job) endState(ctx context.Context, c *held) (*container.State, error) {
	deadline := time.Now().Add(lateNews)
	for {
		found, err := j.api.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
		if err != nil {
			return nil, err
		}
		state := found.Container.State
		if state.ExitCode != killed || state.OOMKilled || time.Now().After(deadline) {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lateNewsEvery):
		}
	}
}

func (j *job) memory() string {
	if j.options.Memory == 0 {
		return "memory of the host"
	}
	return inWords(j.options.Memory)
}
