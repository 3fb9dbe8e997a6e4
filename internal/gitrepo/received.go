package gitrepo

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// received gives the size of the objects that have come into a working copy, its
// submodules of the first level included, since a time. Git tells how much it has
// received for large fetches only. What cannot be read counts as nothing: this is
// for figures.
func received(dir string, since time.Time) int64 {
	stores, err := filepath.Glob(filepath.Join(dir, ".git", "modules", "*", "objects"))
	if err != nil {
		return 0 // the pattern is well formed
	}
	var sum int64
	for _, store := range append(stores, filepath.Join(dir, ".git", "objects")) {
		folders, err := os.ReadDir(store)
		if err != nil {
			continue
		}
		for _, f := range folders {
			// A folder to which nothing was added has its old time.
			if info, err := f.Info(); err == nil && info.IsDir() && !info.ModTime().Before(since) {
				sum += newFiles(filepath.Join(store, f.Name()), since)
			}
		}
	}
	return sum
}

// newFiles is the size of the files in a folder that were written since a time.
func newFiles(dir string, since time.Time) (sum int64) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode()&fs.ModeType == 0 && !info.ModTime().Before(since) {
			sum += info.Size()
		}
	}
	return sum
}
