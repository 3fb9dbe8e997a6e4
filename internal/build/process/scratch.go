package process

import (
	"io/fs"
	"os"
	"path/filepath"
)

// removeScratch deletes a build's temporary files. What cannot be deleted is
// left to the host's own cleaning of temporary files: it must not fail a build.
func removeScratch(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // read-only folders cannot be emptied
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
