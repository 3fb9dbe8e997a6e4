package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"coursewright/internal/course"
)

// Publish makes a release the one that students see and returns it. The
// release is the stored one, the live one (then only what is missing is
// mended) or, for a rollback, one that is kept. When it returns, the switch is
// durable.
//
// ErrConflict: the version is neither stored nor published, or a newer build
// was published before and this is no rollback; the text says which versions
// there are.
func (d *Depot) Publish(ctx context.Context, r course.PublishRequest) (course.Release, error) {
	if err := d.needPublish(); err != nil {
		return course.Release{}, err
	}
	if err := checkNames(r.Key, r.Version); err != nil {
		return course.Release{}, err
	}
	defer settle()
	unlock, err := d.lockPublish(ctx, r.Key)
	if err != nil {
		return course.Release{}, fmt.Errorf("publish %s: %w", r.Key, err)
	}
	defer unlock()
	if err := d.publishLocked(ctx, r); err != nil {
		return course.Release{}, fmt.Errorf("publish %s: %w", r.Key, err)
	}
	return d.loadPublished(r.Key, r.Version)
}

func (d *Depot) publishLocked(ctx context.Context, r course.PublishRequest) error {
	rel, err := d.find(r)
	if err != nil {
		return err
	}
	live, err := d.liveVersion(r.Key)
	if err != nil {
		return err
	}
	again := live == r.Version
	if again {
		err = d.finish(ctx, rel)
	} else if err = d.fenced(rel, r.Rollback); err == nil {
		err = d.replace(ctx, rel, live)
	}
	if err != nil {
		return err
	}
	if err := d.linkStatic(rel, again); err != nil {
		return err
	}
	return d.leaveStore(ctx, rel)
}

// finish makes the switch to the live release durable: the call that switched may
// have died before it did.
func (d *Depot) finish(ctx context.Context, rel course.Release) error {
	if err := d.move(ctx, rel); err != nil {
		return err
	}
	return d.disk.sync(d.publish)
}

// replace makes a release live instead of the present one, "" for none.
func (d *Depot) replace(ctx context.Context, rel course.Release, live string) error {
	next := tempBeside(filepath.Join(d.publish, rel.Key))
	if err := d.prepare(rel, live, next); err != nil {
		return err
	}
	err := d.move(ctx, rel)
	if err == nil {
		err = d.linkMissing(rel)
	}
	if err != nil {
		return errors.Join(err, d.disk.remove(next))
	}
	return d.switchTo(rel, next)
}

// find looks for the release in the publish folder, then for the current one
// of the store. An older one that is still there does not count: the graders
// know the newer one already.
func (d *Depot) find(r course.PublishRequest) (course.Release, error) {
	rel, err := d.disk.loadRelease(d.publishedDir(r.Key, r.Version))
	if !errors.Is(err, course.ErrNotFound) {
		return rel, err
	}
	current, err := d.currentVersion(r.Key)
	if err != nil {
		return course.Release{}, err
	}
	if current == r.Version {
		rel, err = d.disk.loadRelease(d.storedDir(r.Key, r.Version))
	}
	if current != r.Version || errors.Is(err, course.ErrNotFound) {
		return course.Release{}, d.mismatch(r.Key, r.Version)
	}
	return rel, err
}

// mismatch explains that a version is not there.
func (d *Depot) mismatch(key, version string) error {
	describe := func(rel course.Release, err error) string {
		switch {
		case errors.Is(err, course.ErrNotFound):
			return "none"
		case err != nil:
			return "not readable"
		}
		return rel.Version
	}
	stored, published := describe(d.Stored(key)), describe(d.Published(key))
	return fmt.Errorf("version %s is not there any more (stored: %s, published: %s); the course was probably built again meanwhile, import it again: %w",
		version, stored, published, course.ErrConflict)
}

// fenced refuses a release that is older than one published before, except for
// a rollback. The newest published build is always among the kept releases.
func (d *Depot) fenced(rel course.Release, rollback bool) error {
	if rollback {
		return nil
	}
	kept, err := d.Releases(rel.Key)
	if err != nil {
		return err
	}
	for _, k := range kept {
		if k.BuildID > rel.BuildID {
			return fmt.Errorf("version %s of build %d is older than version %s of build %d, which was published before; ask for a rollback to go back: %w",
				rel.Version, rel.BuildID, k.Version, k.BuildID, course.ErrConflict)
		}
	}
	return nil
}

// move takes a release from the store to the publish folder, durably. It may be
// there already, but not flushed. Until the switch it counts as stored.
func (d *Depot) move(ctx context.Context, rel course.Release) error {
	dir := d.releasesDir(rel.Key)
	if rel.Dir == d.publishedDir(rel.Key, rel.Version) {
		return d.disk.sync(dir)
	}
	unlock, err := d.lockStore(ctx, rel.Key)
	if err != nil {
		return err
	}
	defer unlock()
	// A build may have committed since the release was found.
	if current, err := d.currentVersion(rel.Key); err != nil {
		return err
	} else if current != rel.Version {
		return d.mismatch(rel.Key, rel.Version)
	}
	if err := d.makeCourseFolder(filepath.Dir(dir), dir); err != nil {
		return err
	}
	if err := d.disk.rename(rel.Dir, d.publishedDir(rel.Key, rel.Version)); err != nil {
		return err
	}
	return d.disk.sync(dir)
}

// prepare does what can be done before the switch, so that the flush before
// the switch carries it, above all the new link under another name.
func (d *Depot) prepare(rel course.Release, live, next string) error {
	if live != "" {
		// The call that published the live one may have died before its marks.
		if err := d.markPublished(rel.Key, live); err != nil {
			return err
		}
		// A power failure may bring "current" back, which leaveStore has removed.
		// Without its mark as well, the release would count as stored again.
		err := d.disk.sync(d.publishedDir(rel.Key, live))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.disk.symlink(linkTarget(rel.Key, rel.Version), next)
}

// switchTo makes a release live. The mark is set after the switch: a release
// in the publish folder without it is not published yet.
func (d *Depot) switchTo(rel course.Release, next string) error {
	if err := d.disk.put(next, filepath.Join(d.publish, rel.Key), filepath.Join(d.publish, trashName)); err != nil {
		return err
	}
	if err := d.disk.sync(d.publish); err != nil {
		return err
	}
	return d.disk.markPublished(d.publishedDir(rel.Key, rel.Version), d.now())
}

// markPublished gives the live release the mark that it lacks when the call
// that switched to it died: it has none, or one from before it was rolled back
// to.
func (d *Depot) markPublished(key, version string) error {
	rel, err := d.disk.loadRelease(d.publishedDir(key, version))
	if errors.Is(err, course.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switched, err := d.disk.markTime(filepath.Join(d.publish, key))
	if err != nil || !rel.PublishedAt.Before(switched) {
		return err
	}
	return d.disk.markPublished(rel.Dir, switched)
}

// leaveStore ends a publish: the live release has its mark and the store no
// longer calls it current.
func (d *Depot) leaveStore(ctx context.Context, rel course.Release) error {
	if err := d.markPublished(rel.Key, rel.Version); err != nil {
		return err
	}
	if current, err := d.currentVersion(rel.Key); err != nil || current != rel.Version {
		return err
	}
	unlock, err := d.lockStore(ctx, rel.Key)
	if err != nil {
		return err
	}
	defer unlock()
	// A build may have committed between the look and the lock.
	if current, err := d.currentVersion(rel.Key); err != nil || current != rel.Version {
		return err
	}
	return d.disk.remove(d.currentLink(rel.Key))
}
