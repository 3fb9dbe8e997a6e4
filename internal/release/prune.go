package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coursewright/internal/course"
)

// Prune removes the releases of a course that are no longer kept and returns
// how many: stored ones that were replaced, published ones beyond the newest
// Keep, and previews beyond their number and age. The live release, the stored
// one, and what was replaced less than the grace period ago stay. It is slow (it
// deletes files), so it belongs after a publish, not into it.
func (d *Depot) Prune(ctx context.Context, key string) (int, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	total := 0
	for _, part := range []func(context.Context, string) (int, error){d.prunePublished, d.pruneStored} {
		n, err := part(ctx, key)
		if err != nil {
			return total, fmt.Errorf("prune %s: %w", key, err)
		}
		total += n
	}
	_, err := d.emptyTrash(ctx)
	return total, err
}

func (d *Depot) prunePublished(ctx context.Context, key string) (int, error) {
	if d.publish == "" {
		return 0, nil
	}
	unlock, err := d.lockPublish(ctx, key)
	if err != nil {
		return 0, err
	}
	defer unlock()
	live, err := d.liveVersion(key)
	if err != nil {
		return 0, err
	}
	all, err := d.disk.listReleases(d.releasesDir(key))
	if err != nil {
		return 0, err
	}
	switched, err := d.disk.markTime(filepath.Join(d.publish, key))
	if err != nil {
		return 0, err
	}
	gone := 0
	for _, r := range all[min(d.keep, len(all)):] {
		if r.Version == live || d.now().Sub(replacedAt(r, all, switched)) < d.grace {
			continue
		}
		if err := d.disk.toTrash(r.Dir, filepath.Join(d.publish, trashName)); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}

// replacedAt tells when a release stopped being live: when the next one was
// published. A release that was published again counts with its last time
// only, which makes the answer later than the truth, never earlier. switched,
// the time of the last switch, stands in where a call died before it noted its
// time.
func replacedAt(r course.Release, all []course.Release, switched time.Time) time.Time {
	var at time.Time
	for _, other := range all {
		later := other.PublishedAt.After(r.PublishedAt)
		if later && !r.PublishedAt.IsZero() && (at.IsZero() || other.PublishedAt.Before(at)) {
			at = other.PublishedAt
		}
	}
	if at.IsZero() {
		return switched
	}
	return at
}

func (d *Depot) pruneStored(ctx context.Context, key string) (int, error) {
	if d.store == "" {
		return 0, nil
	}
	unlock, err := d.lockStore(ctx, key)
	if err != nil {
		return 0, err
	}
	defer unlock()
	version, err := d.currentVersion(key)
	if err != nil {
		return 0, err
	}
	gone, err := d.sweepStored(key, version)
	if err != nil {
		return gone, err
	}
	previews, err := d.sweepPreviews(key)
	return gone + previews, err
}

// Remove takes all of a course out of the folders that this process has: its
// links, published, stored and staged releases. Nothing of it is visible after
// the call; that there is nothing is no error. Builds of the course must have
// ended.
func (d *Depot) Remove(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	defer settle()
	if d.publish != "" {
		if err := d.removePublished(ctx, key); err != nil {
			return fmt.Errorf("remove %s: %w", key, err)
		}
	}
	if d.store != "" {
		if err := d.removeStored(ctx, key); err != nil {
			return fmt.Errorf("remove %s: %w", key, err)
		}
	}
	_, err := d.emptyTrash(ctx)
	return err
}

func (d *Depot) removePublished(ctx context.Context, key string) error {
	unlock, err := d.lockPublish(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := d.unlinkStatic(key); err != nil {
		return err
	}
	// An earlier call may have removed them and died before this.
	if err := d.flushStatic(d.static != "", nil); err != nil {
		return err
	}
	trash := filepath.Join(d.publish, trashName)
	if err := d.disk.toTrash(filepath.Join(d.publish, key), trash); err != nil {
		return err
	}
	if err := d.disk.toTrash(d.releasesDir(key), trash); err != nil {
		return err
	}
	// The newest release must not go from the store as long as an older one could
	// come back here.
	return d.disk.sync(trash)
}

func (d *Depot) removeStored(ctx context.Context, key string) error {
	unlock, err := d.lockStore(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	trash := filepath.Join(d.store, trashName)
	names, err := d.disk.readNames(filepath.Join(d.store, stagingName))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, key+".") {
			if err := d.disk.toTrash(filepath.Join(d.store, stagingName, name), trash); err != nil {
				return err
			}
		}
	}
	if err := d.disk.toTrash(d.previewsDir(key), trash); err != nil {
		return err
	}
	return d.disk.toTrash(filepath.Join(d.store, key), trash)
}

// Collected tells what a garbage collection removed.
type Collected struct {
	Objects int   // files of the pool that no release uses
	Bytes   int64 // their sizes together
	Staging int   // abandoned or never committed staging
	Trash   int   // removed releases whose files were still there
}

// CollectGarbage removes what nobody needs any more: pool files that no
// release links for the garbage age, staging older than the staging age, and
// trash. It may run at
// any time, also while others stage, commit and publish.
//
// A pool file may be linked into a new release between the look at its link
// count and its removal. It is put aside first and then gets its name back. Where a
// call dies before that, builds that want the file add it again, and a later call
// gives the name back unless they have.
// The age spares the pool the files of a course that is removed and built
// anew, it is not needed for safety.
func (d *Depot) CollectGarbage(ctx context.Context) (Collected, error) {
	var out Collected
	var err error
	if d.store != "" {
		if out.Staging, err = d.collectStaging(); err != nil {
			return out, fmt.Errorf("collect staging: %w", err)
		}
	}
	if out.Trash, err = d.emptyTrash(ctx); err != nil {
		return out, err
	}
	if d.store != "" {
		if err := d.collectObjects(ctx, &out); err != nil {
			return out, fmt.Errorf("collect pool: %w", err)
		}
	}
	return out, d.collectTemps()
}

func (d *Depot) collectStaging() (int, error) {
	return d.collectOld(filepath.Join(d.store, stagingName), "", func(path string) error {
		return d.disk.toTrash(path, filepath.Join(d.store, trashName))
	})
}

// collectTemps removes links and files that were made but never renamed into
// place.
func (d *Depot) collectTemps() error {
	if d.static != "" {
		// Perhaps another file system than the trash, and nothing but links.
		if _, err := d.collectOld(d.static, tempPrefix, d.disk.removeAll); err != nil {
			return fmt.Errorf("collect leftovers: %w", err)
		}
	}
	dirs := map[string]string{} // folder → root with the trash on its file system
	for _, of := range []struct{ root, folder string }{{d.store, ""}, {d.store, previewsName}, {d.publish, ""}, {d.publish, releasesName}} {
		if of.root == "" {
			continue
		}
		parent := filepath.Join(of.root, of.folder)
		names, err := d.disk.readNames(parent)
		if err != nil {
			return err
		}
		dirs[parent] = of.root
		for _, name := range names {
			if !course.ValidKey(name) {
				continue
			}
			info, err := d.disk.lstat(filepath.Join(parent, name))
			if err == nil && info.IsDir() {
				dirs[filepath.Join(parent, name)] = of.root
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for dir, root := range dirs {
		toTrash := func(path string) error { return d.disk.toTrash(path, filepath.Join(root, trashName)) }
		if _, err := d.collectOld(dir, tempPrefix, toTrash); err != nil {
			return fmt.Errorf("collect leftovers: %w", err)
		}
	}
	return nil
}

// collectOld removes entries with the given prefix that have not changed for
// the staging age.
func (d *Depot) collectOld(dir, prefix string, remove func(path string) error) (int, error) {
	names, err := d.disk.readNames(dir)
	if err != nil {
		return 0, err
	}
	gone := 0
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		info, err := d.disk.lstat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return gone, err
		}
		if d.now().Sub(info.ModTime()) < d.stagingAge {
			continue
		}
		if err := remove(filepath.Join(dir, name)); err != nil {
			return gone, err
		}
		gone++
	}
	return gone, nil
}

// emptyTrash deletes what was moved out of sight, once that is durable: should the
// power fail meanwhile, no release is back in its place with half of its files
// gone. Two processes may do it at once.
func (d *Depot) emptyTrash(ctx context.Context) (int, error) {
	gone := 0
	for _, root := range []string{d.store, d.publish} {
		if root == "" {
			continue
		}
		trash := filepath.Join(root, trashName)
		names, err := d.disk.readNames(trash)
		if err != nil {
			return gone, fmt.Errorf("empty trash: %w", err)
		}
		if len(names) == 0 {
			continue
		}
		if err := d.disk.sync(trash); err != nil {
			return gone, fmt.Errorf("empty trash: %w", err)
		}
		for _, name := range names {
			if err := context.Cause(ctx); err != nil {
				return gone, err
			}
			if err := d.disk.removeAll(filepath.Join(trash, name)); err != nil {
				return gone, fmt.Errorf("empty trash: %w", err)
			}
			gone++
		}
	}
	return gone, nil
}

func (d *Depot) collectObjects(ctx context.Context, out *Collected) error {
	pool := filepath.Join(d.store, objectsName)
	shelves, err := d.disk.readNames(pool)
	if err != nil {
		return err
	}
	slices.Sort(shelves)
	for _, shelf := range shelves {
		if len(shelf) != 2 {
			continue // not the service's own
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := d.collectShelf(filepath.Join(pool, shelf), out); err != nil {
			return err
		}
	}
	return nil
}

// collectShelf looks through one folder of the pool. A file's ctime is when it
// got or lost its last other name. A name of a call that died is dealt with even
// where releases have the file: nobody else will.
func (d *Depot) collectShelf(dir string, out *Collected) error {
	names, err := d.disk.readNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		st, err := d.disk.inode(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		collect := d.collectObject
		if strings.HasPrefix(name, tempPrefix) {
			collect = d.decide
		} else if st.Nlink > 1 {
			continue
		}
		if d.now().Sub(time.Unix(0, st.Ctim.Nano())) < d.garbageAge {
			continue
		}
		switch gone, err := collect(path); {
		case err != nil:
			return err
		case gone:
			out.Objects++
			out.Bytes += st.Size
		}
	}
	return nil
}

// collectObject takes an object from the pool that no release had a moment ago. A
// release that is being made may have linked it since: under its other name nobody
// can, so that is looked at last.
func (d *Depot) collectObject(path string) (gone bool, err error) {
	aside := asideOf(path)
	if err := d.disk.rename(path, aside); errors.Is(err, fs.ErrNotExist) {
		return false, nil // another process was faster
	} else if err != nil {
		return false, err
	}
	return d.decide(aside)
}

// decide ends the collection of an object that was put aside: it goes, or gets its
// name back where a release has it. Several processes may decide about the same one:
// all that can change meanwhile is that the last release that has it goes.
func (d *Depot) decide(aside string) (gone bool, err error) {
	st, err := d.disk.inode(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if st.Nlink > 1 {
		if err := d.giveBack(aside); err != nil {
			return false, err
		}
	}
	return st.Nlink == 1, d.disk.remove(aside)
}

// giveBack names an object that was put aside as before, durably. Where it was added
// anew meanwhile, that one stays: releases may have linked it already. The one put
// aside then belongs to its releases alone, which costs space and nothing else.
func (d *Depot) giveBack(aside string) error {
	path, known := besideAside(aside)
	if !known {
		return nil // was on its way into the pool
	}
	err := d.disk.link(aside, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process decided
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.disk.sync(filepath.Dir(path))
}

// asideOf is a new name for an object that is put aside; it ends with the old one.
func asideOf(path string) string { return tempBeside(path) + "." + filepath.Base(path) }

// besideAside gives the name that an object had before it was put aside. It is not
// known of names that asideOf has not made.
func besideAside(aside string) (path string, known bool) {
	_, name, known := strings.Cut(strings.TrimPrefix(filepath.Base(aside), tempPrefix), ".")
	return filepath.Join(filepath.Dir(aside), name), known
}
