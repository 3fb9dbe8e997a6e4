package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
)

// Variables that make the test binary play a service that is killed while it
// builds the course in the folder.
const (
	serviceDir    = "COURSEWRIGHT_TEST_SERVICE_DIR"
	serviceDisk   = "COURSEWRIGHT_TEST_SERVICE_DISK"
	serviceImage  = "COURSEWRIGHT_TEST_SERVICE_IMAGE"
	serviceLogins = "COURSEWRIGHT_TEST_SERVICE_LOGINS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serviceDir); dir != "" {
		if err := playService(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// adopted is the build that the service begins and the test ends.
func adopted(dir string) build.Request {
	return build.Request{
		CourseKey: "adopted", BuildID: 7, RunID: "run", Dir: dir,
		Image: testImage, Command: []string{"sh", "build.sh"}, Env: map[string]string{"COURSE_KEY": "adopted"},
	}
}

func playService(dir string) error {
	b, err := docker.New(docker.Options{Disk: os.Getenv(serviceDisk), Logins: os.Getenv(serviceLogins), Network: "none"})
	if err != nil {
		return err
	}
	r := adopted(dir)
	r.Output, r.Image = os.Stdout, os.Getenv(serviceImage)
	r.Started = func(token []byte) { err = os.WriteFile(filepath.Join(dir, "token"), token, 0o600) }
	_, runErr := b.Run(context.Background(), r)
	if err != nil {
		return err
	}
	return runErr
}

// killedService begins the build in dir and is killed once it has printed so
// many bytes. It returns the output that it has delivered.
func killedService(t *testing.T, dir, disk string, bytesSeen int, more ...string) []byte {
	t.Helper()
	service := exec.CommandContext(t.Context(), os.Args[0])
	service.Env = append(os.Environ(), serviceDir+"="+dir, serviceDisk+"="+disk, serviceImage+"="+testImage)
	service.Env = append(service.Env, more...)
	service.Stderr = t.Output()
	output, err := service.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make([]byte, bytesSeen)
	if _, err := io.ReadFull(output, seen); err != nil {
		t.Fatalf("the build did not begin: %v, output %q", err, seen)
	}
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// What the service has printed already counts as delivered.
	late, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	_ = service.Wait()
	return append(seen, late...)
}

const lines = 4000

// countingScript prints numbered lines, a few at a time, and notes the
// containers in which it runs.
const countingScript = `
hostname >>ran
i=0
while [ $i -lt 4000 ]; do
	echo "line $i"
	i=$((i + 1))
	[ $((i % 100)) = 0 ] && sleep 0.05
done
exit 3
`

func numbered() string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

// TestTakenOver kills the service in the midst of a build. The next try goes on
// with the container, and nothing of the output is lost or told twice.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ fetches, ended bool }{
		"while it runs":               {},
		"after its end":               {ended: true},
		"with the output of fetching": {fetches: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testTakenOver(t, tt.fetches, tt.ended)
		})
	}
}

// testTakenOver kills a service that perhaps has fetched the image itself, and
// goes on at once or when the container has ended.
func testTakenOver(t *testing.T, fetches, ended bool) {
	t.Helper()
	own := disk + "-" + strconv.FormatInt(builds.Add(1), 10)
	b := newBuilder(t, docker.Options{Disk: own})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte(countingScript), 0o600); err != nil {
		t.Fatal(err)
	}
	r := adopted(dir)
	var login string
	if fetches {
		registry := startRegistry(t, "courses/adopted")
		login = logins(t, registry.host, registryUser, registryPassword)
		r.Image = registry.host + "/courses/adopted:1"
		removeImage(t, r.Image)
	}
	first := killedService(t, dir, own, 5000, serviceImage+"="+r.Image, serviceLogins+"="+login)
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	if ended {
		awaitEnd(t, string(token))
	}
	again := new(bytes.Buffer)
	r.Output, r.Resume, r.Written = again, token, int64(len(first))
	result, err := b.Run(t.Context(), r)
	wantAuthorError(t, err, "sh build.sh ended with status 3")
	if !result.Adopted || result.ExitCode != 3 {
		t.Errorf("got %+v, want the same container with exit code 3", result)
	}
	before, got, _ := strings.Cut(string(first)+again.String(), "line 0\n")
	if got = "line 0\n" + got; got != numbered() {
		t.Errorf("output has %d bytes, want %d; around the seam: %q...%q", len(got), len(numbered()), first[max(0, len(first)-40):], again.String()[:min(again.Len(), 40)])
	}
	if strings.HasPrefix(before, "Fetching image "+r.Image) != fetches {
		t.Errorf("before the build's own output: %q", before)
	}
	ran, err := os.ReadFile(filepath.Join(dir, "ran"))
	if err != nil || strings.Count(string(ran), "\n") != 1 {
		t.Errorf("the script ran in %q, %v; want one container", ran, err)
	}
	if left := dockertest.Containers(t, docker.LabelDisk+"="+own); len(left) != 0 {
		t.Errorf("containers are left: %v", left)
	}
}

// An engine that was stopped in the midst of a build has ended its container, or has
// lost its status. That is no fault of the course, which is built anew.
func TestAnEndThatNobodySaw(t *testing.T) {
	t.Parallel()
	b, _, dir, token := orphaned(t, "exit 255\n")
	awaitEnd(t, string(token))
	r := adopted(dir)
	r.Output, r.Resume = io.Discard, token
	var author *course.AuthorError
	if result, err := b.Run(t.Context(), r); !result.Adopted || err == nil || errors.As(err, &author) {
		t.Errorf("got %+v, %v; want trouble of the service with the same container", result, err)
	}
	_, err := b.Run(t.Context(), r)
	wantAuthorError(t, err, "sh build.sh ended with status 255")
}

// orphaned begins a build with a script on a build disk of its own, whose service is
// killed: what goes on with it, the disk, the working copy, and how to resume it.
func orphaned(t *testing.T, script string) (b *docker.Builder, own, dir string, token []byte) {
	t.Helper()
	own = disk + "-" + strconv.FormatInt(builds.Add(1), 10)
	b, dir = newBuilder(t, docker.Options{Disk: own}), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("echo 1234567890\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	killedService(t, dir, own, 10)
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return b, own, dir, token
}

func awaitEnd(t *testing.T, id string) {
	t.Helper()
	awaitEndIn(t, needEngine(t), id)
}

func awaitEndIn(t *testing.T, engine *client.Client, id string) {
	t.Helper()
	wait := engine.ContainerWait(t.Context(), id, client.ContainerWaitOptions{})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("the container does not end")
	}
}

// TestLeftoverOfAnotherRun begins a new build of a course whose earlier build
// still runs: it must not share the working copy.
func TestLeftoverOfAnotherRun(t *testing.T) {
	t.Parallel()
	b, own, dir, token := orphaned(t, "exec sleep 600\n")
	old := dockertest.Containers(t, docker.LabelDisk+"="+own)
	if len(old) != 1 {
		t.Fatalf("containers %v, want one", old)
	}
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("echo new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, output := adopted(dir), new(bytes.Buffer)
	r.RunID, r.Output, r.Resume = "another run", output, token
	result, err := b.Run(t.Context(), r)
	if err != nil || result.Adopted || output.String() != "new\n" {
		t.Errorf("got %+v, %v, output %q; want a new build", result, err, output)
	}
	if left := dockertest.Containers(t, docker.LabelDisk+"="+own); len(left) != 0 {
		t.Errorf("containers are left: %v", left)
	}
}

func TestRemoveOrphans(t *testing.T) {
	t.Parallel()
	b, own, _, _ := orphaned(t, "exec sleep 600\n")
	other := newBuilder(t, docker.Options{Disk: own + "-other"})
	none := func(int64, string) bool { return false }
	steps := []struct {
		name  string
		b     *docker.Builder
		alive func(int64, string) bool
		want  int
	}{
		{"another disk", other, none, 0},
		{"a build that runs", b, func(id int64, run string) bool { return id == 7 && run == "run" }, 0},
		{"an orphan", b, none, 1},
		{"nothing left", b, none, 0},
	}
	for _, s := range steps {
		if n, err := s.b.RemoveOrphans(t.Context(), s.alive); err != nil || n != s.want {
			t.Errorf("%s: removed %d, error %v, want %d", s.name, n, err, s.want)
		}
	}
}

// Whoever clears a course while others do so as well knows that nothing is left.
func TestClearedByManyAtOnce(t *testing.T) {
	t.Parallel()
	own := disk + "-" + strconv.FormatInt(builds.Add(1), 10)
	b := newBuilder(t, docker.Options{Disk: own})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("echo 1234567890\nexec sleep 600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	killedService(t, dir, own, 10)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := b.Clear(t.Context(), "adopted"); err != nil {
				t.Error(err)
			}
			if left := dockertest.Containers(t, docker.LabelDisk+"="+own); len(left) != 0 {
				t.Error("a container is left when the course is cleared")
			}
		})
	}
	all.Wait()
}

func owner(t *testing.T, path string) (uid, gid uint32) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("no owner of %s", path)
	}
	return stat.Uid, stat.Gid
}
