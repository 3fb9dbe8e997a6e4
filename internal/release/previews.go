package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"coursewright/internal/course"
)

// CommitPreview keeps a staged release as a preview of its branch. Previews lie
// beside the releases: they are never the stored one, never published, and the
// fence of the course does not know them. It may be repeated. ErrNotFound:
// nothing is staged under that version. ErrInvalid: what is staged is no
// preview.
func (d *Depot) CommitPreview(ctx context.Context, key, version string) error {
	return d.inStore(ctx, "keep preview of", key, version, d.commitPreview)
}

func (d *Depot) commitPreview(key, version string) error {
	if kept, err := d.HasPreview(key, version); kept || err != nil {
		return errors.Join(err, d.disk.toTrash(d.stagedDir(key, version), filepath.Join(d.store, trashName)))
	}
	rel, err := d.disk.loadRelease(d.stagedDir(key, version))
	if err != nil {
		return err
	}
	if rel.Preview == "" {
		return fmt.Errorf("release %s is no preview: %w", version, course.ErrInvalid)
	}
	home := d.previewsDir(key)
	if err := d.makeCourseFolder(filepath.Dir(home), home); err != nil {
		return err
	}
	if err := d.disk.rename(d.stagedDir(key, version), d.previewDir(key, version)); err != nil {
		return err
	}
	return d.disk.sync(home)
}

// HasPreview says whether a preview is kept, durably.
func (d *Depot) HasPreview(key, version string) (bool, error) {
	if err := d.needStore(); err != nil {
		return false, err
	}
	if err := checkNames(key, version); err != nil {
		return false, err
	}
	_, err := d.disk.lstat(d.previewDir(key, version))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		// The call that kept it may have died before it flushed that.
		err = d.disk.sync(d.previewsDir(key))
	}
	return err == nil, err
}

// Previews lists the previews of a course that are kept, newest build first.
func (d *Depot) Previews(key string) ([]course.Release, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if d.store == "" {
		return nil, nil
	}
	all, err := d.disk.listReleases(d.previewsDir(key))
	if err != nil {
		return nil, fmt.Errorf("previews of %s: %w", key, err)
	}
	return all, nil
}

// Release finds a release of any kind by its version: stored, published and
// kept, or a preview. ErrNotFound when there is none.
func (d *Depot) Release(key, version string) (course.Release, error) {
	none := fmt.Errorf("release %q of %s: %w", version, key, course.ErrNotFound)
	if checkNames(key, version) != nil {
		return course.Release{}, none
	}
	// A release moves from the store to the publish folder and never back.
	var places []string
	if d.store != "" {
		places = append(places, d.storedDir(key, version))
	}
	if d.publish != "" {
		places = append(places, d.publishedDir(key, version))
	}
	if d.store != "" {
		places = append(places, d.previewDir(key, version))
	}
	for _, dir := range places {
		rel, err := d.descriptions.load(dir)
		if !errors.Is(err, course.ErrNotFound) {
			return rel, err
		}
	}
	return course.Release{}, none
}

// sweepPreviews moves previews to the trash that are too old or too many. The
// caller holds the store lock.
func (d *Depot) sweepPreviews(key string) (int, error) {
	all, err := d.disk.listReleases(d.previewsDir(key))
	if err != nil {
		return 0, err
	}
	gone := 0
	for i, r := range all {
		if i < d.previews && d.now().Sub(r.StoredAt) <= d.previewAge {
			continue
		}
		if err := d.disk.toTrash(r.Dir, filepath.Join(d.store, trashName)); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}
