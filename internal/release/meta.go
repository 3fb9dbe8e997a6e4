package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"coursewright/internal/course"
)

// description is release.json.
type description struct {
	Key         string    `json:"key"`
	Version     string    `json:"version"`
	BuildID     int64     `json:"build_id"`
	Commit      string    `json:"commit"`
	Preview     string    `json:"preview,omitempty"` // branch
	RemoteID    *int64    `json:"remote_id"`
	StaticDir   string    `json:"static_dir"`
	Unprotected *[]string `json:"unprotected_paths"` // null: the whole static folder is public
	StoredAt    time.Time `json:"stored_at"`
}

func encodeRelease(r course.Release) ([]byte, error) {
	d := description{
		Key: r.Key, Version: r.Version, BuildID: r.BuildID, Commit: r.Commit, Preview: r.Preview,
		RemoteID: r.RemoteID, StaticDir: r.StaticDir, StoredAt: r.StoredAt,
	}
	if r.HasUnprotected {
		paths := append([]string{}, r.UnprotectedPaths...)
		d.Unprotected = &paths
	}
	return json.MarshalIndent(d, "", "  ")
}

// loadRelease reads the description of the release in dir. ErrNotFound when
// there is none.
func (k *disk) loadRelease(dir string) (course.Release, error) {
	r, err := k.readRelease(dir)
	if err != nil {
		return r, err
	}
	r.PublishedAt, err = k.markTime(filepath.Join(dir, publishedName))
	return r, err
}

// readRelease is loadRelease without the time of the publishing.
func (k *disk) readRelease(dir string) (course.Release, error) {
	data, err := k.readFile(filepath.Join(dir, releaseName))
	if errors.Is(err, fs.ErrNotExist) {
		return course.Release{}, fmt.Errorf("release %s: %w", filepath.Base(dir), course.ErrNotFound)
	}
	if err != nil {
		return course.Release{}, err
	}
	var d description
	if err := json.Unmarshal(data, &d); err != nil {
		return course.Release{}, fmt.Errorf("read %s of release %s: %w", releaseName, filepath.Base(dir), err)
	}
	r := course.Release{
		Key: d.Key, Version: d.Version, BuildID: d.BuildID, Commit: d.Commit, Preview: d.Preview,
		RemoteID: d.RemoteID, StaticDir: d.StaticDir, StoredAt: d.StoredAt, Dir: dir,
	}
	if d.Unprotected != nil {
		r.HasUnprotected, r.UnprotectedPaths = true, *d.Unprotected
	}
	return r, nil
}

// markTime is the time that a mark carries, zero when there is no mark.
func (k *disk) markTime(path string) (time.Time, error) {
	info, err := k.lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime().UTC(), nil
}

// listReleases loads every release below dir, newest build first. Entries that
// vanish meanwhile are left out.
func (k *disk) listReleases(dir string) ([]course.Release, error) {
	names, err := k.readNames(dir)
	if err != nil {
		return nil, err
	}
	var out []course.Release
	for _, name := range names {
		if !course.ValidVersion(name) {
			continue
		}
		r, err := k.loadRelease(filepath.Join(dir, name))
		if errors.Is(err, course.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	sortNewestFirst(out)
	return out, nil
}
