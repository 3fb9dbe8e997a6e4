package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/buildtest"
	"coursewright/internal/build/docker"
)

// testImage is what tests build in: a static busybox and nothing else.
const testImage = "coursewright-test/busybox:1"

// disk keeps the containers of one run of the tests apart from all others.
var disk = fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano())

// builds numbers the tests' builds.
var builds atomic.Int64

// needEngine skips the test where no engine or no busybox is, and fails it
// where one is required.
func needEngine(t testing.TB) *client.Client {
	t.Helper()
	missing := t.Skipf
	for _, word := range strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")) {
		if word == "docker" {
			missing = t.Fatalf
		}
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := api.Ping(ctx, client.PingOptions{}); err != nil {
		missing("no container engine answers: %v; start one, or set DOCKER_HOST", err)
	}
	if _, err := api.ImageInspect(t.Context(), testImage); err == nil {
		return api
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		missing("no busybox for an image: install busybox-static")
	}
	importImage(t, api, testImage)
	return api
}

// derivedImage is the test image with further instructions.
func derivedImage(t *testing.T, changes ...string) string {
	t.Helper()
	name := fmt.Sprintf("coursewright-test/derived:%d-%d", os.Getpid(), builds.Add(1))
	importImage(t, needEngine(t), name, changes...)
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

func importImage(t testing.TB, api *client.Client, name string, changes ...string) {
	t.Helper()
	files := client.ImageImportSource{Source: bytes.NewReader(rootFiles(t, busyboxPath(t), "")), SourceName: "-"}
	result, err := api.ImageImport(t.Context(), files, name, client.ImageImportOptions{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(result)
	if err != nil || strings.Contains(string(answer), "error") {
		t.Fatalf("import the image: %v, %s", err, answer)
	}
}

func busyboxPath(t testing.TB) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	return busybox
}

// rootFiles is the tar of the image's files; the note makes it a tar of its own.
func rootFiles(t testing.TB, busybox, note string) []byte {
	t.Helper()
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.CommandContext(t.Context(), busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "etc", "proc", "sys", "dev"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0::/:/bin/sh\nbuilder:x:1234:1234::/:/bin/sh\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/note", Mode: 0o644}, []byte(note))
	for _, name := range strings.Fields(string(list)) {
		if name != "busybox" {
			add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, nil)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newBuilder makes a builder, with the tests' own disk unless o has another.
func newBuilder(t *testing.T, o docker.Options) *docker.Builder {
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
