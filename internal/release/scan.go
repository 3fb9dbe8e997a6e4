package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// Limits of a course folder.
const (
	maxDepth = 100  // every level keeps a folder open
	maxPath  = 3000 // bytes; with the store's own folders the kernel's limit of 4096 must do
)

// scanner reads a course folder into memory. It never follows a link: names
// are looked up in open folders.
type scanner struct {
	disk  *disk
	base  string // of the course, for the disk
	group *errgroup.Group
	dev   uint64
	most  int64        // names
	names atomic.Int64 // so far
	bad   offences
}

// scan reads the whole tree below root except everything named .git. Entries
// that a release must not contain come back as offences; links are judged later.
func (k *disk) scan(ctx context.Context, root *os.Root, workers, most int) (*folder, *offences, error) {
	var top *os.File
	err := k.reading(root.Name())
	if err == nil {
		top, err = root.Open(".")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("course folder: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(top.Fd()), &st); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("course folder: %w", err), top.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	// One more for the folder that hands out work.
	group.SetLimit(workers + 1)
	s := &scanner{disk: k, base: root.Name(), group: group, dev: st.Dev, most: int64(most)}
	tree := &folder{}
	group.Go(func() error { return s.read(ctx, tree, top, 0) })
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	return tree, &s.bad, nil
}

// read fills in one folder and closes it.
func (s *scanner) read(ctx context.Context, into *folder, dir *os.File, depth int) (err error) {
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	names, err := s.list(dir, into.source)
	if err != nil {
		return err
	}
	slices.Sort(names)
	fd := int(dir.Fd())
	into.nodes = make([]node, 0, len(names))
	for _, name := range names {
		if name == ".git" {
			continue
		}
		n, ok, err := s.look(fd, into.source, name)
		if err != nil {
			return err
		}
		if ok {
			into.nodes = append(into.nodes, n)
		}
	}
	for i := range into.nodes {
		if into.nodes[i].kind != kindFolder {
			continue
		}
		if err := s.descend(ctx, into.nodes[i].folder, fd, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// list gives the names in a folder, unless all folders have too many.
func (s *scanner) list(dir *os.File, source string) ([]string, error) {
	var names []string
	for {
		const some = 10_000
		var part []string
		err := s.reading(source, ".")
		if err == nil {
			part, err = dir.Readdirnames(some)
		}
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read folder %q: %w", source, err)
		}
		if s.names.Add(int64(len(part))) > s.most {
			return nil, course.Authorf("the course folder has more than %d files after the build; the folder %s was read last. Remove what is not needed in the build, or ask the administrator for a higher COURSE_FILES", s.most, shown(source))
		}
		names = append(names, part...)
	}
}

// reading is the disk's for a name in a folder of the course; the three are joined
// for tests only.
func (s *scanner) reading(folder, name string) error {
	if s.disk.fault == nil {
		return nil
	}
	return s.disk.readingIn(filepath.Join(s.base, folder), name)
}

// look stats one name.
func (s *scanner) look(fd int, folderPath, name string) (n node, ok bool, err error) {
	var st unix.Stat_t
	if err = s.reading(folderPath, name); err == nil {
		err = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return node{}, false, fmt.Errorf("look at %q: %w", path.Join(folderPath, name), err)
	}
	if full := path.Join(folderPath, name); len(full) > maxPath {
		s.bad.add(full[:100]+"…", fmt.Sprintf("has a path of more than %d bytes", maxPath), "use shorter names or fewer levels of folders")
		return node{}, false, nil
	}
	n = node{name: name, stamp: stampOf(&st, s.dev)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		n.kind = kindFile
	case unix.S_IFDIR:
		n.kind = kindFolder
		n.folder = &folder{source: path.Join(folderPath, name)}
	case unix.S_IFLNK:
		n.kind = kindLink
		if err = s.reading(folderPath, name); err == nil {
			n.target, err = readLinkAt(fd, name)
		}
		if err != nil {
			return node{}, false, fmt.Errorf("read link %q: %w", path.Join(folderPath, name), err)
		}
	default:
		s.bad.add(path.Join(folderPath, name), "is a "+specialName(st.Mode)+"; a course holds files, folders and links only", "remove it in the build")
		return node{}, false, nil
	}
	return n, true, nil
}

func (s *scanner) descend(ctx context.Context, into *folder, parent, depth int) error {
	name := path.Base(into.source)
	if depth > maxDepth {
		s.bad.add(into.source, fmt.Sprintf("is nested more than %d folders deep", maxDepth), "use fewer levels of folders")
		return nil
	}
	fd, err := -1, s.reading(into.source, ".")
	if err == nil {
		fd, err = unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if errors.Is(err, fs.ErrPermission) {
		s.bad.add(into.source, "cannot be read by the service", "make the folder readable at the end of the build (chmod a+rx)")
		return nil
	}
	if err != nil {
		return fmt.Errorf("open folder %q: %w", into.source, err)
	}
	dir := os.NewFile(uintptr(fd), name)
	if s.group.TryGo(func() error { return s.read(ctx, into, dir, depth) }) {
		return nil
	}
	return s.read(ctx, into, dir, depth)
}

func stampOf(st *unix.Stat_t, dev uint64) stamp {
	out := stamp{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), mode: st.Mode}
	if st.Dev == dev {
		out.ino = st.Ino
	}
	return out
}

func readLinkAt(fd int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func specialName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "named pipe"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "device"
}
