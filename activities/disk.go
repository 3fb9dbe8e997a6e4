package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// Disk is the build disk of one host: a folder with a working copy for each
// course.
type Disk struct {
	Path string // BUILD_PATH, absolute
}

// Names of the service's own files on a build disk. Course keys have no dots.
const (
	hostFile   = ".host"
	locksDir   = ".locks"
	cachesDir  = ".caches"
	lockPolled = 50 * time.Millisecond
)

// OpenDisk opens a build disk, making the folder and its id when they are
// missing. The id names the disk, not the machine: a new or wiped disk is a new
// host.
func OpenDisk(path string) (Disk, string, error) {
	for _, dir := range []string{path, filepath.Join(path, locksDir), filepath.Join(path, cachesDir)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Disk{}, "", fmt.Errorf("build folder: %w; choose another with BUILD_PATH", err)
		}
	}
	file := filepath.Join(path, hostFile)
	id, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		id, err = newHostID(path, file)
	}
	if err != nil {
		return Disk{}, "", fmt.Errorf("build folder: %w", err)
	}
	if !course.ValidVersion(string(id)) {
		return Disk{}, "", fmt.Errorf("build folder: %s is damaged; remove it, the folder counts as a new host then", file)
	}
	return Disk{Path: path}, string(id), nil
}

// newHostID makes the id's file whole or not at all; of two processes the first
// wins.
func newHostID(dir, file string) ([]byte, error) {
	tmp, err := os.CreateTemp(dir, hostFile+"-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // a leftover has another name and does no harm
	_, err = tmp.WriteString(course.NewVersion())
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return os.ReadFile(file)
}

// Course is the folder of a course's working copy.
func (d Disk) Course(key string) string { return filepath.Join(d.Path, key) }

// Cache is the file that remembers the hashes of a course's files.
func (d Disk) Cache(key string) string { return filepath.Join(d.Path, cachesDir, key) }

// Lock makes the caller the only one that works on a course on this disk. It is
// the kernel's lock on an open file, so it ends with the process that holds it;
// the file's existence means nothing. It waits until ctx ends: the holder is
// another try of the same build, whose worker Temporal has given up on.
func (d Disk) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(d.Path, locksDir), 0o755); err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	f, err := os.OpenFile(filepath.Join(d.Path, locksDir, key), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing ends the lock; nothing was written
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", key, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", key, ctx.Err()), f.Close())
		case <-time.After(lockPolled):
		}
	}
}

// Remove removes a course's working copy and cache.
func (d Disk) Remove(key string) error {
	if !course.ValidKey(key) {
		return fmt.Errorf("remove %q: %w", key, course.ErrInvalid)
	}
	if err := removeTree(d.Course(key)); err != nil {
		return err
	}
	return removeTree(d.Cache(key))
}
