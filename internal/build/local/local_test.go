package local_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/build"
	"coursewright/internal/build/buildtest"
	"coursewright/internal/build/local"
	"coursewright/internal/course"
)

// serviceDir makes the test binary play a service that is killed while it
// builds the course in that folder.
const serviceDir = "COURSEWRIGHT_TEST_SERVICE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serviceDir); dir != "" {
		os.Exit(playService(dir))
	}
	os.Exit(m.Run())
}

func playService(dir string) int {
	b, err := local.New(local.Options{})
	if err != nil {
		return 1
	}
	result, err := b.Run(context.Background(), build.Request{CourseKey: "k", Dir: dir, Output: os.Stdout})
	if err != nil {
		return 1
	}
	return result.ExitCode
}

func newBuilder(t testing.TB, o local.Options) *local.Builder {
	t.Helper()
	b, err := local.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	buildtest.Run(t, func(t *testing.T) buildtest.Setup {
		t.Helper()
		return buildtest.Setup{Builder: newBuilder(t, local.Options{})}
	})
}

// TestKilledService kills a service with a running build, whose processes are
// in two sessions and ignore what can be ignored, and whose temporary files are in a
// folder that cannot be written to.
func TestKilledService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scratch := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), `
mkdir -p "$TMPDIR/a/b"
chmod 500 "$TMPDIR/a"
exec 3>alive
trap '' TERM INT HUP
setsid sh -c 'trap "" TERM; echo hidden; sleep 600; sleep 600' &
env -i sleep 600 &
echo ready
sleep 600
`)
	if err := unix.Mkfifo(filepath.Join(dir, "alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(filepath.Join(dir, "alive"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	service := exec.CommandContext(t.Context(), os.Args[0])
	service.Env = append(os.Environ(), serviceDir+"="+dir, "TMPDIR="+scratch)
	output, err := service.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []byte
	for !bytes.Contains(seen, []byte("ready\n")) || !bytes.Contains(seen, []byte("hidden\n")) {
		buffer := make([]byte, 4096)
		n, err := output.Read(buffer)
		if err != nil {
			t.Fatalf("the build did not begin: %v, output %q", err, seen)
		}
		seen = append(seen, buffer[:n]...)
	}
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = service.Wait()
	if err := alive.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := alive.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("processes of the build outlive the service: %v", err)
	}
	awaitEmpty(t, scratch)
}

// awaitEmpty waits until nothing is left in a folder.
func awaitEmpty(t *testing.T, dir string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for end := time.After(time.Minute); ; {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-ticker.C:
		case <-end:
			t.Fatalf("the killed service has left temporary files: %v", left)
		}
	}
}

func TestWhatIsRun(t *testing.T) {
	t.Parallel()
	makefile := "html:\n\t@echo made html\nall:\n\t@echo wrong\n"
	tests := map[string]struct {
		files   map[string]string
		skipped bool
		says    string
	}{
		"build.sh with bash":    {files: map[string]string{"build.sh": "[[ -n $BASH ]] && echo by bash\n"}, says: "by bash\n"},
		"build.sh first":        {files: map[string]string{"build.sh": "echo script\n", "Makefile": makefile}, says: "script\n"},
		"make html":             {files: map[string]string{"Makefile": makefile}, says: "made html\n"},
		"make html, small name": {files: map[string]string{"makefile": makefile}, says: "made html\n"},
		"nothing":               {skipped: true, says: "nothing to build"},
		"a folder is no script": {files: map[string]string{"build.sh/x": ""}, skipped: true, says: "nothing to build"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, text := range tt.files {
				write(t, filepath.Join(dir, path), text)
			}
			var output bytes.Buffer
			r, err := newBuilder(t, local.Options{}).Run(t.Context(), build.Request{
				CourseKey: "k", Dir: dir, Output: &output, Image: "ignored", Command: []string{"false"},
			})
			if err != nil {
				t.Fatalf("%v; output:\n%s", err, output.String())
			}
			if r.Skipped != tt.skipped || !strings.Contains(output.String(), tt.says) {
				t.Errorf("got %+v with output %q, want skipped %v and %q", r, output.String(), tt.skipped, tt.says)
			}
		})
	}
}

func TestIsolationNotice(t *testing.T) {
	t.Parallel()
	for name, dev := range map[string]bool{"server": false, "developer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "build.sh"), "echo $HOME\n")
			var output bytes.Buffer
			if _, err := newBuilder(t, local.Options{Dev: dev}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(output.String(), "WITHOUT ISOLATION"); (got == 0) != dev || got > 1 {
				t.Errorf("%d notices in %q", got, output.String())
			}
			if got := strings.Contains(output.String(), os.Getenv("HOME")+"\n"); got != dev {
				t.Errorf("the service's HOME is seen: %v, want %v; output %q", got, dev, output.String())
			}
		})
	}
}

func TestLeftoversAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), "sleep 600 >/dev/null 2>&1 &\n")
	var output bytes.Buffer
	if _, err := newBuilder(t, local.Options{Dev: true}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(output.String(), "left running were ended: 1.") {
		t.Errorf("output %q", output.String())
	}
}

// TestHelpersFinish lets a helper of the build print what it still holds.
func TestHelpersFinish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), "exec > >(sleep 0.1; cat)\necho held\n")
	var output bytes.Buffer
	if _, err := newBuilder(t, local.Options{Dev: true}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output}); err != nil {
		t.Fatal(err)
	}
	if output.String() != "held\n" {
		t.Errorf("output %q", output.String())
	}
}

// TestStrangerHoldsOutput leaves a process that nothing finds: it is in a session
// of its own and has cleared its environment.
func TestStrangerHoldsOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), "env -i setsid sh -c 'echo $$ >stranger; exec sleep 600' &\nuntil [ -s stranger ]; do sleep 0.02; done\necho end\n")
	t.Cleanup(func() {
		text, err := os.ReadFile(filepath.Join(dir, "stranger"))
		pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || convErr != nil || unix.Kill(pid, unix.SIGKILL) != nil {
			t.Errorf("the process %q cannot be ended: %v, %v", text, err, convErr)
		}
	})
	var output bytes.Buffer
	began := time.Now()
	if _, err := newBuilder(t, local.Options{Dev: true}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); output.String() != "end\n" || took > buildtest.HangTime {
		t.Errorf("output %q after %s", output.String(), took)
	}
}

func TestSignalIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), "kill -SEGV $$\n")
	var output bytes.Buffer
	r, err := newBuilder(t, local.Options{Dev: true}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output})
	var author *course.AuthorError
	if !errors.As(err, &author) || !strings.Contains(err.Error(), "SIGSEGV") || r.ExitCode != -1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestScratchIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), "echo $TMPDIR >where\nmkdir -p $TMPDIR/a/b\nchmod 500 $TMPDIR/a\n")
	var output bytes.Buffer
	if _, err := newBuilder(t, local.Options{}).Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &output}); err != nil {
		t.Fatal(err)
	}
	where, err := os.ReadFile(filepath.Join(dir, "where"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(where))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder %q is left: %v", where, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkRun is what a build costs besides its own work.
func BenchmarkRun(b *testing.B) {
	builder, err := local.New(local.Options{Dev: true})
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte("exit 0\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := builder.Run(b.Context(), build.Request{CourseKey: "k", Dir: dir, Output: &bytes.Buffer{}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStop(b *testing.B) {
	buildtest.BenchmarkStop(b, buildtest.Setup{Builder: newBuilder(b, local.Options{})})
}

// TestStopIsSignalledOnce stops a build with many processes. A second signal
// would end a shell that tidies up because of the first.
func TestStopIsSignalledOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build.sh"), `
trap : TERM
for i in $(seq 200); do sleep 600 & done
bash -c 'trap "echo term" TERM; echo ready; read -t 1 <>pipe; read -t 0.5 <>pipe; echo end' &
while kill -0 $!; do wait $!; done
`)
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	output := &untilReady{then: cancel}
	_, err := newBuilder(t, local.Options{}).Run(ctx, build.Request{CourseKey: "k", Dir: dir, Output: output})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the build ended with %v", err)
	}
	if got := strings.Count(output.String(), "term\n"); got != 1 {
		t.Errorf("the build heard the signal %d times:\n%s", got, output.String())
	}
}

// untilReady keeps output and does something when it has the line ready.
type untilReady struct {
	bytes.Buffer

	then func()
}

func (u *untilReady) Write(p []byte) (int, error) {
	n, err := u.Buffer.Write(p)
	if strings.Contains(u.String(), "ready\n") {
		u.then()
	}
	return n, err
}
