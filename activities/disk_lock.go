package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

const (
	lockPolled = 50 * time.Millisecond
	// holdWait is how long a start waits for the process before it to end.
	holdWait = 10 * time.Second
)

// HoldDisk makes this process the only one that uses a build folder, which it
// makes when it is missing. Two would mistake each other's builds for their
// own. It waits a while for a process that is just ending.
func HoldDisk(ctx context.Context, path string) (release func() error, err error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("build folder: %w; choose another with BUILD_PATH", err)
	}
	ctx, cancel := context.WithTimeout(ctx, holdWait)
	defer cancel()
	f, err := lockFile(ctx, filepath.Join(path, heldFile))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another coursewright process uses the build folder %s (its process id is in %s); stop it, or give this one a folder of its own with BUILD_PATH",
			path, filepath.Join(path, heldFile))
	case err != nil:
		return nil, fmt.Errorf("build folder: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writeLine(f, strconv.Itoa(os.Getpid()))); err != nil {
		return nil, errors.Join(fmt.Errorf("build folder: %w", err), f.Close())
	}
	return f.Close, nil
}

func writeLine(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text+"\n"), 0)
	return err
}

// Lock makes the caller the only one that works on a course on this disk, and
// marks the course as used now. It is the kernel's lock on an open file, so it
// ends with the process that holds it; the file's existence means nothing. It
// waits until ctx ends: the holder is another try of the same build, whose
// worker Temporal has given up on, or the removal of an old copy.
func (d Disk) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(d.Path, locksDir), 0o755); err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	f, err := lockFile(ctx, d.lockPath(key))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", key, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing ends the lock; nothing was written
}

func (d Disk) lockPath(key string) string { return filepath.Join(d.Path, locksDir, key) }

// errLocked says that another holds a lock.
var errLocked = fmt.Errorf("in use: %w", course.ErrConflict)

// lockFile waits for the kernel's lock on a file, which it makes.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f, err := tryLockFile(path)
		if !errors.Is(err, errLocked) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPolled):
		}
	}
}

// tryLockFile takes the lock, or gives errLocked. A file that was removed
// between its opening and the lock is no lock any more: others make a new one.
func tryLockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		err = errLocked
	}
	if err == nil {
		err = stillThere(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func stillThere(f *os.File) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.Name())
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return errLocked
	}
	return err
}
