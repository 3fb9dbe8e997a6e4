package docker_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
)

// An engine that ends a build's container, or loses it, is no failure of the course:
// the next try builds once more.
func TestTheEngineEndsTheContainer(t *testing.T) {
	t.Parallel()
	if missing := dockertest.DaemonMissing(); missing != "" {
		t.Skip(missing)
	}
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
	r.Image = dockertest.Image
	var token []byte
	r.Started = func(of []byte) { token = of }
	read, write := io.Pipe()
	r.Output = write
	ended := make(chan error, 1)
	go func() {
		_, err := b.Run(t.Context(), r)
		ended <- errors.Join(err, write.Close())
	}()
	if _, err := io.ReadFull(read, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, read) //nolint:errcheck // ends with the build
	found, err := engine.Client().ContainerInspect(t.Context(), string(token), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}

	away(t, engine, found.Container.State.Pid)
	wantServiceError(t, <-ended)
	engine.Start()
	r.Output, r.Resume, r.Started = io.Discard, token, nil
	result, err := b.Run(t.Context(), r)
	var author *course.AuthorError
	if err == nil || errors.As(err, &author) || !strings.Contains(err.Error(), "engine") {
		t.Errorf("the build ended %+v, %v; want the engine to blame", result, err)
	}
	left, err := engine.Client().ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil || len(left.Items) != 0 {
		t.Errorf("left: %v, %v", left.Items, err)
	}
}
