package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/boundstest"
	"coursewright/internal/course"
)

// What one hostile course may cost at most when it is tried alone.
const (
	mostHostileMemory = 256 << 20 // that service and test grow by
	mostHostileDisk   = 128 << 20 // left below BUILD_PATH: a course of hostileSize as git's objects and as files
)

// hostileCosts try hostile courses; one after the other when they are measured.
type hostileCosts struct {
	measured bool
	rows     []string
}

// run tries one course.
func (c *hostileCosts) run(t *testing.T, h *harness, name string, tried hostile) {
	t.Helper()
	key := strings.ReplaceAll(name, " ", "-")
	if !c.measured {
		t.Parallel()
		tried.run(t, h, key)
		return
	}
	debug.FreeOSMemory()
	var b course.Build
	used := boundstest.Measure(t, boundstest.Usage{Memory: math.MaxInt}, func() { b = tried.run(t, h, key) })
	if b.StartedAt.IsZero() || b.FinishedAt.IsZero() {
		return // skipped or reported
	}
	left := diskUse(t, filepath.Join(h.system.settings.BuildPath, key))
	c.rows = append(c.rows, fmt.Sprintf("%-24s %-8s %9s %9s %6d MB %6d MB", name, b.Status, b.FinishedAt.Sub(b.StartedAt).Round(time.Millisecond),
		used.Time.Round(time.Millisecond), used.Growth>>20, left>>20))
	if used.Growth > mostHostileMemory {
		t.Errorf("the service grew by %d MB", used.Growth>>20)
	}
	if left > mostHostileDisk {
		t.Errorf("%d MB are left of it below BUILD_PATH", left>>20)
	}
	for _, dir := range []string{".staging", key} {
		names, err := os.ReadDir(filepath.Join(h.system.settings.StorePath, dir))
		if b.Status != course.StatusSuccess && len(names) > 0 {
			t.Errorf("of a refused course %s of the store has %v, %v", dir, names, err)
		}
	}
}

// table is what they have cost; empty unless they were measured.
func (c *hostileCosts) table() string {
	if len(c.rows) == 0 {
		return ""
	}
	slices.Sort(c.rows)
	return fmt.Sprintf("P7: %d hostile courses\n%-24s %-8s %9s %9s %9s %9s\n%s", len(c.rows),
		"course", "ended", "took", "processor", "memory", "left", strings.Join(c.rows, "\n"))
}

// diskUse is how many bytes of disk the files below a folder take, as du counts them;
// none where there is no folder.
func diskUse(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // cleaning goes on when the build is final
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			const block = 512 // of st_blocks, whatever the file system's is
			bytes += stat.Blocks * block
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
