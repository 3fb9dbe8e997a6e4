package courseconfig_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"coursewright/internal/boundstest"
	"coursewright/internal/courseconfig"
)

// worst makes courses that are as laborious as can be for their size, which it
// is, in bytes and about.
type worst int

// The sizes of worst courses: small enough for the tests to stay fast and large
// enough for quadratic work to show, and what the promise of bounds is about.
const (
	smallWorst worst = 100_000
	fullWorst  worst = 1_000_000
)

// fill repeats a piece up to the size.
func (w worst) fill(piece string) string { return strings.Repeat(piece, int(w)/len(piece)) }

// countUp writes numbered pieces up to the size; format has one verb for the
// number.
func (w worst) countUp(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < int(w); i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// maxWorstAllocation bounds what a check of one worst course allocates in all,
// in bytes: 4,000 for each byte of the course. What it holds at a time is far
// less.
const maxWorstAllocation = 4_000 * int(smallWorst)

// TestWorst checks courses that are as laborious as can be for their size.
func TestWorst(t *testing.T) { //nolint:paralleltest // counts all allocations of the program
	for name, files := range smallWorst.courses() {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the same
			dir := courseFolder(t, files)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			everything(t, dir)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > uint64(maxWorstAllocation) {
				t.Errorf("%d bytes", used)
			}
		})
	}
}

// everything makes of a course what a build and the commands make of it.
func everything(tb testing.TB, dir string) {
	tb.Helper()
	c, report, err := courseconfig.Load(tb.Context(), dir, courseconfig.Settings{Key: "c", DefaultGraderURL: "http://g.example/", StaticContentHost: "http://s.example"})
	if err != nil {
		tb.Fatal(err)
	}
	report.Text(dir)
	if _, err := report.JSON(); err != nil {
		tb.Fatal(err)
	}
	if c == nil {
		return
	}
	c.Configures()
	if _, err := c.Compiled(); err != nil {
		tb.Fatal(err)
	}
	if _, err := c.Export("http://gm.example", nil); err != nil {
		tb.Fatal(err)
	}
}

// worstUsage is the promise for courses of up to fullWorst bytes.
var worstUsage = boundstest.Usage{Time: time.Second, Memory: 256 << 20}

// Variables of the environment for the children that load one course.
const (
	boundsCourse  = "COURSEWRIGHT_TEST_BOUNDS_COURSE"  // folder of the course
	boundsProgram = "COURSEWRIGHT_TEST_BOUNDS_PROGRAM" // the children's program; unset: the test's own
)

// TestBounds holds worst courses of the full size to the promised time and
// memory, each in a process of its own.
func TestBounds(t *testing.T) { //nolint:paralleltest // measures time
	if !boundstest.Asked() {
		t.Skip(boundstest.Variable + " is not set")
	}
	for name, files := range fullWorst.courses() {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the same
			used := measured(t, courseFolder(t, files))
			t.Log(used)
			if !used.Within(worstUsage) {
				t.Errorf("more than %s", worstUsage)
			}
		})
	}
}

// measured loads a course in a process of its own.
func measured(t *testing.T, dir string) boundstest.Usage {
	t.Helper()
	const hangs = time.Minute // on the clock, while the bound is time of processors: the machine may be busy
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv(boundsProgram), os.Args[0]), "-test.run=^TestBoundsChild$", "-test.v")
	cmd.Env = append(os.Environ(), boundsCourse+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	_, told, _ := strings.Cut(string(out), childTells)
	bytes, err := strconv.Atoi(strings.Fields(told + " ?")[0])
	if err != nil {
		t.Fatalf("the child told no memory: %s", out)
	}
	return boundstest.Usage{Time: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Memory: bytes}
}

// childTells begins what the child tells about its memory.
const childTells = "bytes resident: "

// TestBoundsChild is the process that TestBounds measures.
func TestBoundsChild(t *testing.T) { //nolint:paralleltest // alone in its process
	dir := os.Getenv(boundsCourse)
	if dir == "" {
		t.Skip(boundsCourse + " is not set")
	}
	everything(t, dir)
	t.Log(childTells + strconv.Itoa(boundstest.MostResident(t)))
}
