package docker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/buildtest"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
)

// testImage is what tests build in: a static busybox and nothing else.
const testImage = dockertest.Image

// disk keeps the containers of one run of the tests apart from all others.
var disk = fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano())

// builds numbers the tests' builds.
var builds atomic.Int64

// needEngine gives the engine to tests that can have one.
func needEngine(t testing.TB) *client.Client {
	t.Helper()
	return dockertest.Engine(t)
}

// derivedImage is the test image with further instructions.
func derivedImage(t *testing.T, changes ...string) string {
	t.Helper()
	name := fmt.Sprintf("coursewright-test/derived:%d-%d", os.Getpid(), builds.Add(1))
	dockertest.Import(t, needEngine(t), name, changes...)
	removeImage(t, name)
	return name
}

// removeImage removes the image when the test is over.
func removeImage(t *testing.T, name string) {
	t.Helper()
	api := needEngine(t)
	t.Cleanup(func() {
		if _, err := api.ImageRemove(context.WithoutCancel(t.Context()), name, client.ImageRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// newBuilder makes a builder, with the tests' own disk unless o has another.
func newBuilder(t testing.TB, o docker.Options) *docker.Builder {
	t.Helper()
	needEngine(t)
	if o.Disk == "" {
		o.Disk = disk
	}
	if o.Network == "" {
		o.Network = "none"
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	b, err := docker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// prepare makes the request one of a course of its own, whose script is run.
func prepare(r *build.Request) {
	r.BuildID = builds.Add(1)
	r.CourseKey = fmt.Sprintf("trial-%d", r.BuildID)
	r.Image, r.Command = testImage, []string{"sh", "build.sh"}
}

func TestConformance(t *testing.T) {
	needEngine(t)
	buildtest.Run(t, func(t *testing.T) buildtest.Setup {
		t.Helper()
		return buildtest.Setup{Builder: newBuilder(t, docker.Options{Memory: 512 << 20, PIDs: 256, LogSize: 256 << 20, CPUs: 64}), Prepare: prepare, TwoStreams: true}
	})
}
