package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"coursewright/internal/course"
)

// copyTree makes to a copy of the folder from: links are kept as links, nothing
// of an earlier to is left. The new copy is made aside and put in place by a
// rename, so that a crash leaves the old or the new one.
func copyTree(ctx context.Context, from, to string) error {
	name := filepath.Base(from)
	from, err := filepath.EvalSymlinks(from) // a link stands for the folder it leads to
	if errors.Is(err, os.ErrNotExist) {
		return course.Authorf("the local source folder has no folder %s", name)
	}
	if err != nil {
		return fmt.Errorf("local source folder: %w", err)
	}
	tmp := to + ".copying"
	if err := removeTree(tmp); err != nil {
		return err
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(path, filepath.Join(tmp, rel), d)
	})
	if err != nil {
		return fmt.Errorf("copy the local source: %w", err)
	}
	if err := removeTree(to); err != nil {
		return err
	}
	return os.Rename(tmp, to)
}

func copyEntry(from, to string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	switch {
	case d.IsDir():
		return os.MkdirAll(to, info.Mode().Perm()|0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.Mode().IsRegular():
		return copyFile(from, to, info)
	default:
		return course.Authorf("%s is neither a file, a folder nor a link; remove it from the source", from)
	}
}

func copyFile(from, to string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// removeTree removes a folder, also one whose folders a build has made
// read-only.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if err == nil {
		return nil
	}
	walkErr := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return errors.Join(os.Chmod(p, 0o700))
		}
		return err
	})
	if walkErr != nil && !errors.Is(walkErr, os.ErrNotExist) {
		return errors.Join(err, walkErr)
	}
	return os.RemoveAll(path)
}
