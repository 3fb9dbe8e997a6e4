package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// probes are the files by which processes see whether they can write.
const probes = ".health-*"

// writable makes and removes a file in a folder. It shows a file system that is
// gone, full or mounted read-only. What killed processes have left of this is
// removed now.
func (y *system) writable(dir string) func(context.Context) error {
	dir = filepath.Join(dir, ".locks")
	left, err := fs.Glob(os.DirFS(dir), probes)
	for _, name := range left {
		err = errors.Join(err, removeFile(filepath.Join(dir, name)))
	}
	if err != nil {
		y.log.Warn("files of earlier looks at a folder are left", "error", err)
	}
	return func(context.Context) error {
		f, err := os.CreateTemp(dir, probes)
		if err != nil {
			return err
		}
		_, err = f.WriteString("x")
		return errors.Join(err, f.Close(), removeFile(f.Name()))
	}
}

// removeFile removes a file that another process may remove as well.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
