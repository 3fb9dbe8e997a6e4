// Package deploy_test holds the files of this folder to what the program is:
// its settings, roles, commands and metrics. There is no package to use.
package deploy_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coursewright/internal/build/docker/dockertest"
)

const testImage = "coursewright-test/service:1"

// The image is built as deploy/Dockerfile says, except that the stages which
// need the network are replaced: the program is built here, and the system is
// busybox. So its last stage, user, entry point and health check are tried.
func TestImage(t *testing.T) {
	engine := dockertest.Engine(t)
	buildImage(t, engine)

	t.Run("without settings it says what is missing", func(t *testing.T) {
		id := startContainer(t, engine, nil, "api")
		if status, said := endOf(t, engine, id); status != 1 ||
			!strings.Contains(said, "PRIVATE_KEY_FILE") || !strings.Contains(said, "STORE_PATH") {
			t.Errorf("status %d: %s", status, said)
		}
	})
	t.Run("it becomes healthy, not as root, on a read-only file system", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		// Temporal is not there: an api starts without it.
		id := startContainer(t, engine, []string{
			"COURSEWRIGHT_DISABLE_LOGIN_CHECKS=true", "COURSEWRIGHT_DISABLE_JWT_SIGNING=true",
			"COURSEWRIGHT_DATABASE_MIGRATE=true", "COURSEWRIGHT_TEMPORAL_ADDRESS=127.0.0.1:9",
			"COURSEWRIGHT_DATA=/data", "COURSEWRIGHT_STORE_PATH=/data/store", "COURSEWRIGHT_COURSES_PATH=/data/courses",
		}, "api")
		if got := awaitHealth(ctx, t, engine, id); got != container.Healthy {
			status, said := endOf(t, engine, id)
			t.Errorf("the container became %s; status %d: %s", got, status, said)
		}
	})
}

// buildImage builds the last stage of the Dockerfile.
func buildImage(t *testing.T, engine *client.Client) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "coursewright")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s", "-o", program, "coursewright/cmd/coursewright")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, last, found := strings.Cut(string(read(t, "Dockerfile")), "FROM system AS service")
	if !found {
		t.Fatal("the Dockerfile has no stage service")
	}
	stages := "FROM " + dockertest.Image + " AS build\nCOPY coursewright /out/coursewright\nCOPY LICENSE /out/licences/LICENSE\n" +
		"FROM " + dockertest.Image + " AS system\nCOPY tini /bin/tini\nCOPY --chown=1000:1000 data /data\n" +
		"FROM system AS service" + last
	files := tarOf(t, map[string][]byte{
		"Dockerfile":                     []byte(stages),
		"coursewright":                   read(t, program),
		"LICENSE":                        read(t, "../LICENSE"),
		"tini":                           []byte("#!/bin/sh\nshift\nexec \"$@\"\n"), // stands for the program
		"data/store/.keep":               nil,
		"data/courses/.keep":             nil,
		"deploy/builders/kubernetes-job": read(t, "builders/kubernetes-job"),
	})
	built, err := engine.ImageBuild(t.Context(), files, client.ImageBuildOptions{
		Tags: []string{testImage}, Remove: true, ForceRemove: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer built.Body.Close() //nolint:errcheck // only read
	checkBuild(t, built.Body)
	t.Cleanup(func() {
		_, err := engine.ImageRemove(context.WithoutCancel(t.Context()), testImage, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		if err != nil {
			t.Error(err)
		}
	})
}

// checkBuild reads the engine's report of a build.
func checkBuild(t *testing.T, report io.Reader) {
	t.Helper()
	for d := json.NewDecoder(report); ; {
		var line struct {
			Error string `json:"error"`
		}
		switch err := d.Decode(&line); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Fatal(err)
		case line.Error != "":
			t.Fatalf("the image does not build: %s", line.Error)
		}
	}
}

// startContainer runs the image without a network and without rights.
func startContainer(t *testing.T, engine *client.Client, environ []string, command ...string) string {
	t.Helper()
	made, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: testImage, Env: environ, Cmd: command, Volumes: map[string]struct{}{"/data": {}}},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges"},
			Tmpfs:       map[string]string{"/tmp": "mode=1777"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := engine.ContainerRemove(context.WithoutCancel(t.Context()), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil {
			t.Error(err)
		}
	})
	if _, err := engine.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// awaitHealth gives the state that a container comes to: healthy, unhealthy, or
// the event of its end.
func awaitHealth(ctx context.Context, t *testing.T, engine *client.Client, id string) container.HealthStatus {
	t.Helper()
	seen := engine.Events(ctx, client.EventsListOptions{
		Since: "1", Filters: client.Filters{}.Add("container", id),
	})
	for {
		select {
		case m := <-seen.Messages:
			status, found := strings.CutPrefix(string(m.Action), "health_status: ")
			if found || m.Action == "die" {
				return container.HealthStatus(status)
			}
		case err := <-seen.Err:
			t.Fatal(err)
		}
	}
}

// endOf waits for the end of a container and gives its status and all it said.
// One that runs is ended.
func endOf(t *testing.T, engine *client.Client, id string) (status int64, said string) {
	t.Helper()
	wait := engine.ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case w := <-wait.Result:
		status = w.StatusCode
	case err := <-wait.Error:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Error("the container goes on")
	}
	logs, err := engine.ContainerLogs(t.Context(), id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close() //nolint:errcheck // only read
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, logs); err != nil {
		t.Fatal(err)
	}
	return status, out.String()
}

// tarOf is a tar of programs by their path.
func tarOf(t *testing.T, files map[string][]byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
