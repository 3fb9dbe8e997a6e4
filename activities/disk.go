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

// Course is the folder of a course's working copy.
func (d Disk) Course(key string) string { return filepath.Join(d.Path, key) }

// Cache is the file that remembers the hashes of a course's files.
func (d Disk) Cache(key string) string { return filepath.Join(d.Path, cachesDir, key) }

// A working copy that a build command may have changed is noted until it is
// clean again. The note is not in the copy, where builds could tamper with it.
func (d Disk) uncleanNote(key string) string { return d.Cache(key) + ".unclean" }

func (d Disk) noteUnclean(key string) error {
	return os.WriteFile(d.uncleanNote(key), nil, 0o600)
}

// unclean says whether the last build of a course was not cleaned up after.
func (d Disk) unclean(key string) (bool, error) {
	_, err := os.Stat(d.uncleanNote(key))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (d Disk) noteClean(key string) error {
	err := os.Remove(d.uncleanNote(key))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
