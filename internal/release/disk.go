package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// disk does every change to the folders, so that a test can make any of them
// the last one that happens, and reads them, so that it can make any read fail.
type disk struct {
	// fault, set by tests only, is asked before every change and, with the
	// operation "read", before every read. Its error is that of the system; where
	// all that follow fail as well, the process has died there.
	fault func(op, path string) error
}

func (k *disk) step(op, path string) error {
	if k.fault == nil {
		return nil
	}
	return k.fault(op, path)
}

// stepIn is step for a name in a folder; the two are joined for tests only.
func (k *disk) stepIn(op, dir, name string) error {
	if k.fault == nil {
		return nil
	}
	return k.fault(op, filepath.Join(dir, name))
}

// reading is step for everything that changes nothing, locks included.
func (k *disk) reading(path string) error { return k.step("read", path) }

func (k *disk) readingIn(dir, name string) error { return k.stepIn("read", dir, name) }

func (k *disk) readFile(path string) ([]byte, error) {
	if err := k.reading(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (k *disk) lstat(path string) (os.FileInfo, error) {
	if err := k.reading(path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// inode is lstat for those who need to know how many names a file has.
func (k *disk) inode(path string) (st unix.Stat_t, err error) {
	if err := k.reading(path); err != nil {
		return st, err
	}
	if err := unix.Lstat(path, &st); err != nil {
		return st, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st, nil
}

// open opens a folder.
func (k *disk) open(path string) (*os.File, error) {
	if err := k.reading(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (k *disk) openRoot(path string) (*os.Root, error) {
	if err := k.reading(path); err != nil {
		return nil, err
	}
	return os.OpenRoot(path)
}

// readLink gives "" for what does not exist or is no link. It is os.Readlink
// with less ado, for the links that every request reads.
func (k *disk) readLink(path string) (string, error) {
	var target [256]byte // the links of this package are shorter
	n, err := 0, k.reading(path)
	for again := err == nil; again; again = errors.Is(err, unix.EINTR) {
		n, err = unix.Readlink(path, target[:])
	}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return "", nil
	case err != nil:
		return "", &fs.PathError{Op: "readlink", Path: path, Err: err}
	case n == len(target):
		return os.Readlink(path)
	}
	return string(target[:n]), nil
}

// readNames lists a folder; one that does not exist, or is removed meanwhile,
// is empty.
func (k *disk) readNames(dir string) (names []string, err error) {
	f, err := k.open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err = k.reading(dir); err == nil {
		names, err = f.Readdirnames(-1)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return names, err
}

// mkdirAll makes a folder and those above it, as far as they are missing.
func (k *disk) mkdirAll(path string) error {
	if err := k.step("mkdir all", path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o775)
}

func (k *disk) mkdir(path string) error {
	if err := k.step("mkdir", path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o775)
}

// ensureDir makes one folder below an existing one and says whether it is new.
func (k *disk) ensureDir(path string) (made bool, err error) {
	err = k.mkdir(path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func (k *disk) rename(from, to string) error {
	if err := k.step("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (k *disk) link(from, to string) error {
	if err := k.step("link", to); err != nil {
		return err
	}
	return os.Link(from, to)
}

func (k *disk) symlink(target, path string) error {
	if err := k.step("symlink", path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// remove deletes one name; that it is gone already is no error.
func (k *disk) remove(path string) error {
	if err := k.step("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (k *disk) removeAll(path string) error {
	if err := k.step("remove all", path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// write makes a file and flushes it.
func (k *disk) write(path string, data []byte) (err error) {
	if err := k.step("write", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o664)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close(f, path)) }()
	if err := k.step("fill", path); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	// A test that lets this step fail leaves half of the data behind.
	if err := k.step("filled", path); err != nil {
		return err
	}
	if err := k.step("sync", path); err != nil {
		return err
	}
	return f.Sync()
}

// close closes a file that was written. Network file systems tell only then
// that the disk is full.
func (k *disk) close(f *os.File, path string) error {
	return errors.Join(k.step("close", path), f.Close())
}

// replace gives path new contents in one step. They are written to tmp first.
func (k *disk) replace(path, tmp string, data []byte) error {
	err := k.write(tmp, data)
	if err == nil {
		err = k.rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, k.remove(tmp))
	}
	return nil
}

// mark makes an empty file whose time carries a fact.
func (k *disk) mark(path string, at time.Time) error {
	if err := k.step("mark", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o664)
	if err != nil {
		return err
	}
	if err := k.close(f, path); err != nil {
		return err
	}
	return k.date(path, at)
}

func (k *disk) date(path string, at time.Time) error {
	if err := k.step("date", path); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

// markPublished notes when a release was published. The empty file for it was
// made by Stage: making one in a request can cost more than all the rest.
func (k *disk) markPublished(dir string, at time.Time) error {
	path := filepath.Join(dir, publishedName)
	err := k.rename(filepath.Join(dir, unpublishedName), path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return k.mark(path, at)
}

// sync flushes a file or folder.
func (k *disk) sync(path string) error {
	if err := k.step("sync", path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// switchLink makes path a symbolic link to target in one step, whatever path
// was before. A folder in its place, as gitmanager leaves, is exchanged with
// the link and then moved to trash.
func (k *disk) switchLink(path, target, trash string) error {
	if now, err := k.readLink(path); err != nil || now == target {
		return err
	}
	tmp := tempBeside(path)
	if err := k.symlink(target, tmp); err != nil {
		return err
	}
	return k.put(tmp, path, trash)
}

// put renames tmp to path in one step. A folder that is there already is exchanged
// with it and then moved to trash.
func (k *disk) put(tmp, path, trash string) error {
	err := k.rename(tmp, path)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := k.step("exchange", path); err != nil {
		return err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s: %w", path, err)
	}
	err = k.toTrash(tmp, trash)
	if !errors.Is(err, unix.EXDEV) {
		return err
	}
	// Nothing of the folder may go before its name has gone for good.
	if err := k.sync(filepath.Dir(path)); err != nil {
		return err
	}
	return k.removeAll(tmp)
}

// toTrash takes a file or folder out of sight in one step; it is deleted later.
func (k *disk) toTrash(path, trash string) error {
	err := k.rename(path, filepath.Join(trash, filepath.Base(path)+"."+course.NewVersion()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// lock waits for the kernel's lock on a file and returns what releases it. The
// file is never removed: whoever waits for it would then hold a lock that
// nobody else sees.
func (k *disk) lock(ctx context.Context, path string) (func(), error) {
	f, err := k.openLock(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", filepath.Base(path), err)
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		took, err := k.tryLock(f, path)
		if took {
			// Closing releases the lock; there is nothing to do about an error.
			return func() { _ = f.Close() }, nil
		}
		if err == nil {
			err = pause(ctx, wait)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", filepath.Base(path), err), f.Close())
		}
	}
}

func (k *disk) openLock(path string) (*os.File, error) {
	if err := k.reading(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o664)
}

// tryLock takes the kernel's lock on an open file unless somebody else has it.
func (k *disk) tryLock(f *os.File, path string) (took bool, err error) {
	if err = k.reading(path); err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func tempBeside(path string) string {
	return filepath.Join(filepath.Dir(path), tempPrefix+course.NewVersion())
}

// syncAll flushes the file system that path is on.
func (k *disk) syncAll(path string) error {
	if err := k.step("sync all", path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
