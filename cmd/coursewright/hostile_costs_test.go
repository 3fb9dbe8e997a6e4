package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/boundstest"
	"coursewright/internal/course"
)

// What one hostile course may cost at most. What it costs the service is held when
// nothing runs beside it, and what its own folders and processes take always.
const (
	mostHostileGrowth     = 256 << 20        // of memory, that service and test grow by
	mostHostileDisk       = 128 << 20        // below BUILD_PATH at any time: a course of hostileSize as git's objects and as files
	mostHostileMemory     = 256 << 20        // of git and build commands, at any time
	mostHostileProcessors = time.Minute      // of the service, and of git and build commands
	hostileTimeout        = 90 * time.Second // of a build command; the whole build has twice that
)

// hostileCosts try hostile courses; one after the other when they are measured.
type hostileCosts struct {
	measured bool

	mu   sync.Mutex
	rows []string
}

// run tries one course.
func (c *hostileCosts) run(t *testing.T, h *harness, name string, tried hostile) {
	t.Helper()
	key := strings.ReplaceAll(name, " ", "-")
	var b course.Build
	var used boundstest.Usage
	var most hostileCost
	try := func() { most = watchedCost(t, h.system.settings.BuildPath, key, func() { b = tried.run(t, h, key) }) }
	if c.measured {
		debug.FreeOSMemory()
		used = boundstest.Measure(t, boundstest.Usage{Memory: math.MaxInt}, try)
	} else {
		t.Parallel()
		try()
	}
	if b.StartedAt.IsZero() || b.FinishedAt.IsZero() {
		return // skipped or reported
	}
	took, left := b.FinishedAt.Sub(b.StartedAt), hostileDisk(h.system.settings.BuildPath, key)
	c.mu.Lock()
	c.rows = append(c.rows, fmt.Sprintf("%-24s %-8s %9s %9s %6d MB %9s %6d MB %6d MB %6d MB", name, b.Status, took.Round(time.Millisecond),
		used.Time.Round(time.Millisecond), used.Growth>>20, most.processors, most.memory>>20, most.disk>>20, left>>20))
	c.mu.Unlock()
	for _, problem := range most.problems() {
		t.Error(problem)
	}
	if used.Time > mostHostileProcessors {
		t.Errorf("the service took %s of processors, more than %s", used.Time, mostHostileProcessors)
	}
	if used.Growth > mostHostileGrowth {
		t.Errorf("the service grew by %d MB, more than %d", used.Growth>>20, mostHostileGrowth>>20)
	}
	if b.Status != course.StatusSuccess {
		c.checkStore(t, h, key)
	}
}

// checkStore looks what is left of a refused course in the store.
func (c *hostileCosts) checkStore(t *testing.T, h *harness, key string) {
	t.Helper()
	for _, dir := range []string{".staging", key} {
		names, err := os.ReadDir(filepath.Join(h.system.settings.StorePath, dir))
		if dir == ".staging" && !c.measured {
			continue // others are staged there
		}
		if len(names) > 0 {
			t.Errorf("of a refused course %s of the store has %v, %v", dir, names, err)
		}
	}
}

// table is what they have cost. Without measuring it tells nothing of the service.
func (c *hostileCosts) table() string {
	slices.Sort(c.rows)
	return fmt.Sprintf("P7: %d hostile courses\n%-24s %-8s %9s %9s %9s %9s %9s %9s %9s\n%s", len(c.rows),
		"course", "ended", "took", "service's", "memory", "commands'", "memory", "disk", "left", strings.Join(c.rows, "\n"))
}

// hostileCost is what the folders and processes of one course took at most, as far as
// looks at them have seen.
type hostileCost struct {
	disk, memory int64
	processors   time.Duration
}

// problems are what goes beyond the bounds.
func (c hostileCost) problems() (out []string) {
	if c.disk > mostHostileDisk {
		out = append(out, fmt.Sprintf("it took %d MB below BUILD_PATH, more than %d", c.disk>>20, mostHostileDisk>>20))
	}
	if c.memory > mostHostileMemory {
		out = append(out, fmt.Sprintf("its commands took %d MB of memory, more than %d", c.memory>>20, mostHostileMemory>>20))
	}
	if c.processors > mostHostileProcessors {
		out = append(out, fmt.Sprintf("its commands took %s of processors, more than %s", c.processors, mostHostileProcessors))
	}
	return out
}

// watchedCost looks again and again what a course takes while something runs.
func watchedCost(t *testing.T, buildPath, key string, run func()) (most hostileCost) {
	t.Helper()
	buildPath, err := filepath.EvalSymlinks(buildPath)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	times, ended := map[int]time.Duration{}, make(chan struct{})
	go func() {
		defer close(ended)
		for began := time.Now(); ; began = time.Now() {
			most.disk = max(most.disk, hostileDisk(buildPath, key))
			most.memory = max(most.memory, hostileProcesses(buildPath, key, times))
			// A large folder is not looked at all the time.
			if pause(ctx, max(50*time.Millisecond, 20*time.Since(began))) != nil {
				return
			}
		}
	}()
	defer func() {
		cancel()
		<-ended
		most.disk = max(most.disk, hostileDisk(buildPath, key))
		for _, of := range times {
			most.processors += of
		}
	}()
	run()
	return most
}

// ofHostile says whether a path is the working copy of a course, or a clone that
// becomes it, or something in them.
func ofHostile(buildPath, key, path string) bool {
	inside, ok := strings.CutPrefix(path, buildPath+"/")
	first, _, _ := strings.Cut(inside, "/")
	return ok && (first == key || strings.HasPrefix(first, "."+key+".clone-"))
}

// hostileDisk is how many bytes of disk the files of a course take below BUILD_PATH,
// as du counts them. They come and go meanwhile.
func hostileDisk(buildPath, key string) (bytes int64) {
	names, _ := os.ReadDir(buildPath) // what is not there takes nothing, here and below
	for _, name := range names {
		top := filepath.Join(buildPath, name.Name())
		if !ofHostile(buildPath, key, top) {
			continue
		}
		_ = filepath.WalkDir(top, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // as above
			}
			info, err := d.Info()
			if err != nil {
				return nil //nolint:nilerr // as above
			}
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				const block = 512 // of st_blocks, whatever the file system's is
				bytes += stat.Blocks * block
			}
			return nil
		})
	}
	return bytes
}

// hostileProcesses is how many bytes of memory the processes that work in the folders
// of a course have had together at most, and puts into times what each has taken of
// processors. They come and go meanwhile.
func hostileProcesses(buildPath, key string, times map[int]time.Duration) (bytes int64) {
	self, _ := os.Readlink("/proc/self/exe")
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range folders {
		cwd, err := os.Readlink(proc + "/cwd")
		if err != nil || !ofHostile(buildPath, key, cwd) {
			continue
		}
		// A child that has not begun its program yet still has the memory of this one.
		if exe, err := os.Readlink(proc + "/exe"); err != nil || exe == self {
			continue
		}
		bytes += int64(mostResidentOf(proc)) << 10
		pid, took := processorTimeOf(proc)
		times[pid] = max(times[pid], took)
	}
	return bytes
}

// mostResidentOf is the most memory, in kilobytes, that a process has had.
func mostResidentOf(proc string) (kilobytes int) {
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return 0 // it has ended
	}
	_, told, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(told, &kilobytes) // one that is ending has none
	return kilobytes
}

// processorTimeOf is what a process has taken of processors so far, see proc(5).
func processorTimeOf(proc string) (pid int, took time.Duration) {
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return 0, 0 // it has ended
	}
	_, _ = fmt.Sscan(string(stat), &pid)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from the state on
	const utime, stime = 11, 12
	if len(fields) <= stime {
		return pid, 0
	}
	for _, field := range []string{fields[utime], fields[stime]} {
		const ticks = 100 // a second, on every Linux
		var n int64
		_, _ = fmt.Sscan(field, &n) // the kernel writes numbers
		took += time.Duration(n) * time.Second / ticks
	}
	return pid, took
}

// Files and processes of a course are seen, others are not, and too much is told.
func TestHostileCostsAreSeen(t *testing.T) {
	t.Parallel()
	buildPath, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, name := range []string{"course/sub", ".course.clone-1", "course2"} {
		must(t, os.MkdirAll(filepath.Join(buildPath, name), 0o755))
	}
	times := map[int]time.Duration{}
	started := func(folder string) {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "cat") // it is ended below
		cmd.Dir = filepath.Join(buildPath, folder)
		in, err := cmd.StdinPipe()
		must(t, err)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() { must(t, errors.Join(in.Close(), cmd.Wait())) })
		_, err = in.Write([]byte("x"))
		must(t, err)
		_, err = out.Read(make([]byte, 1)) // now it is cat that runs
		must(t, err)
	}
	started("course2")
	if got := hostileProcesses(buildPath, "course", times); got != 0 || len(times) != 0 {
		t.Errorf("of another course's process %d bytes are seen, %v", got, times)
	}
	started("course/sub")
	if got := hostileProcesses(buildPath, "course", times); got < 100<<10 || len(times) != 1 {
		t.Errorf("of a process %d bytes are seen, %v", got, times)
	}
	const some = 3 << 20
	most := watchedCost(t, buildPath, "course", func() {
		for _, name := range []string{"course/sub/f", ".course.clone-1/f", "course2/f"} {
			must(t, os.WriteFile(filepath.Join(buildPath, name), []byte(noise(some)), 0o600))
		}
	})
	if most.disk < 2*some || most.disk > 5*some/2 {
		t.Errorf("of twice %d bytes on disk %d are seen", some, most.disk)
	}
	if got := (hostileCost{mostHostileDisk + 1, mostHostileMemory + 1, mostHostileProcessors + 1}).problems(); len(got) != 3 {
		t.Errorf("too much of everything is told as %q", got)
	}
}
