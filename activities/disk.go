package activities

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coursewright/internal/course"
)

// Disk is the build disk of one host: a folder with a working copy for each
// course.
type Disk struct {
	Path string // BUILD_PATH, absolute
}

// Names of the service's own files on a build disk. Course keys have no dots.
const (
	hostFile  = ".host"
	locksDir  = ".locks"
	cachesDir = ".caches"
	heldFile  = ".in-use"
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

// renewHostID gives the disk another id, at once: a crash leaves the old or the
// new one.
func renewHostID(path string) error {
	next := filepath.Join(path, hostFile+"-next")
	if _, err := newHostID(path, next); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(path, hostFile))
}

// previewCopy ends the names of working copies in which branches are previewed.
// Such a copy goes with that of its course.
const previewCopy = ".preview"

// copyOf names the working copy that a build works on. Previews have one of their
// own, so that the course's is as its next build expects it, built files that its
// exclude_patterns keep included.
func copyOf(job Job) string {
	if job.Options.PreviewBranch != "" {
		return job.CourseKey + previewCopy
	}
	return job.CourseKey
}

// Course is the folder of a working copy, by the name of the copy, which is the
// course's key.
func (d Disk) Course(name string) string { return filepath.Join(d.Path, name) }

// Cache is the file that remembers the hashes of a working copy's files.
func (d Disk) Cache(name string) string { return filepath.Join(d.Path, cachesDir, name) }

// A working copy that a build command may have changed is noted until it is
// clean again. The note is not in the copy, where builds could tamper with it.
func (d Disk) uncleanNote(name string) string { return d.Cache(name) + ".unclean" }

func (d Disk) noteUnclean(name string) error {
	return os.WriteFile(d.uncleanNote(name), nil, 0o600)
}

// unclean says whether the last build in a copy was not cleaned up after.
func (d Disk) unclean(name string) (bool, error) {
	_, err := os.Stat(d.uncleanNote(name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (d Disk) noteClean(name string) error {
	err := os.Remove(d.uncleanNote(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
