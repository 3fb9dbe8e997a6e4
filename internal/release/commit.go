package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// Commit makes a staged release the course's stored one and durable. It may be
// repeated: a release that is committed already, even published since, is a
// success. ErrConflict: a newer build was committed before, this one is
// superseded. ErrNotFound: nothing is staged under that version.
func (d *Depot) Commit(ctx context.Context, key, version string) error {
	defer settle()
	return d.inStore(ctx, "commit", key, version, d.commit)
}

// inStore does something about a release of the store with the lock of its course.
func (d *Depot) inStore(ctx context.Context, what, key, version string, do func(key, version string) error) error {
	if err := d.needStore(); err != nil {
		return err
	}
	if err := checkNames(key, version); err != nil {
		return err
	}
	unlock, err := d.lockStore(ctx, key)
	if err == nil {
		defer unlock()
		err = do(key, version)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, key, err)
	}
	return nil
}

func (d *Depot) commit(key, version string) error {
	home := d.storedDir(key, version)
	newest, err := d.readFence(key)
	if err != nil {
		return err
	}
	rel, err := d.disk.loadRelease(home)
	staged := errors.Is(err, course.ErrNotFound)
	if staged {
		rel, err = d.disk.loadRelease(d.stagedDir(key, version))
	}
	if errors.Is(err, course.ErrNotFound) && newest.version == version {
		return nil // committed by an earlier call and published since
	}
	if err != nil {
		return err
	}
	if rel.Preview != "" {
		return fmt.Errorf("release %s is a preview of branch %s, which is never published: %w", version, rel.Preview, course.ErrInvalid)
	}
	if newest.build > rel.BuildID {
		return fmt.Errorf("build %d is superseded by build %d, which is stored already: %w", rel.BuildID, newest.build, course.ErrConflict)
	}
	if err := d.makeCourseFolder(d.store, filepath.Join(d.store, key)); err != nil {
		return err
	}
	// The fence comes first: should this call end here, the same build may try
	// again, and older ones are kept out either way.
	if err := d.writeFence(key, fence{rel.BuildID, version}); err != nil {
		return err
	}
	if staged {
		if err := d.disk.rename(d.stagedDir(key, version), home); err != nil {
			return err
		}
	} else if err := d.disk.toTrash(d.stagedDir(key, version), filepath.Join(d.store, trashName)); err != nil {
		return err // staged again after a commit that died; Committed would believe it
	}
	// Readers follow "current": the release must not be missing behind it even
	// when the power fails now.
	if err := d.disk.sync(filepath.Join(d.store, key)); err != nil {
		return err
	}
	return d.makeCurrent(key, version)
}

// Committed says whether a release was committed by an earlier call, published
// since or not, and durably. It needs the store alone: a build worker asks it
// before it does the work again.
func (d *Depot) Committed(key, version string) (bool, error) {
	if err := d.needStore(); err != nil {
		return false, err
	}
	if err := checkNames(key, version); err != nil {
		return false, err
	}
	newest, err := d.readFence(key)
	if err != nil || newest.version != version {
		return false, err
	}
	current, err := d.currentVersion(key)
	if err != nil {
		return false, err
	}
	if current == version {
		// The call that committed it may have died before it flushed that.
		err := d.disk.sync(filepath.Join(d.store, key))
		return err == nil, err
	}
	// Commit writes the fence first. What is left of a commit that died after it
	// lies in the staging or the store; a published release has left both.
	for _, dir := range []string{d.stagedDir(key, version), d.storedDir(key, version)} {
		_, err := d.disk.lstat(dir)
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// makeCurrent switches STORE/KEY/current and retires the other releases there.
func (d *Depot) makeCurrent(key, version string) error {
	dir := filepath.Join(d.store, key)
	leaving, err := d.currentVersion(key)
	if err != nil {
		return err
	}
	if err := d.supersede(dir, version, leaving); err != nil {
		return err
	}
	if err := d.disk.switchLink(d.currentLink(key), version, filepath.Join(d.store, trashName)); err != nil {
		return err
	}
	if err := d.disk.sync(dir); err != nil {
		return err
	}
	_, err = d.sweepStored(key, version)
	return err
}

// makeCourseFolder makes a course's folder below parent, durably. Where one is
// empty, the call that made it may have died before it flushed parent.
func (d *Depot) makeCourseFolder(parent, dir string) error {
	made, err := d.disk.ensureDir(dir)
	if err != nil {
		return err
	}
	if !made {
		names, err := d.disk.readNames(dir)
		if err != nil || len(names) > 0 {
			return err
		}
	}
	return d.disk.sync(parent)
}

// fence is the newest build that was committed for a course. It outlives the
// release, which is published and pruned some day.
type fence struct {
	build   int64
	version string
}

func (d *Depot) readFence(key string) (fence, error) {
	data, err := d.disk.readFile(filepath.Join(d.store, key, fenceName))
	if errors.Is(err, fs.ErrNotExist) {
		return fence{}, nil
	}
	if err != nil {
		return fence{}, err
	}
	build, version, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	id, err := strconv.ParseInt(build, 10, 64)
	if err != nil {
		return fence{}, fmt.Errorf("the file %s of the stored course is damaged; delete it to accept the next build: %w", fenceName, err)
	}
	return fence{id, version}, nil
}

func (d *Depot) writeFence(key string, f fence) error {
	if now, err := d.readFence(key); err != nil || now == f {
		return err
	}
	path := filepath.Join(d.store, key, fenceName)
	return d.disk.replace(path, tempBeside(path), fmt.Appendf(nil, "%d %s\n", f.build, f.version))
}

// supersede notes on the stored releases, except the coming one, that they
// were replaced: on the leaving one now, on others unless it was noted before.
// It is done before the switch, so that a release which readers may still hold
// is never without the note.
func (d *Depot) supersede(dir, coming, leaving string) error {
	all, err := d.disk.listReleases(dir)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Version == coming {
			continue
		}
		noted, err := d.disk.markTime(filepath.Join(r.Dir, supersededName))
		if err != nil {
			return err
		}
		if !noted.IsZero() && r.Version != leaving {
			continue
		}
		if err := d.disk.mark(filepath.Join(r.Dir, supersededName), d.now()); err != nil {
			return err
		}
	}
	return nil
}

// sweepStored moves to the trash what was replaced longer than the grace
// period ago, except the current release. The caller holds the store lock.
func (d *Depot) sweepStored(key, current string) (int, error) {
	all, err := d.disk.listReleases(filepath.Join(d.store, key))
	if err != nil {
		return 0, err
	}
	gone := 0
	for _, r := range all {
		replaced, err := d.disk.markTime(filepath.Join(r.Dir, supersededName))
		if err != nil {
			return gone, err
		}
		if r.Version == current || replaced.IsZero() || d.now().Sub(replaced) < d.grace {
			continue
		}
		if err := d.disk.toTrash(r.Dir, filepath.Join(d.store, trashName)); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}

func sortNewestFirst(all []course.Release) {
	slices.SortFunc(all, func(a, b course.Release) int {
		if a.BuildID != b.BuildID {
			return int(max(-1, min(1, b.BuildID-a.BuildID)))
		}
		return b.StoredAt.Compare(a.StoredAt)
	})
}
