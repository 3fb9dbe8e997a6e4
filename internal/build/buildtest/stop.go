package buildtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var errSuperseded = errors.New("superseded")

// testCancel cancels one of two builds, which share nothing but the builder.
func testCancel(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exec 3>alive\nsleep 600 &\necho ready\nsleep 600\n")
	other := newTrial(t, s, "echo ready\nuntil [ -e seen ]; do sleep 0.02; done\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done, otherDone := tr.start(ctx, t), other.start(t.Context(), t)
	tr.output.waitFor(t, "ready\n")
	other.output.waitFor(t, "ready\n")
	cancel(errSuperseded)
	wantCancelled(t, done, errSuperseded)
	tr.wantAllGone(t)
	if err := os.WriteFile(filepath.Join(other.request.Dir, "seen"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantSuccess(t, await(t, otherDone), other.output)
}

func testCancelStubborn(t *testing.T, s Setup) {
	t.Helper()
	cancelStubborn(t, s)
}

// stubborn ignores signals and hides processes in sessions of their own.
const stubborn = `
exec 3>alive
trap '' TERM INT HUP
setsid sh -c 'trap "" TERM; echo hidden; sleep 600; sleep 600' &
(setsid sh -c 'sleep 600 & echo orphan') &
sleep 600
sleep 600
`

// cancelStubborn cancels a stubborn build and says how long it took to stop.
func cancelStubborn(t testing.TB, s Setup) time.Duration {
	t.Helper()
	tr := newTrial(t, s, stubborn)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := tr.start(ctx, t)
	tr.output.waitFor(t, "hidden\n")
	tr.output.waitFor(t, "orphan\n")
	began := time.Now()
	cancel()
	wantCancelled(t, done, context.Canceled)
	took := time.Since(began)
	tr.wantAllGone(t)
	return took
}

// stopTime is how long a builder may take to stop a cancelled build, by the design.
const stopTime = 5 * time.Second

// BenchmarkStop measures how long a builder takes to stop a cancelled build that
// ignores signals: the median in milliseconds, and its share of the 5 seconds that
// the design gives it.
func BenchmarkStop(b *testing.B, s Setup) {
	b.Helper()
	const rounds = 5
	var all []time.Duration
	for b.Loop() {
		for range rounds {
			all = append(all, cancelStubborn(b, s))
		}
	}
	slices.Sort(all)
	median := all[len(all)/2]
	b.ReportMetric(float64(median.Milliseconds()), "stop-ms")
	b.ReportMetric(float64(median)/float64(stopTime), "stop/limit")
}

func testCancelledBefore(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "touch ran\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCancelled(t, tr.start(ctx, t), context.Canceled)
	if _, err := os.Stat(filepath.Join(tr.request.Dir, "ran")); err == nil {
		t.Error("a build ran although it was cancelled before")
	}
}

func testTimeOut(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exec 3>alive\nsleep 600 &\nsleep 600\n")
	tr.request.Timeout = 2 * time.Second
	e := tr.run(t)
	wantAuthorError(t, e, "2s")
	if e.result.ExitCode != -1 {
		t.Errorf("exit code %d, want -1", e.result.ExitCode)
	}
	tr.wantAllGone(t)
}

// testBackground leaves processes behind that hold the output open.
func testBackground(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "exec 3>alive\nsleep 600 &\nsetsid sleep 600 &\necho end\n")
	done := tr.start(t.Context(), t)
	tr.output.waitFor(t, "end\n")
	wantSuccess(t, await(t, done), tr.output)
	tr.wantAllGone(t)
}

// testSlowLog ends long before the log has taken all.
func testSlowLog(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "i=0\nwhile [ $i -lt 6000 ]; do echo \"line $i\"; i=$((i + 1)); done\n")
	log := &slow{recorder: recorder{news: make(chan struct{}, 1)}, pause: 800 * time.Millisecond}
	tr.request.Output = log
	wantSuccess(t, tr.run(t), &log.recorder)
	if !strings.Contains(log.text(), numbered(6000)) {
		t.Errorf("of 6000 lines, %d bytes arrived", len(log.text()))
	}
}

// testLateOutput prints a lot right before the end: nothing of it may be lost.
func testLateOutput(t *testing.T, s Setup) {
	t.Helper()
	tr := newTrial(t, s, "i=0\nwhile [ $i -lt 20000 ]; do echo \"line $i\"; i=$((i + 1)); done\n")
	wantSuccess(t, tr.run(t), tr.output)
	if !strings.Contains(tr.output.text(), numbered(20000)) {
		t.Errorf("of 20000 lines, %d bytes arrived", len(tr.output.text()))
	}
}
