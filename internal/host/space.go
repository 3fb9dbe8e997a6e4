package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
)

// spaceInterval is the time between two looks at the free space. One is cheap, and a
// heartbeat may wait for the database for long.
const spaceInterval = time.Second

// shortFile is a file on the build disk whose time of change is when the disk was seen
// last with too little free space. It outlives the process.
const shortFile = ".short-of-space"

// errDisk marks a build disk without the space that builds need.
var errDisk = errors.New("too little free space")

// watchSpace looks at the free space until ctx ends.
func (a *Agent) watchSpace(ctx context.Context) {
	t := time.NewTicker(spaceInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = a.CheckDisk() // trouble is kept, and told by the heartbeats
		}
	}
}

// CheckDisk looks at the build disk and remembers when it had too little free space
// for a build. It gives an error then, which names host and remedy.
func (a *Agent) CheckDisk() error {
	free, _, err := diskSpace(a.cfg.Path)
	if err != nil {
		return err
	}
	trouble, news := a.seeSpace(free)
	if news {
		a.wake()
	}
	if trouble == "" {
		return nil
	}
	a.markShort()
	return fmt.Errorf("build host %s: %w: %s", a.cfg.Name, errDisk, trouble)
}

// seeSpace takes note of the free space and moves the gate. news says that there was enough before.
func (a *Agent) seeSpace(free int64) (trouble string, news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.disk
	a.noteSpace(free)
	a.decide()
	return a.disk, before == "" && a.disk != ""
}

// noteSpace takes note of the free space. The caller holds mu.
func (a *Agent) noteSpace(free int64) {
	if a.disk = a.diskTrouble(free); a.disk != "" {
		a.short = time.Now()
	}
}

// diskTrouble words too little free space, and is empty otherwise.
func (a *Agent) diskTrouble(free int64) string {
	if free >= a.cfg.MinFree {
		return ""
	}
	return fmt.Sprintf("the build disk has %s of free space, less than MIN_FREE_DISK (%s); make room on the file system of %s",
		units.BytesSize(float64(free)), units.BytesSize(float64(a.cfg.MinFree)), a.cfg.Path)
}

// markShort keeps the time for the next process, by the clock of the kernel: that of a
// process may be wrong. Where a full disk has no place for it, only this process knows.
func (a *Agent) markShort() {
	path := filepath.Join(a.cfg.Path, shortFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	_ = f.Close() // nothing was written
	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{now, now}, 0) // as above
}

// DiskWasShort says whether this process saw the disk with too little free space
// since a moment.
func (a *Agent) DiskWasShort(since time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.short.After(since)
}

// DiskWasEverShort is DiskWasShort for any process that had the build disk. The moment
// is of another clock than this process's.
func (a *Agent) DiskWasEverShort(since time.Time) bool {
	info, err := os.Stat(filepath.Join(a.cfg.Path, shortFile))
	return err == nil && info.ModTime().After(since)
}
