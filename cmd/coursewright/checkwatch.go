package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleFor is how long nothing must change before a course is checked again:
// editors and git write several files for one change.
const settleFor = 150 * time.Millisecond

// watchCourse checks a course at once and whenever a file of it has changed,
// until ctx ends. Folders are watched, not files: editors put new files in the
// place of those that they change.
func watchCourse(ctx context.Context, dir string, check func() error, notes io.Writer) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer w.Close() //nolint:errcheck // only watched
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	if err := watchFolders(w, dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	settled := time.NewTimer(0)
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-settled.C:
			if err := check(); err != nil && ctx.Err() == nil {
				fmt.Fprintf(notes, "coursewright: %v\n", err)
			}
			fmt.Fprintf(notes, "-- %s; waiting for changes, Ctrl-C ends --\n", time.Now().Format(time.TimeOnly))
		case e, ok := <-w.Events:
			if !ok {
				return errors.New("the folder cannot be watched any more")
			}
			if e.Op == fsnotify.Chmod || hiddenFolder(e.Name) {
				continue
			}
			if e.Has(fsnotify.Create) {
				// What is no folder, or gone by now, has nothing to watch.
				if err := watchFolders(w, e.Name); err != nil {
					fmt.Fprintf(notes, "coursewright: %v\n", err)
				}
			}
			settled.Reset(settleFor)
		case err := <-w.Errors:
			// Some changes were not told: look at everything again.
			fmt.Fprintf(notes, "coursewright: %v\n", err)
			if err := watchFolders(w, dir); err != nil {
				return err
			}
			settled.Reset(settleFor)
		}
	}
}

// watchFolders watches a folder and those below it, but for git's own.
func watchFolders(w *fsnotify.Watcher, top string) error {
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case path != top && hiddenFolder(path):
			return filepath.SkipDir
		}
		return w.Add(path)
	})
}

// hiddenFolder says whether a path is git's own, or an editor's hidden file.
func hiddenFolder(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }
