package docker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
)

// An engine that ends a build's container, or loses it, is no failure of the course:
// the next try builds once more.
func TestTheEngineEndsTheContainer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		away func(t *testing.T, d *dockertest.Daemon, container int)
	}{
		"stopped":                       {away: func(_ *testing.T, d *dockertest.Daemon, _ int) { d.Stop() }},
		"stopped, held up by another":   {away: stopSlowly},
		"killed":                        {away: func(_ *testing.T, d *dockertest.Daemon, _ int) { d.Kill() }},
		"killed and then the container": {args: []string{dockertest.LiveRestore}, away: killBoth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testTheEngineEndsTheContainer(t, dockertest.StartDaemonWith(t, tt.args...), tt.away)
		})
	}
}

// killBoth kills the engine, and the container while it is away.
func killBoth(t *testing.T, d *dockertest.Daemon, container int) {
	t.Helper()
	d.Kill()
	if err := syscall.Kill(container, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// stopSlowly stops the engine while it has a container that it has to kill after
// two seconds.
func stopSlowly(t *testing.T, d *dockertest.Daemon, _ int) {
	t.Helper()
	engine, wait := d.Client(), 2
	made, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config:     &container.Config{Image: dockertest.Image, Cmd: []string{"sleep", "600"}, StopTimeout: &wait},
		HostConfig: &container.HostConfig{NetworkMode: "none", AutoRemove: true},
	})
	if err == nil {
		_, err = engine.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Stop()
}

func testTheEngineEndsTheContainer(t *testing.T, engine *dockertest.Daemon, away func(*testing.T, *dockertest.Daemon, int)) {
	t.Helper()
	b := newBuilder(t, docker.Options{Host: engine.Address()})
	r, _ := newRequest(t, "trap 'exit 143' TERM\necho started\nwhile :; do sleep 0.1; done\n")
	next, ended := begun(t.Context(), t, b, r)
	away(t, engine, processOf(t, engine, next.Resume))
	wantServiceError(t, <-ended)
	engine.Start()
	result, err := b.Run(t.Context(), next)
	var author *course.AuthorError
	if err == nil || errors.As(err, &author) || !strings.Contains(err.Error(), "engine") {
		t.Errorf("the build ended %+v, %v; want the engine to blame", result, err)
	}
	left, err := engine.Client().ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil || len(left.Items) != 0 {
		t.Errorf("left: %v, %v", left.Items, err)
	}
}

// What a container prints while its engine is away, nobody keeps when it ends before
// the engine is back: whoever takes the build over is told. Where the engine saw the
// end, nothing is missing.
func TestTheEngineMissesTheEnd(t *testing.T) {
	t.Parallel()
	engine := dockertest.StartDaemon(t)
	b := newBuilder(t, docker.Options{Host: engine.Address()})
	for name, missed := range map[string]bool{"missed": true, "seen": false} {
		r, _ := newRequest(t, "echo started\nwhile [ ! -e end ]; do sleep 0.05; done\necho last\n")
		ctx, handOver := context.WithCancelCause(t.Context())
		next, ended := begun(ctx, t, b, r)
		process := processOf(t, engine, next.Resume)
		handOver(build.ErrHandOver)
		if err := <-ended; !errors.Is(err, build.ErrHandOver) {
			t.Fatal(err)
		}
		if missed {
			engine.Kill()
		}
		if err := os.WriteFile(filepath.Join(r.Dir, "end"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		awaitProcess(t, process)
		if missed {
			engine.Start()
		} else {
			awaitEndIn(t, engine.Client(), string(next.Resume))
		}
		if result, err := b.Run(t.Context(), next); err != nil || !result.Adopted || result.Missing != missed {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
	}
}

// Between the start of a container and following it a worker keeps how to find it,
// which may take long. What the engine missed in that time is known all the same.
func TestTheEngineMissesTheEndBeforeItIsFollowed(t *testing.T) {
	t.Parallel()
	engine := dockertest.StartDaemon(t)
	b := newBuilder(t, docker.Options{Host: engine.Address()})
	for name, tt := range map[string]struct {
		status       string
		missed, fail bool
	}{
		"missed":            {status: "0", missed: true},
		"seen":              {status: "0"},
		"failed and missed": {status: "255", missed: true, fail: true},
	} {
		r, _ := newRequest(t, "while [ ! -e end ]; do sleep 0.05; done\necho last\nexit "+tt.status+"\n")
		r.Image = dockertest.Image
		r.Started = func(token []byte) {
			process := processOf(t, engine, token)
			if tt.missed {
				engine.Kill()
			}
			if err := os.WriteFile(filepath.Join(r.Dir, "end"), nil, 0o600); err != nil {
				t.Error(err)
			}
			awaitProcess(t, process)
			if tt.missed {
				engine.Start()
			}
		}
		result, err := b.Run(t.Context(), r)
		var author *course.AuthorError
		if (err != nil) != tt.fail || errors.As(err, &author) || result.Missing != tt.missed {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
	}
}

// An engine that is killed while it starts a container takes it for one that was
// never started, and removes it without ending what runs in it.
func TestTheEngineDiesWhileItStartsAContainer(t *testing.T) {
	t.Parallel()
	nobody := func(int64, string) bool { return false }
	for name, next := range map[string]func(*docker.Builder, build.Request) error{
		"the next try": func(b *docker.Builder, r build.Request) error {
			r.Command = []string{"true"}
			_, err := b.Run(t.Context(), r)
			return err
		},
		"the course is cleared": func(b *docker.Builder, r build.Request) error {
			return b.Clear(t.Context(), r.CourseKey)
		},
		"orphans are removed": func(b *docker.Builder, _ build.Request) error {
			n, err := b.RemoveOrphans(t.Context(), nobody)
			if n != 1 {
				err = errors.Join(err, fmt.Errorf("removed %d", n))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := dockertest.StartDaemon(t)
			b := newBuilder(t, docker.Options{Host: engine.Address()})
			r, _ := newRequest(t, "echo started\n(while :; do sleep 0.1; done) &\nwait\n")
			request, ended := begun(t.Context(), t, b, r)
			process := processOf(t, engine, request.Resume)
			engine.Kill()
			wantServiceError(t, <-ended)
			engine.Forget(string(request.Resume))
			engine.Start()
			if err := next(b, request); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the build runs on: %v", err)
			}
		})
	}
}

// begun begins a build and returns when it has printed "started": the request of
// the next try, and how this one ends.
func begun(ctx context.Context, t *testing.T, b *docker.Builder, r build.Request) (next build.Request, ended <-chan error) {
	t.Helper()
	r.Image = dockertest.Image
	next = r
	next.Output = io.Discard
	r.Started = func(of []byte) { next.Resume = of }
	read, write := io.Pipe()
	r.Output = write
	end := make(chan error, 1)
	go func() {
		_, err := b.Run(ctx, r)
		end <- errors.Join(err, write.Close())
	}()
	if _, err := io.ReadFull(read, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, read) //nolint:errcheck // ends with the build
	return next, end
}

// processOf is the first process of a container.
func processOf(t *testing.T, engine *dockertest.Daemon, token []byte) int {
	t.Helper()
	found, err := engine.Client().ContainerInspect(t.Context(), string(token), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found.Container.State.Pid
}

// awaitProcess waits until a process is gone.
func awaitProcess(t *testing.T, id int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); syscall.Kill(id, 0) == nil; {
		if time.Now().After(end) {
			t.Fatal("the container goes on")
		}
		<-time.After(10 * time.Millisecond)
	}
}
