// Package dockertest gives tests a container engine and an image of their own.
// It is for tests only. Start at Engine.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// Image is what tests build in: a static busybox and nothing else.
const Image = "coursewright-test/busybox:1"

// Engine gives the engine, with Image in it. It skips the test where no engine
// or no busybox is, or fails it when COURSEWRIGHT_REQUIRE names docker.
func Engine(t testing.TB) *client.Client {
	t.Helper()
	missing := t.Skipf
	if required("docker") {
		missing = t.Fatalf
	}
	api, err := find(t)
	if err != nil {
		missing("no container engine answers: %v; start one, or set DOCKER_HOST", err)
	}
	if _, err := api.ImageInspect(t.Context(), Image); err == nil {
		return api
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		missing("no busybox for an image: install busybox-static")
	}
	Import(t, api, Image)
	return api
}

// required says whether COURSEWRIGHT_REQUIRE names a word.
func required(word string) bool {
	return slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), word)
}

// find gives the engine and why it does not answer.
func find(t testing.TB) (*client.Client, error) {
	t.Helper()
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = api.Ping(ctx, client.PingOptions{})
	return api, err
}

// Here says whether Engine would not skip, for tests that do less without.
func Here(t testing.TB) bool {
	t.Helper()
	if required("docker") {
		return true
	}
	_, engine := find(t)
	_, busybox := exec.LookPath("busybox")
	return engine == nil && busybox == nil
}

// Import makes an image of busybox with further instructions.
func Import(t testing.TB, api *client.Client, name string, changes ...string) {
	t.Helper()
	files := client.ImageImportSource{Source: bytes.NewReader(Files(t, "")), SourceName: "-"}
	result, err := api.ImageImport(t.Context(), files, name, client.ImageImportOptions{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(result)
	if err != nil || strings.Contains(string(answer), "error") {
		t.Fatalf("import the image: %v, %s", err, answer)
	}
}

// Files is the tar of the image's files; the note makes it a tar of its own.
func Files(t testing.TB, note string) []byte {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
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

// Containers lists the ids of the containers with a label, running or not.
func Containers(t testing.TB, label string) []string {
	t.Helper()
	found, err := Engine(t).ContainerList(context.WithoutCancel(t.Context()), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", label),
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range found.Items {
		ids = append(ids, c.ID)
	}
	return ids
}
