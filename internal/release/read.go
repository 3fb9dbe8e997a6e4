package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"coursewright/internal/course"
)

// absent is the ErrNotFound of what a course has not. Readers meet it with most
// requests.
type absent struct{ what, key string }

func (a absent) Error() string { return a.what + " of " + a.key + ": " + course.ErrNotFound.Error() }
func (a absent) Unwrap() error { return course.ErrNotFound }

// lookAgain is how often a reader follows a link that was switched under it.
const lookAgain = 10

// Stored gives a course's newest release that is not published. ErrNotFound
// when there is none. While the release is being published it is still found;
// once it is not, Published has it: ask in that order.
func (d *Depot) Stored(key string) (course.Release, error) {
	none := absent{"stored release", key}
	if err := checkKey(key); err != nil || d.store == "" {
		return course.Release{}, errors.Join(err, none)
	}
	for range lookAgain {
		version, err := d.currentVersion(key)
		if err != nil {
			return course.Release{}, fmt.Errorf("stored release of %s: %w", key, err)
		}
		if !course.ValidVersion(version) {
			return course.Release{}, none
		}
		rel, err := d.descriptions.load(d.storedDir(key, version))
		if errors.Is(err, course.ErrNotFound) {
			rel, err = d.moving(key, version)
		}
		if !errors.Is(err, course.ErrNotFound) {
			return rel, err
		}
		if again, err := d.currentVersion(key); err == nil && again == version {
			return course.Release{}, none
		}
	}
	return course.Release{}, none
}

// moving finds a release that left the store, but is not yet the published
// one: it is being published, or that call died.
func (d *Depot) moving(key, version string) (course.Release, error) {
	none := fmt.Errorf("release %s: %w", version, course.ErrNotFound)
	if d.publish == "" {
		return course.Release{}, none
	}
	rel, err := d.descriptions.load(d.publishedDir(key, version))
	if err != nil {
		return course.Release{}, err
	}
	live, err := d.liveVersion(key)
	if err != nil {
		return course.Release{}, err
	}
	if live == version || !rel.PublishedAt.IsZero() {
		return course.Release{}, none
	}
	return rel, nil
}

// Published gives the release that students see. ErrNotFound when the course
// was never published.
func (d *Depot) Published(key string) (course.Release, error) {
	none := absent{"published release", key}
	if err := checkKey(key); err != nil || d.publish == "" {
		return course.Release{}, errors.Join(err, none)
	}
	for range lookAgain {
		version, err := d.liveVersion(key)
		if err != nil {
			return course.Release{}, fmt.Errorf("published release of %s: %w", key, err)
		}
		if version == "" {
			return course.Release{}, none
		}
		rel, err := d.loadPublished(key, version)
		if !errors.Is(err, course.ErrNotFound) {
			return rel, err
		}
		if again, err := d.liveVersion(key); err == nil && again == version {
			return course.Release{}, none
		}
	}
	return course.Release{}, none
}

// PublishedVersion is the version of the release that Published gives, "" when
// there is none. It reads one link and no more.
func (d *Depot) PublishedVersion(key string) (string, error) {
	if err := checkKey(key); err != nil || d.publish == "" {
		return "", err
	}
	return d.liveVersion(key)
}

// settle ends every change of what Stored and Published give: it waits until nobody
// goes on with what was there before.
func settle() { time.Sleep(course.ReadersLag) }

// loadPublished reads a release of the publish folder. One without a note of
// when it was published, because that call died, gets the time of the switch.
func (d *Depot) loadPublished(key, version string) (course.Release, error) {
	rel, err := d.descriptions.load(d.publishedDir(key, version))
	if err == nil && rel.PublishedAt.IsZero() {
		rel.PublishedAt, err = d.disk.markTime(filepath.Join(d.publish, key))
	}
	return rel, err
}

// currentLink is STORE/KEY/current.
func (d *Depot) currentLink(key string) string { return filepath.Join(d.store, key, currentName) }

// currentVersion is what STORE/KEY/current names, "" when there is no such
// link or no store.
func (d *Depot) currentVersion(key string) (string, error) {
	if d.store == "" {
		return "", nil
	}
	return d.disk.readLink(d.currentLink(key))
}

// liveVersion is the version that PUBLISH/KEY names, "" when there is no such
// link.
func (d *Depot) liveVersion(key string) (string, error) {
	target, err := d.disk.readLink(filepath.Join(d.publish, key))
	return versionOf(key, target), err
}

// Releases lists the published releases of a course that are kept, newest
// build first; the live one is among them. It is empty for a course that was
// never published.
func (d *Depot) Releases(key string) ([]course.Release, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if d.publish == "" {
		return nil, nil
	}
	live, err := d.liveVersion(key)
	if err != nil {
		return nil, fmt.Errorf("releases of %s: %w", key, err)
	}
	all, err := d.disk.listReleases(d.releasesDir(key))
	if err != nil {
		return nil, fmt.Errorf("releases of %s: %w", key, err)
	}
	out := all[:0]
	for _, r := range all {
		if r.Version == live && r.PublishedAt.IsZero() {
			if r, err = d.loadPublished(key, live); err != nil {
				return nil, fmt.Errorf("releases of %s: %w", key, err)
			}
		}
		if !r.PublishedAt.IsZero() {
			out = append(out, r)
		}
	}
	return out, nil
}

// Document gives the A+ document of a release that Stored, Published or
// Releases returned, also when the release was published in between.
// ErrNotFound when it is gone: it was replaced longer than the grace period
// ago, ask for the newest release again.
func (d *Depot) Document(rel course.Release) ([]byte, error) {
	return d.ReadFile(rel, lmsName)
}

// ReadFile gives a document of a release by name, such as defaults.json, like
// Document.
func (d *Depot) ReadFile(rel course.Release, name string) ([]byte, error) {
	if err := checkNames(rel.Key, rel.Version); err != nil {
		return nil, err
	}
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("document %q is not a plain name: %w", name, course.ErrInvalid)
	}
	var data []byte
	err := d.eitherPlace(rel, func(dir string) (err error) {
		data, err = d.disk.readFile(filepath.Join(dir, name))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// Content opens the course files of a release, like Document. The result
// follows no link out of them and stays usable while the release moves; the
// caller closes it.
func (d *Depot) Content(rel course.Release) (*os.Root, error) {
	if err := checkNames(rel.Key, rel.Version); err != nil {
		return nil, err
	}
	var root *os.Root
	err := d.eitherPlace(rel, func(dir string) (err error) {
		root, err = d.disk.openRoot(filepath.Join(dir, contentName))
		return err
	})
	return root, err
}

// eitherPlace tries the store, then the publish folder: a release moves from
// the one to the other and never back, so in this order it is missed only when
// it is gone.
func (d *Depot) eitherPlace(rel course.Release, open func(dir string) error) error {
	var places []string
	if d.store != "" && rel.Preview != "" {
		places = append(places, d.previewDir(rel.Key, rel.Version))
	}
	if d.store != "" {
		places = append(places, d.storedDir(rel.Key, rel.Version))
	}
	if d.publish != "" {
		places = append(places, d.publishedDir(rel.Key, rel.Version))
	}
	for _, dir := range places {
		if err := open(dir); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("release %s of %s: %w", rel.Version, rel.Key, course.ErrNotFound)
}
