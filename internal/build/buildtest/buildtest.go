// Package buildtest is the conformance suite of builders: every implementation
// calls Run from its own test. It is for tests only.
package buildtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// HangTime ends a test whose builder hangs. What the builds of the suite leave
// running lasts ten times as long, so whoever waits for it is caught; how soon a
// build is stopped, BenchmarkStop measures.
const HangTime = time.Minute

// Setup is a builder under test.
type Setup struct {
	Builder build.Builder
	// Prepare makes a request run the file build.sh of its folder with a shell
	// that knows setsid, env -0, head and mkfifo: it fills in image and command
	// as needed. May be nil.
	Prepare func(r *build.Request)
	// TwoStreams says that standard output and errors reach the builder by
	// different ways: each keeps its order, between the two it is not tested.
	TwoStreams bool
}

// Run tests the builders that open makes. The test that calls it must not be
// parallel; most of its own are.
func Run(t *testing.T, open func(t *testing.T) Setup) {
	t.Helper()
	tests := []struct {
		name string
		test func(t *testing.T, s Setup)
	}{
		// The first two look at the whole process: they do not run in parallel.
		{"HugeOutput", testHugeOutput},
		{"Environment", testEnvironment},
		{"Success", parallel(testSuccess)},
		{"Failure", parallel(testFailure)},
		{"MissingProgram", parallel(testMissingProgram)},
		{"MissingFolder", parallel(testMissingFolder)},
		{"OutputComesWhileItRuns", parallel(testLiveOutput)},
		{"BinaryOutput", parallel(testBinaryOutput)},
		{"OutputFails", parallel(testOutputFails)},
		{"Cancel", parallel(testCancel)},
		{"CancelStubborn", parallel(testCancelStubborn)},
		{"CancelledBefore", parallel(testCancelledBefore)},
		{"TimeOut", parallel(testTimeOut)},
		{"BackgroundProcesses", parallel(testBackground)},
		{"LateOutput", parallel(testLateOutput)},
		{"SlowLog", parallel(testSlowLog)},
		{"ReadOnlyLeftovers", parallel(testReadOnlyLeftovers)},
		{"UnknownResumeToken", parallel(testUnknownResume)},
		{"HandOver", parallel(testHandOver)},
		{"Orphans", parallel(testOrphans)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func parallel(test func(t *testing.T, s Setup)) func(t *testing.T, s Setup) {
	return func(t *testing.T, s Setup) {
		t.Helper()
		t.Parallel()
		test(t, s)
	}
}

// trial is one build of a script.
type trial struct {
	request build.Request
	output  *recorder
	builder build.Builder
	alive   *os.File // read end of the named pipe alive in the folder
}

// newTrial makes a course folder with the script as build.sh, and in it a named
// pipe: processes that hold its write end are seen by the test wherever they hide.
func newTrial(t testing.TB, s Setup, script string) *trial {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "build.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "alive")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(pipe, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alive.Close() })
	output := &recorder{news: make(chan struct{}, 1)}
	r := build.Request{
		CourseKey: "trial", BuildID: 1, RunID: "run", Dir: dir, Output: output,
		Env: map[string]string{"COURSE_KEY": "trial"},
	}
	if s.Prepare != nil {
		s.Prepare(&r)
	}
	return &trial{request: r, output: output, builder: s.Builder, alive: alive}
}

// ending is what Run of a builder returned.
type ending struct {
	result build.Result
	err    error
}

// start runs the trial's build in the background.
func (tr *trial) start(ctx context.Context, t testing.TB) <-chan ending {
	t.Helper()
	done := make(chan ending, 1)
	go func() {
		result, err := tr.builder.Run(ctx, tr.request)
		done <- ending{result, err}
	}()
	return done
}

// run builds and waits.
func (tr *trial) run(t *testing.T) ending {
	t.Helper()
	return await(t, tr.start(t.Context(), t))
}

func await(t testing.TB, done <-chan ending) ending {
	t.Helper()
	select {
	case e := <-done:
		return e
	case <-time.After(HangTime):
	}
	t.Fatalf("the builder did not return within %s", HangTime)
	return ending{}
}

// wantAllGone fails when a process of the build still holds the named pipe.
func (tr *trial) wantAllGone(t testing.TB) {
	t.Helper()
	if err := tr.alive.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.alive.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("processes of the build are left: read gives %v, want the end of the pipe", err)
	}
}

func wantSuccess(t *testing.T, e ending, output *recorder) {
	t.Helper()
	if e.err != nil || e.result.ExitCode != 0 || e.result.Skipped {
		t.Fatalf("got %+v, error %v, want success; output:\n%s", e.result, e.err, output.text())
	}
}

func wantAuthorError(t *testing.T, e ending, words string) {
	t.Helper()
	var author *course.AuthorError
	if !errors.As(e.err, &author) {
		t.Fatalf("got error %v, want an AuthorError", e.err)
	}
	if !bytes.Contains([]byte(author.Message), []byte(words)) {
		t.Errorf("message %q does not contain %q", author.Message, words)
	}
}

func wantPlainError(t *testing.T, e ending) {
	t.Helper()
	var author *course.AuthorError
	if e.err == nil || errors.As(e.err, &author) {
		t.Errorf("got error %v, want one that is not the authors'", e.err)
	}
}

// wantCancelled takes the ending of a build whose context was just cancelled.
func wantCancelled(t testing.TB, done <-chan ending, cause error) {
	t.Helper()
	if e := await(t, done); !errors.Is(e.err, cause) || e.result.ExitCode != -1 {
		t.Errorf("got %+v, error %v, want exit code -1 and %v", e.result, e.err, cause)
	}
}

func numbered(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}
