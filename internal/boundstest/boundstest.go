// Package boundstest measures what a piece of a test takes of processors and
// memory. It is for tests only, and only for those that run nothing beside what
// they measure. Start at Measure.
package boundstest

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Variable of the environment asks tests to hold their bounds. They measure, so
// they do not do it beside others.
const Variable = "COURSEWRIGHT_TEST_BOUNDS"

// Asked says whether bounds are to be held.
func Asked() bool { return os.Getenv(Variable) != "" }

// Usage is what something took.
type Usage struct {
	Time   time.Duration // of processors, so that a busy machine does not count
	Memory int           // bytes resident at most, of the whole process
	Growth int           // how much of that was not there before
}

// Within says whether both figures are within those of most.
func (u Usage) Within(most Usage) bool { return u.Time <= most.Time && u.Memory <= most.Memory }

// String shows both figures.
func (u Usage) String() string {
	return u.Time.Round(time.Millisecond).String() + ", " + strconv.Itoa(u.Memory>>20) + " MB"
}

// Measure runs a function, and again when it took more memory than most says:
// garbage of what was before may have been part of it. No other test may run
// meanwhile.
func Measure(tb testing.TB, most Usage, run func()) Usage {
	tb.Helper()
	used := once(tb, run)
	if used.Memory > most.Memory {
		debug.FreeOSMemory()
		used = once(tb, run)
	}
	return used
}

func once(tb testing.TB, run func()) Usage {
	tb.Helper()
	resetMost(tb)
	before, resident := ProcessorTime(tb), MostResident(tb)
	run()
	most := MostResident(tb)
	return Usage{Time: ProcessorTime(tb) - before, Memory: most, Growth: most - resident}
}

// ProcessorTime is what this process has taken so far.
func ProcessorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Forget gives what is garbage back to the system and lets MostResident count from
// here on, for a test that follows others in one process.
func Forget(tb testing.TB) {
	tb.Helper()
	debug.FreeOSMemory()
	resetMost(tb)
}

// resetMost lets the most memory count afresh, see clear_refs in proc(5).
func resetMost(tb testing.TB) {
	tb.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		tb.Fatal(err)
	}
}

// MostResident gives the most memory, in bytes, that this process had so far, or since
// Forget or Measure. The figure of getrusage would be that of the process that started
// it, if that is larger.
func MostResident(tb testing.TB) int {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	_, told, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(told + " ?")[0])
	if err != nil {
		tb.Fatal(err)
	}
	return kilobytes << 10
}
