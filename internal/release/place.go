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
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	// batch is how many names of one folder a goroutine takes at a time.
	batch = 256
	// manyFiles is where flushing the whole file system once becomes cheaper
	// than flushing each new file.
	manyFiles = 256
	// syncers is how many flushes are under way at a time; they wait for the
	// disk, not for a processor.
	syncers = 8
)

// placer puts the files of one release in place.
type placer struct {
	depot *Depot
	root  *os.Root
	cache *cache
	dir   string // the release that is being made
	share bool   // files of the course are linked where that can be done

	mu    sync.Mutex
	stats Staged
	lacks map[object]*wanted
}

// wanted is a file that the pool does not have.
type wanted struct {
	object object
	source string
	seen   stamp
	full   bool     // the pool has it, but it cannot take another name
	to     []string // places in the release
}

// piece is a part of a folder, and where it goes.
type piece struct {
	folder *folder
	nodes  []node
	to     string
}

// place makes the folder to with everything in content and returns all folders
// that it made.
func (p *placer) place(ctx context.Context, content *folder, to string) ([]string, error) {
	p.lacks = map[object]*wanted{}
	var folders []string
	var pieces []piece
	var makeFolder func(f *folder, to string) error
	makeFolder = func(f *folder, to string) error {
		if err := p.depot.disk.mkdir(to); err != nil {
			return err
		}
		folders = append(folders, to)
		for part := range slices.Chunk(f.nodes, batch) {
			pieces = append(pieces, piece{f, part, to})
		}
		for i := range f.nodes {
			if n := &f.nodes[i]; n.kind == kindFolder {
				if err := makeFolder(n.folder, filepath.Join(to, n.name)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := makeFolder(content, to); err != nil {
		return nil, err
	}
	pool, err := p.depot.disk.open(filepath.Join(p.depot.store, objectsName))
	if err != nil {
		return nil, err
	}
	err = each(ctx, p.depot.workers, pieces, func(w piece) error { return p.link(int(pool.Fd()), w) })
	if err = errors.Join(err, pool.Close()); err != nil {
		return nil, err
	}
	return folders, p.fill(ctx)
}

// each calls do for every item, several at a time, until one fails.
func each[T any](ctx context.Context, workers int, items []T, do func(T) error) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, item := range items {
		if within.Err() != nil {
			break
		}
		group.Go(func() error { return do(item) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// link makes the names of one piece: files as hard links into the pool, as far
// as the pool has them.
func (p *placer) link(pool int, w piece) (err error) {
	dir, err := p.depot.disk.open(w.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	var stats Staged
	fresh := make([]remembered, 0, len(w.nodes))
	for i := range w.nodes {
		n := &w.nodes[i]
		switch n.kind {
		case kindLink:
			if err := p.depot.disk.symlink(n.target, filepath.Join(w.to, n.name)); err != nil {
				return err
			}
		case kindFile:
			source := w.folder.sourceOf(n)
			stats.Files++
			stats.Bytes += n.stamp.size
			if linked, err := p.linkSource(dir, source, n); err != nil {
				return err
			} else if linked {
				stats.Linked++
				continue
			}
			sum, known := p.cache.lookup(n.stamp)
			if !known {
				if sum, err = p.depot.disk.readDigest(p.root, source, n.stamp); err != nil {
					return err
				}
				stats.Hashed++
			}
			fresh = append(fresh, remembered{n.stamp, sum})
			want := wanted{object: object{sum, poolMode(n.stamp.mode)}, source: source, seen: n.stamp}
			if err := p.linkFile(pool, int(dir.Fd()), n.name, w.to, want); err != nil {
				return err
			}
		case kindFolder, kindOther:
		}
	}
	p.cache.remember(fresh)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Files += stats.Files
	p.stats.Bytes += stats.Bytes
	p.stats.Linked += stats.Linked
	p.stats.Hashed += stats.Hashed
	return nil
}

// linkSource gives a file of the course itself one more name in the release.
// Such a file does not get into the pool: it keeps its owner and mode, so that
// others may write to it. ok is false when the file has to be copied.
func (p *placer) linkSource(dir *os.File, source string, n *node) (ok bool, err error) {
	if !p.share {
		return false, nil
	}
	if err := p.depot.disk.stepIn("link", dir.Name(), n.name); err != nil {
		return false, err
	}
	f, err := p.depot.disk.openSeen(p.root, source, n.stamp)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// By its open file, so that the one that was looked at is linked. Other file
	// systems, other owners (fs.protected_hardlinks) and too many names refuse.
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), int(dir.Fd()), n.name, unix.AT_SYMLINK_FOLLOW)
	for _, no := range []error{unix.EXDEV, unix.EPERM, unix.EMLINK, unix.ENOENT, unix.EOPNOTSUPP} {
		if errors.Is(err, no) {
			return false, nil
		}
	}
	return err == nil, err
}

// linkFile links one file, or notes that the pool lacks it: it never had it,
// the garbage collection took it, or it has too many names already.
func (p *placer) linkFile(pool, dir int, name, folder string, want wanted) error {
	if err := p.depot.disk.stepIn("link", folder, name); err != nil {
		return err
	}
	err := unix.Linkat(pool, want.object.name(), dir, name, 0)
	if err == nil {
		return nil
	}
	full := errors.Is(err, unix.EMLINK)
	if !full && !errors.Is(err, fs.ErrNotExist) {
		return &os.LinkError{Op: "link", Old: want.object.name(), New: filepath.Join(folder, name), Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.lacks[want.object]
	if !ok {
		w = &wanted{object: want.object, source: want.source, seen: want.seen}
		p.lacks[want.object] = w
	}
	w.full = w.full || full
	w.to = append(w.to, filepath.Join(folder, name))
	return nil
}

// fill adds what the pool lacks: all are copied, then flushed, then named.
func (p *placer) fill(ctx context.Context) error {
	if len(p.lacks) == 0 {
		return nil
	}
	tmp := filepath.Join(p.dir, tempPrefix+"new")
	if err := p.depot.disk.mkdir(tmp); err != nil {
		return err
	}
	type copied struct {
		*wanted
		tmp string
	}
	// In the order of the course's folders: inodes of neighbours are then
	// neighbours on disk, which makes linking all of them next time cheaper.
	lacks := slices.SortedFunc(maps.Values(p.lacks), func(a, b *wanted) int { return strings.Compare(a.to[0], b.to[0]) })
	all := make([]copied, 0, len(lacks))
	for _, w := range lacks {
		all = append(all, copied{w, filepath.Join(tmp, strconv.Itoa(len(all)))})
		p.stats.Added++
		p.stats.AddedBytes += w.seen.size
	}
	few := len(all) <= manyFiles
	err := each(ctx, p.depot.workers, all, func(c copied) error {
		if err := p.depot.disk.copyObject(p.root, c.wanted, c.tmp); err != nil || !few {
			return err
		}
		return p.depot.disk.sync(c.tmp)
	})
	if err != nil {
		return err
	}
	if !few {
		if err := p.depot.disk.syncAll(tmp); err != nil {
			return err
		}
	}
	if err := each(ctx, p.depot.workers, all, func(c copied) error { return p.settle(c.wanted, c.tmp) }); err != nil {
		return err
	}
	return p.depot.disk.remove(tmp)
}

// settle gives a flushed copy its name in the pool and its names in the
// release. The release links the copy itself, or the object that another process was
// faster with; whatever happens to the pool's name then, since garbage collection may
// take that at any time.
func (p *placer) settle(w *wanted, tmp string) error {
	from, err := p.depot.adopt(tmp, w.object, w.full)
	if err != nil {
		return err
	}
	for i, to := range w.to {
		err := p.depot.disk.link(from, to)
		if errors.Is(err, fs.ErrNotExist) && from != tmp {
			from = tmp // the garbage collection took the other
			err = p.depot.disk.link(from, to)
		}
		if errors.Is(err, unix.EMLINK) {
			rest := &wanted{object: w.object, source: w.source, seen: w.seen, full: true, to: w.to[i:]}
			if err := p.again(rest, tmp+"+"); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
	}
	return p.depot.disk.remove(tmp)
}

// again makes one more copy of a file that has all the names it can have.
func (p *placer) again(w *wanted, tmp string) error {
	if err := p.depot.disk.copyObject(p.root, w, tmp); err != nil {
		return err
	}
	if err := p.depot.disk.sync(tmp); err != nil {
		return err
	}
	return p.settle(w, tmp)
}
