package buildtest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/build"
)

func testSuccess(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, `
i=0
while [ $i -lt 40 ]; do
	echo "line $i"
	echo "line $((i + 1))" >&2
	i=$((i + 2))
done
pwd >where
`)
	wantSuccess(t, tr.run(t), tr.output)
	got, want := tr.output.text(), numbered(40)
	if s.TwoStreams {
		got, want = inOrder(got), inOrder(want)
	}
	if !strings.Contains(got, want) {
		t.Errorf("standard output and errors are not in the order of printing:\n%s", tr.output.text())
	}
	if _, err := os.Stat(filepath.Join(tr.request.Dir, "where")); err != nil {
		t.Errorf("the build did not run in its folder: %v", err)
	}
}

// inOrder puts lines with even numbers, which a script has printed to its
// standard output, before those with odd ones.
func inOrder(lines string) string {
	var even, odd strings.Builder
	for line := range strings.Lines(lines) {
		if number := strings.TrimSpace(line); number != "" && (number[len(number)-1]-'0')%2 == 1 {
			odd.WriteString(line)
			continue
		}
		even.WriteString(line)
	}
	return even.String() + odd.String()
}

func testFailure(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "echo before\nexit 3\n")
	e := tr.run(t)
	wantAuthorError(t, e, "status 3")
	if e.result.ExitCode != 3 {
		t.Errorf("exit code %d, want 3", e.result.ExitCode)
	}
	if !strings.Contains(tr.output.text(), "before\n") {
		t.Errorf("the output is lost: %q", tr.output.text())
	}
}

func testMissingProgram(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exec no-such-program\n")
	e := tr.run(t)
	wantAuthorError(t, e, "status 127")
	if !strings.Contains(tr.output.text(), "no-such-program") {
		t.Errorf("the output does not name the program: %q", tr.output.text())
	}
}

func testMissingFolder(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exit 0\n")
	tr.request.Dir = filepath.Join(tr.request.Dir, "missing")
	wantPlainError(t, tr.run(t))
}

func testLiveOutput(t *testing.T, s Setup) {
	t.Helper()
	// The script ends only after the test has seen its first line.
	tr := newTrial(t, s, "echo first\nuntil [ -e seen ]; do sleep 0.02; done\necho last\n")
	done := tr.start(t.Context(), t)
	tr.output.waitFor(t, "first\n")
	if err := os.WriteFile(filepath.Join(tr.request.Dir, "seen"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantSuccess(t, await(t, done), tr.output)
	if !strings.Contains(tr.output.text(), "first\nlast\n") {
		t.Errorf("output %q", tr.output.text())
	}
}

func testBinaryOutput(t *testing.T, s Setup) {
	t.Helper()
	var script, want strings.Builder
	script.WriteString("printf '")
	for i := range 256 {
		fmt.Fprintf(&script, `\%03o`, i)
		want.WriteByte(byte(i))
	}
	script.WriteString("'\n")
	tr := newTrial(t, s, script.String())
	wantSuccess(t, tr.run(t), tr.output)
	if !strings.Contains(tr.output.text(), want.String()) {
		t.Errorf("bytes are changed: %q", tr.output.text())
	}
}

func testHugeOutput(t *testing.T, s Setup) {
	t.Helper()
	const size, most = 64 << 20, 16 << 20
	tr := newTrial(t, s, fmt.Sprintf("head -c %d /dev/zero\n", size))
	var counted counter
	tr.request.Output = &counted
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := tr.run(t)
	runtime.ReadMemStats(&after)
	if e.err != nil || counted.bytes < size {
		t.Fatalf("error %v, %d bytes of output, want %d", e.err, counted.bytes, size)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > most {
		t.Errorf("%d bytes of output took %d bytes of memory, want at most %d", size, used, most)
	}
}

func testOutputFails(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exec 3>alive\nwhile :; do echo more; sleep 0.02; done\n")
	tr.request.Output = &broken{}
	e := await(t, tr.start(t.Context(), t))
	wantPlainError(t, e)
	if !errors.Is(e.err, errBroken) {
		t.Errorf("got error %v, want %v", e.err, errBroken)
	}
	tr.wantAllGone(t)
}

func testEnvironment(t *testing.T, s Setup) {
	t.Helper()
	t.Setenv("COURSEWRIGHT_PRIVATE_KEY", "secret of the service")
	tr := newTrial(t, s, "env -0 >variables\n")
	want := map[string]string{
		"COURSE_KEY": "trial", "EMPTY": "", "CHANGED_FILES": "a\nb c\n$HOME", "QUOTED": `'"\ =x`, "LETTERS": "äö→",
	}
	tr.request.Env = maps.Clone(want)
	wantSuccess(t, tr.run(t), tr.output)
	data, err := os.ReadFile(filepath.Join(tr.request.Dir, "variables"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[name]; !ok || value != want[name] {
			t.Errorf("%s is %q, want %q", name, value, want[name])
		}
	}
	if strings.Contains(string(data), "secret of the service") {
		t.Error("the build sees the service's own environment")
	}
	if got["PATH"] == "" {
		t.Error("the build has no PATH")
	}
}

func testUnknownResume(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "echo anew\n")
	tr.request.Resume, tr.request.Written = []byte("no such build"), 0
	tr.request.Started = func([]byte) {}
	e := tr.run(t)
	wantSuccess(t, e, tr.output)
	if e.result.Adopted || !strings.Contains(tr.output.text(), "anew\n") {
		t.Errorf("got %+v with output %q, want a new build", e.result, tr.output.text())
	}
}

func testReadOnlyLeftovers(t *testing.T, s Setup) {
	t.Helper()
	script := `
mkdir -p _build/sub && echo page >_build/sub/page && chmod 400 _build/sub/page && chmod 500 _build/sub _build
mkdir -p "${TMPDIR:-/tmp}/kept.$$/sub" && chmod 500 "${TMPDIR:-/tmp}/kept.$$"
`
	tr := newTrial(t, s, script)
	t.Cleanup(func() { makeWritable(t, tr.request) })
	wantSuccess(t, tr.run(t), tr.output)
	page, err := os.ReadFile(filepath.Join(tr.request.Dir, "_build/sub/page"))
	if err != nil || string(page) != "page\n" {
		t.Fatalf("the build's file: %q, %v", page, err)
	}
	makeWritable(t, tr.request)
	wantSuccess(t, tr.run(t), tr.output)
}

// makeWritable allows to delete what the build made.
func makeWritable(t *testing.T, r build.Request) {
	t.Helper()
	for path, mode := range map[string]os.FileMode{"_build": 0o700, "_build/sub": 0o700, "_build/sub/page": 0o600} {
		if err := os.Chmod(filepath.Join(r.Dir, path), mode); err != nil {
			t.Errorf("the build's files cannot be changed by the service: %v", err)
		}
	}
}
