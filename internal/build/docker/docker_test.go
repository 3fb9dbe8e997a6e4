package docker_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
)

// newRequest is a build of a new folder with the script as build.sh.
func newRequest(t *testing.T, script string) (build.Request, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	output := new(bytes.Buffer)
	r := build.Request{RunID: "run", Dir: dir, Output: output}
	prepare(&r)
	return r, output
}

// run builds a script and returns what it printed.
func run(t *testing.T, o docker.Options, script string) (string, build.Result, error) {
	t.Helper()
	b := newBuilder(t, o)
	r, output := newRequest(t, script)
	result, err := b.Run(t.Context(), r)
	return output.String(), result, err
}

func mustRun(t *testing.T, o docker.Options, script string) string {
	t.Helper()
	output, _, err := run(t, o, script)
	if err != nil {
		t.Fatalf("%v; output:\n%s", err, output)
	}
	return output
}

// wantAuthorError looks for the words in an error that is the authors' to mend.
func wantAuthorError(t *testing.T, err error, words ...string) {
	t.Helper()
	var author *course.AuthorError
	if !errors.As(err, &author) {
		t.Fatalf("got error %v, want an AuthorError", err)
	}
	for _, w := range words {
		if !strings.Contains(author.Message, w) {
			t.Errorf("message %q does not contain %q", author.Message, w)
		}
	}
}

func wantServiceError(t *testing.T, err error) {
	t.Helper()
	var author *course.AuthorError
	if err == nil || errors.As(err, &author) {
		t.Fatalf("got error %v, want one that is the service's", err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		image   string
		command []string
		words   []string
	}{
		"missing image":          {"coursewright-test/missing:1", nil, []string{"coursewright-test/missing:1 is not on the build host", "BUILD_PULL"}},
		"not an image name":      {"UPPER CASE!", nil, []string{`"UPPER CASE!" is not the name of an image`, "build_image"}},
		"missing program":        {testImage, []string{"no-such-program", "a b"}, []string{"no-such-program 'a b' cannot be run", "build_command"}},
		"no command at all":      {testImage, nil, []string{"has no command of its own", "build_command"}},
		"folder instead of file": {testImage, []string{"/tmp"}, []string{"/tmp cannot be run", testImage}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuilder(t, docker.Options{Pull: docker.PullNever})
			r, _ := newRequest(t, "")
			r.Image, r.Command = tt.image, tt.command
			result, err := b.Run(t.Context(), r)
			wantAuthorError(t, err, tt.words...)
			if result.ExitCode != -1 {
				t.Errorf("exit code %d, want -1", result.ExitCode)
			}
			wantNoContainers(t, r)
		})
	}
}

// wantNoContainers fails when a container of the build is left.
func wantNoContainers(t *testing.T, r build.Request) {
	t.Helper()
	found := dockertest.Containers(t, docker.LabelCourse+"="+r.CourseKey)
	if len(found) != 0 {
		t.Errorf("containers of %s are left: %v", r.CourseKey, found)
	}
}

func TestMemoryRunsOut(t *testing.T) {
	t.Parallel()
	const greedy = "x=a; while :; do x=$x$x; done"
	o := docker.Options{Memory: 16 << 20}
	t.Run("and ends the build", func(t *testing.T) {
		t.Parallel()
		_, result, err := run(t, o, greedy+"\n")
		// An engine may miss what ended a container's first process.
		wantAuthorError(t, err, "memory")
		if result.ExitCode == 0 {
			t.Error("the exit code is 0")
		}
	})
	t.Run("and fails the build", func(t *testing.T) {
		t.Parallel()
		_, result, err := runPastMemory(t, o, "sh -c '"+greedy+"'\n", 3)
		wantAuthorError(t, err, "more memory than the allowed 16 MiB")
		if result.ExitCode != 3 {
			t.Errorf("exit code %d, want 3", result.ExitCode)
		}
	})
	t.Run("but the build does not mind", func(t *testing.T) {
		t.Parallel()
		output, _, err := runPastMemory(t, o, "sh -c '"+greedy+"'\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(output, "killed because memory ran out (limit: 16 MiB") {
			t.Errorf("output %q", output)
		}
	})
}

// runPastMemory runs a script that runs out of memory, again and again until the engine
// has noticed that, and ends with the status: an engine may begin to look too late for
// the first time.
func runPastMemory(t *testing.T, o docker.Options, script string, status int) (string, build.Result, error) {
	t.Helper()
	b := newBuilder(t, o)
	r, output := newRequest(t, fmt.Sprintf("until [ -e noticed ]; do\n%susleep 10000\ndone\nexit %d\n", script, status))
	// A running container does not show it, but the engine tells of it.
	noticed := needEngine(t).Events(t.Context(), client.EventsListOptions{
		Filters: client.Filters{}.Add("event", "oom").Add("label", docker.LabelCourse+"="+r.CourseKey),
	})
	var result build.Result
	ended := make(chan error, 1)
	go func() {
		var err error
		result, err = b.Run(t.Context(), r)
		ended <- err
	}()
	select {
	case <-noticed.Messages:
		if err := os.WriteFile(filepath.Join(r.Dir, "noticed"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	case err := <-noticed.Err:
		t.Fatalf("the engine's events: %v", err)
	case err := <-ended:
		return output.String(), result, err
	case <-time.After(time.Minute):
		t.Fatal("the engine does not tell that memory ran out")
	}
	err := <-ended
	return output.String(), result, err
}

func TestLogSize(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	output, _, err := run(t, docker.Options{LogSize: limit}, "yes this is a line\n")
	wantAuthorError(t, err, "printed more than 1 MiB", "BUILD_LOG_SIZE")
	if n := len(output); n == 0 || n > limit {
		t.Errorf("%d bytes of output arrived, want some, but at most %d", n, limit)
	}
}

func TestOutputIsExact(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long line ", 10_000)
	tests := map[string]struct{ script, want string }{
		"long lines": {
			"i=0; while [ $i -lt 10000 ]; do printf 'long line '; i=$((i + 1)); done; echo; echo next\n", long + "\nnext\n",
		},
		"empty lines":     {"echo; echo; echo end\n", "\n\nend\n"},
		"nothing":         {"exit 0\n", ""},
		"carriage return": {`printf '10%%\r20%%\r\n'`, "10%\r20%\r\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mustRun(t, docker.Options{}, tt.script); got != tt.want {
				t.Errorf("got %d bytes %.100q, want %d bytes %.100q", len(got), got, len(tt.want), tt.want)
			}
		})
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	extra := t.TempDir()
	if err := os.WriteFile(filepath.Join(extra, "data"), []byte("shared data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := docker.Options{Mounts: []docker.Mount{{Source: extra, Target: "/extra"}}}
	output := mustRun(t, o, `
pwd
grep -E '^(NoNewPrivs|CapEff)' /proc/self/status
cat /extra/data
touch /extra/more 2>/dev/null || echo extra is read-only
ls /sys/class/net | tr '\n' ' '
`)
	for _, want := range []string{
		"/content\n", "NoNewPrivs:\t1\n", "shared data\n", "extra is read-only\n", "lo ",
		// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID
		"CapEff:\t00000000000000fb\n",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the output does not contain %q:\n%s", want, output)
		}
	}
}

func TestProcessLimit(t *testing.T) {
	t.Parallel()
	_, _, err := run(t, docker.Options{PIDs: 20}, "i=0\nwhile [ $i -lt 40 ]; do sleep 5 & i=$((i + 1)); done\n")
	wantAuthorError(t, err, "ended with status 2")
}

// The kernel's own word, in cgroups of version 1 or 2: quota and period in
// microseconds.
func TestProcessorLimit(t *testing.T) {
	t.Parallel()
	output := mustRun(t, docker.Options{CPUs: 0.25}, `
cd /sys/fs/cgroup
cat cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us
`)
	var quota, period int
	if _, err := fmt.Sscan(output, &quota, &period); err != nil || 4*quota != period {
		t.Errorf("a quarter of a processor is told as %q: %v", output, err)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, docker.Options{User: "builder"})
	r, output := newRequest(t, "id -u; id -g\n")
	for path, mode := range map[string]os.FileMode{"": 0o755, "build.sh": 0o644} {
		if err := os.Chmod(filepath.Join(r.Dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Run(t.Context(), r); err != nil || output.String() != "1234\n1234\n" {
		t.Errorf("output %q, error %v", output, err)
	}
}

// TestOwner lets a build leave files that the service, were it not root, could
// not touch.
func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make files that the tests' user does not own")
	}
	b := newBuilder(t, docker.Options{Owner: "4321:4322"})
	r, output := newRequest(t, "mkdir -p _build/sub && echo x >_build/sub/page && ln -s /etc/passwd _build/link && chmod -R go= _build\n")
	if _, err := b.Run(t.Context(), r); err != nil {
		t.Fatalf("%v; output:\n%s", err, output)
	}
	for _, path := range []string{"", "build.sh", "_build", "_build/sub", "_build/sub/page", "_build/link"} {
		if uid, gid := owner(t, filepath.Join(r.Dir, path)); uid != 4321 || gid != 4322 {
			t.Errorf("%q belongs to %d:%d, want 4321:4322", path, uid, gid)
		}
	}
	if output.Len() != 0 {
		t.Errorf("output %q", output)
	}
}

// TestImageDecides lets the image choose what is run.
func TestImageDecides(t *testing.T) {
	t.Parallel()
	image := derivedImage(t, `ENTRYPOINT ["echo", "entry"]`, `CMD ["own", "command"]`, "ENV FROM=image")
	tests := map[string]struct {
		command []string
		want    string
	}{
		"its own command":      {nil, "entry own command\n"},
		"its own entry point":  {[]string{"given", "$HOME", "a b"}, "entry given $HOME a b\n"},
		"an option as command": {[]string{"-e", `a\tb`}, "entry -e a\\tb\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuilder(t, docker.Options{})
			r, output := newRequest(t, "")
			r.Image, r.Command = image, tt.command
			if _, err := b.Run(t.Context(), r); err != nil || output.String() != tt.want {
				t.Errorf("output %q, error %v, want %q", output, err, tt.want)
			}
		})
	}
}

func TestPathMaps(t *testing.T) {
	t.Parallel()
	worker, host := t.TempDir(), t.TempDir()
	r, output := newRequest(t, "")
	r.Dir = filepath.Join(worker, "course")
	for dir, says := range map[string]string{r.Dir: "worker", filepath.Join(host, "course"): "host"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("echo "+says), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	maps, err := docker.PathMaps(map[string]any{"HOST_BUILD_PATH": host + "/", "CONTAINER_BUILD_PATH": worker, "else": 1})
	if err != nil {
		t.Fatal(err)
	}
	b := newBuilder(t, docker.Options{Paths: maps})
	if _, err := b.Run(t.Context(), r); err != nil || output.String() != "host\n" {
		t.Errorf("output %q, error %v", output, err)
	}
	other, _ := newRequest(t, "")
	if _, err := b.Run(t.Context(), other); err == nil || !strings.Contains(err.Error(), "CONTAINER_BUILD_PATH") {
		t.Errorf("a folder outside the known ones: error %v", err)
	}
	wrong := newBuilder(t, docker.Options{Paths: []docker.PathMap{{Worker: worker, Host: filepath.Join(host, "missing")}}})
	if _, err := wrong.Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), "HOST_BUILD_PATH") {
		t.Errorf("a folder that the engine does not have: error %v", err)
	}
}

func TestBadPathMaps(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]any{
		"one of two":      {"HOST_BUILD_PATH": "/a"},
		"relative":        {"HOST_BUILD_PATH": "a", "CONTAINER_BUILD_PATH": "/b"},
		"not a text":      {"HOST_PUBLISH_PATH": 1, "CONTAINER_PUBLISH_PATH": "/b"},
		"the other's one": {"HOST_BUILD_PATH": "/a", "CONTAINER_PUBLISH_PATH": "/b"},
	} {
		if maps, err := docker.PathMaps(settings); err == nil || !strings.Contains(err.Error(), "BUILD_MODULE_SETTINGS") {
			t.Errorf("%s: got %v, %v", name, maps, err)
		}
	}
	if maps, err := docker.PathMaps(nil); err != nil || maps != nil {
		t.Errorf("no settings: got %v, %v", maps, err)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, docker.Options{})
	r, _ := newRequest(t, "exit 0\n")
	seen := map[string]string{}
	r.Started = func(token []byte) {
		found, err := needEngine(t).ContainerInspect(t.Context(), string(token), client.ContainerInspectOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		seen = found.Container.Config.Labels
	}
	if _, err := b.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{
		docker.LabelCourse: r.CourseKey, docker.LabelBuild: strconv.FormatInt(r.BuildID, 10), docker.LabelRun: "run", docker.LabelDisk: disk,
	} {
		if seen[label] != want {
			t.Errorf("label %s is %q, want %q", label, seen[label], want)
		}
	}
	wantNoContainers(t, r)
}

// TestRemovedByOthers takes the container away while the build runs.
func TestRemovedByOthers(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, docker.Options{})
	r, _ := newRequest(t, "exec sleep 600\n")
	r.Started = func(token []byte) {
		if _, err := needEngine(t).ContainerRemove(t.Context(), string(token), client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}
	_, err := b.Run(t.Context(), r)
	wantServiceError(t, err)
	if !strings.Contains(err.Error(), "removed by others") {
		t.Errorf("error %v", err)
	}
}

func TestNoEngine(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "none.sock")
	b, err := docker.New(docker.Options{Disk: "d", Host: "unix://" + socket})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), socket) {
		t.Errorf("error %v does not name the socket", err)
	}
	r, _ := newRequest(t, "")
	_, err = b.Run(t.Context(), r)
	wantServiceError(t, err)
	for _, o := range []docker.Options{{}, {Disk: "d", Host: "no address"}, {Disk: "d", CertPath: t.TempDir()}} {
		if _, err := docker.New(o); err == nil {
			t.Errorf("options %s are accepted", fmt.Sprint(o))
		}
	}
}
