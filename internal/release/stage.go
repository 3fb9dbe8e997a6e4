package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// StageRequest tells what to make a release of. Nobody else writes to
// SourceDir meanwhile; its content may be hostile all the same.
type StageRequest struct {
	Key              string
	Version          string
	BuildID          int64
	Commit           string
	Preview          string // branch of which the release is a preview, for CommitPreview; empty: for Commit
	RemoteID         *int64
	SourceDir        string            // the built working copy
	StaticDir        string            // relative to SourceDir; empty: the whole course, without .git
	UnprotectedPaths []string          // relative to StaticDir
	HasUnprotected   bool              // only UnprotectedPaths and Sphinx's own folders are public
	Files            []string          // more files of the release, relative to SourceDir
	Docs             map[string][]byte // documents beside the content by name, such as lms.json
	Adopt            bool              // SourceDir is a release of another service; BuildID may be 0 for an unknown build
	Link             bool              // the files of SourceDir never change: they are linked instead of copied where the file system allows
	CachePath        string            // file that remembers digests for the next time, on the disk of SourceDir; empty: nothing is remembered
}

// Staged tells what Stage did.
type Staged struct {
	Files      int                 // regular files in the release
	Bytes      int64               // their sizes together
	Linked     int                 // files that are shared with SourceDir, since that was asked for
	Hashed     int                 // files that were read, since they are new or changed
	Added      int                 // files that the pool did not have
	AddedBytes int64               // their sizes together
	Warnings   []course.Diagnostic // listed files that are missing, links that lead nowhere
}

// Stage makes a release of a built course and leaves it ready for Commit. It
// may be repeated: the last one that finished counts.
//
// A *course.AuthorError says that the course has something that must not or
// cannot be published: links that lead out of it, absolute links, pipes,
// sockets, devices, unreadable files, a missing static folder, paths with
// "..", more files or bytes than are allowed. The whole of SourceDir is checked,
// not only what is published. ErrInvalid: a bad request. Other errors may pass,
// also that a file changed meanwhile: call again.
func (d *Depot) Stage(ctx context.Context, r StageRequest) (Staged, error) {
	if err := d.checkStage(&r); err != nil {
		return Staged{}, fmt.Errorf("stage %s: %w", r.Key, err)
	}
	if err := d.restoreFolders(); err != nil {
		return Staged{}, fmt.Errorf("stage %s: %w", r.Key, err)
	}
	root, err := d.disk.openRoot(r.SourceDir)
	if err != nil {
		return Staged{}, fmt.Errorf("stage %s: course folder: %w", r.Key, err)
	}
	out, err := d.stage(ctx, root, &r)
	if err = errors.Join(err, root.Close()); err != nil {
		return Staged{}, fmt.Errorf("stage %s: %w", r.Key, err)
	}
	return out, nil
}

// Check finds what Stage would refuse and warn of, and makes nothing.
func (d *Depot) Check(ctx context.Context, r StageRequest) ([]course.Diagnostic, error) {
	err := d.checkStage(&r)
	if err == nil {
		_, err = publicPaths(&r)
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", r.Key, err)
	}
	root, err := d.disk.openRoot(r.SourceDir)
	if err != nil {
		return nil, fmt.Errorf("check %s: course folder: %w", r.Key, err)
	}
	_, warnings, err := d.choose(ctx, root, &r)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("check %s: %w", r.Key, err)
	}
	return warnings, nil
}

func (d *Depot) checkStage(r *StageRequest) error {
	if err := d.needStore(); err != nil {
		return err
	}
	if err := checkNames(r.Key, r.Version); err != nil {
		return err
	}
	if r.BuildID < 0 || r.BuildID == 0 && !r.Adopt {
		return fmt.Errorf("build id %d is not positive: %w", r.BuildID, course.ErrInvalid)
	}
	if r.StaticDir != "" {
		clean, err := insideCourse(r.StaticDir)
		if err != nil {
			return err
		}
		r.StaticDir = clean
	}
	for name := range r.Docs {
		reserved := []string{contentName, publicName, releaseName, publishedName, unpublishedName, supersededName, approvalName}
		if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") || slices.Contains(reserved, name) {
			return fmt.Errorf("a document cannot be named %q: %w", name, course.ErrInvalid)
		}
	}
	return nil
}

func (d *Depot) stage(ctx context.Context, root *os.Root, r *StageRequest) (Staged, error) {
	public, err := publicPaths(r)
	if err != nil {
		return Staged{}, err
	}
	var st unix.Stat_t
	if err = d.disk.reading(r.SourceDir); err == nil {
		err = unix.Stat(r.SourceDir, &st)
	}
	if err != nil {
		return Staged{}, err
	}
	known := d.openCache(r.CachePath, st.Dev)
	began, err := known.begin()
	if err != nil {
		d.log.Warn("digest cache is not writable", "course", r.Key, "error", err)
		known.path = ""
	}
	content, warnings, err := d.choose(ctx, root, r)
	if err != nil {
		return Staged{}, err
	}
	// Made under a name of its own and renamed when complete: a former attempt
	// that still runs somewhere never mixes with this one.
	tmp := filepath.Join(d.store, stagingName, tempPrefix+course.NewVersion())
	p := &placer{depot: d, root: root, cache: known, dir: tmp, share: r.Link}
	err = d.build(ctx, p, content, r, public)
	if err != nil {
		d.dropStaging(tmp)
		return Staged{}, err
	}
	if err := known.save(st.Dev, began); err != nil {
		d.log.Warn("digest cache is not written, all files are read again next time", "course", r.Key, "error", err)
	}
	p.stats.Warnings = warnings
	return p.stats, nil
}

// choose scans the course, refuses what must not be in it and picks what goes
// into the release.
func (d *Depot) choose(ctx context.Context, root *os.Root, r *StageRequest) (*folder, []course.Diagnostic, error) {
	tree, bad, err := d.disk.scan(ctx, root, d.workers, d.files)
	if err != nil {
		return nil, nil, err
	}
	bad.checkLinks(ctx, tree, "course")
	if err := errors.Join(context.Cause(ctx), bad.err()); err != nil {
		return nil, nil, err
	}
	content, warnings, err := pick(tree, r.StaticDir, r.Files)
	if err != nil {
		return nil, nil, err
	}
	// Once more in the release's own tree: where a listed file sits behind a
	// link to a folder, the release has a folder in its place, and the other
	// links' ".." count from there.
	bad.checkLinks(ctx, content, "release")
	if err := d.checkSize(content); err != nil {
		return nil, nil, err
	}
	return content, append(warnings, danglingLinks(content)...), errors.Join(context.Cause(ctx), bad.err())
}

// build makes the whole release in p.dir and renames it to where Commit finds
// it.
func (d *Depot) build(ctx context.Context, p *placer, content *folder, r *StageRequest, public []string) error {
	if err := d.disk.mkdir(p.dir); err != nil {
		return err
	}
	folders, err := p.place(ctx, content, filepath.Join(p.dir, contentName))
	if err != nil {
		return err
	}
	made, err := d.makePublic(p.dir, r.StaticDir, public)
	if err != nil {
		return err
	}
	if err := d.writeDocs(p.dir, r); err != nil {
		return err
	}
	if err := each(ctx, syncers, slices.Concat(folders, made, []string{p.dir}), d.disk.sync); err != nil {
		return err
	}
	// One that was staged before is never missing: Committed takes a release that
	// is nowhere in the store for published.
	staged, trash := d.stagedDir(r.Key, r.Version), filepath.Join(d.store, trashName)
	err = d.disk.put(p.dir, staged, trash)
	if errors.Is(err, unix.EINVAL) { // some network file systems exchange nothing
		if err = d.disk.toTrash(staged, trash); err == nil {
			err = d.disk.rename(p.dir, staged)
		}
	}
	if err != nil {
		return err
	}
	// For the same reason the name is durable before Commit writes the fence.
	return d.disk.sync(filepath.Join(d.store, stagingName))
}

func (d *Depot) writeDocs(dir string, r *StageRequest) error {
	text, err := encodeRelease(course.Release{
		Key: r.Key, Version: r.Version, BuildID: r.BuildID, Commit: r.Commit, Preview: r.Preview, RemoteID: r.RemoteID,
		StaticDir: r.StaticDir, UnprotectedPaths: r.UnprotectedPaths, HasUnprotected: r.HasUnprotected,
		StoredAt: d.now().UTC(),
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Docs)) {
		if err := d.disk.write(filepath.Join(dir, name), r.Docs[name]); err != nil {
			return err
		}
	}
	if err := d.disk.mark(filepath.Join(dir, unpublishedName), d.now()); err != nil {
		return err
	}
	return d.disk.write(filepath.Join(dir, releaseName), text)
}

// dropStaging removes an attempt that failed; what cannot be removed now is
// garbage later.
func (d *Depot) dropStaging(dir string) {
	if err := d.disk.removeAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Warn("staging is left for the garbage collection", "error", err)
	}
}

// Discard drops a staged release that will not be committed. That there is
// none is no error.
func (d *Depot) Discard(_ context.Context, key, version string) error {
	if err := d.needStore(); err != nil {
		return err
	}
	if err := checkNames(key, version); err != nil {
		return err
	}
	return d.disk.toTrash(d.stagedDir(key, version), filepath.Join(d.store, trashName))
}
