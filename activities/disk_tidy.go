package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coursewright/internal/course"
)

// openLimit bounds the builds that are looked at before a copy is removed.
const openLimit = 10_000

// Tidier removes working copies that no build uses from a build disk: those
// that were not used for long, and while space is short the others, oldest
// first. Unfinished ones it removes at once.
type Tidier struct {
	Disk  Disk
	Store interface {
		OpenBuilds(ctx context.Context, limit int) ([]course.Build, error)
	}
	// Clear ends what still runs of a course on this disk: a build that was ended
	// while its worker was away leaves its container for a while. nil: nothing can.
	Clear func(ctx context.Context, courseKey string) error
	Keep  time.Duration // without use; 0: for ever
	Short func() error  // nil while the disk has space enough
	Log   *slog.Logger
}

// copyOnDisk is what the disk holds of a course.
type copyOnDisk struct {
	key        string
	used       time.Time
	unfinished []string // paths of clones that have not become the copy
}

// Tidy looks once. It goes on past copies that cannot be removed. A copy is
// never removed while its course's lock is held or a build of it runs, as
// between two steps of a build.
func (t *Tidier) Tidy(ctx context.Context, now time.Time) error {
	copies, err := t.Disk.copies()
	if err != nil {
		return err
	}
	var failures []error
	for _, c := range copies {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := t.removeUnfinished(c); err != nil {
			failures = append(failures, err)
		}
		why := ""
		if t.Keep > 0 && now.Sub(c.used) > t.Keep {
			why = "not used for long"
		} else if t.Short() != nil {
			why = "the disk is short of space"
		} else {
			continue
		}
		removed, err := t.remove(ctx, c)
		if err != nil {
			failures = append(failures, err)
		}
		if removed {
			t.Log.Info("removed a working copy", "course", c.key, "used", c.used.UTC(), "reason", why)
		}
	}
	return errors.Join(failures...)
}

// removeUnfinished removes what a process that died has left of a clone. The course
// may never be built on this disk again. A clone is under way only while its
// course's lock is held.
func (t *Tidier) removeUnfinished(c copyOnDisk) error {
	if len(c.unfinished) == 0 {
		return nil
	}
	lock, err := tryLockFile(t.Disk.lockPath(c.key))
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", c.key, err)
	}
	var failures []error
	for _, path := range c.unfinished {
		failures = append(failures, removeTree(path))
	}
	return errors.Join(append(failures, lock.Close())...)
}

// remove removes a copy unless it is in use.
func (t *Tidier) remove(ctx context.Context, c copyOnDisk) (removed bool, err error) {
	lock, err := tryLockFile(t.Disk.lockPath(c.key))
	if errors.Is(err, errLocked) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", c.key, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	// With the lock held no build can begin its checkout here: one that is not
	// RUNNING by now will find no copy and clone.
	open, err := t.Store.OpenBuilds(ctx, openLimit)
	if err != nil {
		return false, err
	}
	runs := func(b course.Build) bool { return b.CourseKey == c.key && b.Status == course.StatusRunning }
	if len(open) == openLimit || slices.ContainsFunc(open, runs) {
		return false, nil
	}
	if t.Clear != nil {
		if err := t.Clear(ctx, c.key); err != nil {
			return false, fmt.Errorf("before the working copy is removed: %w", err)
		}
	}
	if err := t.Disk.Remove(c.key); err != nil {
		return false, err
	}
	return true, os.Remove(lock.Name()) // held: whoever waits for it makes a new one
}

// copies lists what the disk holds, longest unused first. Only courses with a
// lock count: what else lies in the folder is not the service's.
func (d Disk) copies() ([]copyOnDisk, error) {
	used, unfinished := map[string]time.Time{}, map[string][]string{}
	locks, err := os.ReadDir(filepath.Join(d.Path, locksDir))
	if err != nil {
		return nil, fmt.Errorf("build folder: %w", err)
	}
	for _, l := range locks {
		if course.ValidKey(l.Name()) {
			used[l.Name()] = time.Time{}
		}
	}
	for _, dir := range []string{d.Path, filepath.Join(d.Path, locksDir), filepath.Join(d.Path, cachesDir)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("build folder: %w", err)
		}
		for _, e := range entries {
			key := ownerOf(e.Name())
			info, err := e.Info()
			if _, ours := used[key]; !ours || errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("build folder: %w", err)
			}
			if info.ModTime().After(used[key]) {
				used[key] = info.ModTime()
			}
			if dir == d.Path && strings.HasPrefix(e.Name(), ".") {
				unfinished[key] = append(unfinished[key], filepath.Join(dir, e.Name()))
			}
		}
	}
	out := make([]copyOnDisk, 0, len(used))
	for key, at := range used {
		out = append(out, copyOnDisk{key: key, used: at, unfinished: unfinished[key]})
	}
	slices.SortFunc(out, func(a, b copyOnDisk) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.key, b.key))
	})
	return out, nil
}

// ownerOf is the course that a file of the disk belongs to, by its name: KEY,
// KEY.SOMETHING, or .KEY.SOMETHING, where a clone began. Empty: none.
func ownerOf(name string) string {
	key, _, _ := strings.Cut(strings.TrimPrefix(name, "."), ".")
	if !course.ValidKey(key) || name == "."+key {
		return ""
	}
	return key
}

// Remove removes all that the disk holds of a course but its lock.
func (d Disk) Remove(key string) error {
	if !course.ValidKey(key) {
		return fmt.Errorf("remove %q: %w", key, course.ErrInvalid)
	}
	var failures []error
	for _, dir := range []string{d.Path, filepath.Join(d.Path, cachesDir)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("build folder: %w", err)
		}
		for _, e := range entries {
			if ownerOf(e.Name()) == key {
				failures = append(failures, removeTree(filepath.Join(dir, e.Name())))
			}
		}
	}
	return errors.Join(failures...)
}

// WipeDisk empties a build folder that the caller holds, and gives the id that
// the disk had, empty for none. The disk is a new host afterwards. A folder
// that is neither empty nor a build folder is refused. before is called with the
// id, if the disk had one, before anything is removed; its error ends the wipe.
func WipeDisk(path string, before func(id string) error) (id string, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", fmt.Errorf("wipe the build folder: %w", err)
	}
	old, err := os.ReadFile(filepath.Join(path, hostFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("wipe the build folder: %w", err)
	}
	others := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != heldFile })
	if err != nil && others {
		return "", fmt.Errorf("the folder %s is not wiped: it has no file %s, so it does not look like a build folder; correct BUILD_PATH, or empty it by hand",
			path, hostFile)
	}
	id = strings.TrimSpace(string(old))
	if id != "" {
		if err := before(id); err != nil {
			return "", fmt.Errorf("wipe the build folder: %w", err)
		}
	}
	if err := renewHostID(path); err != nil {
		return "", fmt.Errorf("wipe the build folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() == heldFile || e.Name() == hostFile {
			continue
		}
		if err := removeTree(filepath.Join(path, e.Name())); err != nil {
			return "", fmt.Errorf("wipe the build folder: %w", err)
		}
	}
	return id, nil
}
