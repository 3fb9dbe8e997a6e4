package grader

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"coursewright/internal/course"
	"coursewright/internal/remote"
)

const (
	// maxVisits bounds the files and folders that one archive is made of: links
	// between folders can name the same file any number of times.
	maxVisits = 500_000
	blockSize = 512
	// recordSize is what tar archives are padded to.
	recordSize = 20 * blockSize
)

// Archive is a plan of a tar archive: which files go in under which names. It
// holds no file open and none of their content.
type Archive struct {
	root    *os.Root
	entries []entry // sorted by name
	size    int64
}

// entry is one file of an archive.
type entry struct {
	name    string
	path    string // in the course
	id      fileID
	size    int64
	mode    fs.FileMode
	modTime time.Time
}

// fileID tells files apart that are reached on different ways.
type fileID struct {
	device, inode uint64
}

// PlanArchive finds the files that an archive consists of. Folders stand for all
// files below them; symbolic links stand for what they point at inside the
// course; what does not exist is left out, and so are git's own files. A link or
// path out of the course, two files under one name, and what is neither file nor
// folder are a *course.AuthorError.
func PlanArchive(ctx context.Context, root *os.Root, files []File) (*Archive, error) {
	p := &planner{root: root, found: map[string]entry{}}
	for _, f := range files {
		if err := p.add(ctx, f); err != nil {
			return nil, err
		}
	}
	a := &Archive{root: root, entries: make([]entry, 0, len(p.found))}
	for _, e := range p.found {
		a.entries = append(a.entries, e)
	}
	slices.SortFunc(a.entries, func(x, y entry) int { return strings.Compare(x.name, y.name) })
	if err := checkNames(a.entries); err != nil {
		return nil, err
	}
	for _, e := range a.entries {
		header, err := e.header()
		if err != nil {
			return nil, err
		}
		a.size += int64(len(header)) + padded(e.size, blockSize)
	}
	a.size = padded(a.size+2*blockSize, recordSize)
	return a, nil
}

// Size is the length of the archive in bytes.
func (a *Archive) Size() int64 { return a.size }

// Open gives the archive's content, exactly Size bytes, read from the files as
// it is asked for. A file that is not as it was planned is an error.
func (a *Archive) Open() io.ReadCloser { return &stream{archive: a} }

func padded(size, unit int64) int64 { return (size + unit - 1) / unit * unit }

func (e *entry) header() ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     e.name,
		Size:     e.size,
		Mode:     int64(e.mode.Perm()),
		ModTime:  e.modTime,
		Format:   tar.FormatPAX,
	})
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", show(e.path), err)
	}
	return b.Bytes(), nil
}

// planner collects the files of an archive.
type planner struct {
	root   *os.Root
	found  map[string]entry
	visits int
}

// add takes in one of the configured files and folders.
func (p *planner) add(ctx context.Context, f File) error {
	name, err := archiveName(f.Name)
	if err != nil {
		return err
	}
	from := path.Clean(f.Path)
	if !filepath.IsLocal(from) {
		return course.Authorf("the path %s of the grader's file %s leads out of the course: name a file or folder below the course folder", show(f.Path), show(f.Name))
	}
	if hidden(from) {
		return course.Authorf("the path %s of the grader's file %s belongs to git: name another file", show(f.Path), show(f.Name))
	}
	if err := p.apartFromGit(from); err != nil {
		return err
	}
	return p.visit(ctx, name, from, nil)
}

// apartFromGit refuses symbolic links into git's own files: the history of a
// course may hold what no grader is to see.
func (p *planner) apartFromGit(from string) error {
	top, err := filepath.EvalSymlinks(p.root.Name())
	if err != nil {
		return fmt.Errorf("find the course folder: %w", err)
	}
	led, err := filepath.EvalSymlinks(filepath.Join(top, from))
	if err != nil {
		return nil //nolint:nilerr // visit tells what is wrong with it, or passes it over
	}
	if below, err := filepath.Rel(top, led); err == nil && hidden(filepath.ToSlash(below)) {
		return course.Authorf("%s is a symbolic link to git's own files, which graders are not sent: remove it", show(from))
	}
	return nil
}

// archiveName cleans a name but keeps a ./ that it begins with, since graders
// know names as they are configured. The top is empty.
func archiveName(name string) (string, error) {
	clean := path.Clean(name)
	switch {
	case clean == ".":
		return "", nil
	case !filepath.IsLocal(clean) || !utf8.ValidString(name):
		return "", course.Authorf("%s cannot be the name of a grader's file: names are relative, in UTF-8 and without ..", show(name))
	case strings.HasPrefix(name, "./"):
		return "./" + clean, nil
	}
	return clean, nil
}

// hidden says whether a path is one of git's own files. They are no part of a
// course's content, large, and of no use to graders.
func hidden(from string) bool {
	return slices.Contains(strings.Split(from, "/"), ".git")
}

// visit takes in the file, or all files of the folder, at from. within are the
// folders that it was reached through.
func (p *planner) visit(ctx context.Context, name, from string, within []fileID) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.visits++; p.visits > maxVisits {
		return course.Authorf("more than %d files and folders are to be sent to a grader: send fewer, or look for symbolic links that repeat folders (seen last: %s)", maxVisits, show(from))
	}
	info, err := p.root.Stat(from)
	if err != nil {
		return unreadable(from, err)
	}
	switch {
	case info.IsDir():
		return p.folder(ctx, name, from, append(within, identify(info)))
	case !info.Mode().IsRegular():
		return course.Authorf("%s is neither a file nor a folder and cannot be sent to a grader: remove it", show(from))
	case name == "":
		return course.Authorf("%s is a file and needs a name for the grader: give it one instead of an empty name", show(from))
	case !utf8.ValidString(name):
		return course.Authorf("the name of %s is not UTF-8 and cannot be sent to a grader: rename it", show(from))
	}
	e := entry{name: name, path: from, id: identify(info), size: info.Size(), mode: info.Mode(), modTime: info.ModTime()}
	if other, taken := p.found[name]; taken && other.id != e.id {
		return conflict(name, other.path, from)
	}
	p.found[name] = e
	return nil
}

func (p *planner) folder(ctx context.Context, name, from string, within []fileID) error {
	last := len(within) - 1
	if slices.Contains(within[:last], within[last]) {
		return course.Authorf("the symbolic link %s leads back to a folder that it is in: remove it, or do not send it to a grader", show(from))
	}
	d, err := p.root.Open(from)
	if err != nil {
		return unreadable(from, err)
	}
	defer d.Close() //nolint:errcheck // only read
	for {
		// In pieces, so that no folder is too large for the memory.
		list, err := d.ReadDir(1000)
		for _, child := range list {
			if hidden(child.Name()) {
				continue
			}
			below := child.Name()
			if name != "" {
				below = name + "/" + child.Name()
			}
			at := path.Join(from, child.Name())
			if child.Type()&fs.ModeSymlink != 0 {
				if err := p.apartFromGit(at); err != nil {
					return err
				}
			}
			if err := p.visit(ctx, below, at, within); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the folder %s: %w", show(from), err)
		}
	}
}

// unreadable tells what cannot be opened from what is not there.
func unreadable(from string, err error) error {
	var number syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR):
		return nil // as gitmanager: nothing is packed
	case !errors.As(err, &number):
		// Not the system's word but that of os.Root.
		return course.Authorf("%s is a symbolic link out of the course and cannot be sent to a grader: link to a file of the course by a relative path", show(from))
	}
	return fmt.Errorf("read %s: %w", show(from), number)
}

// checkNames finds names that would overwrite each other when the archive is
// unpacked. The list is sorted.
func checkNames(list []entry) error {
	owner := make(map[string]*entry, len(list))
	for i := range list {
		e := &list[i]
		clean := path.Clean(e.name)
		if other, taken := owner[clean]; taken && other.id != e.id {
			return conflict(e.name, other.path, e.path)
		}
		owner[clean] = e
	}
	for i := range list {
		for above := path.Dir(path.Clean(list[i].name)); above != "."; above = path.Dir(above) {
			if other, taken := owner[above]; taken {
				return course.Authorf("the grader's file %s (%s) cannot be in a folder, since %s is a file (%s): rename one of them",
					show(list[i].name), show(list[i].path), show(above), show(other.path))
			}
		}
	}
	return nil
}

func conflict(name, one, other string) error {
	first, second := min(one, other), max(one, other)
	return course.Authorf("the grader's file %s would be both %s and %s: give them different names", show(name), show(first), show(second))
}

func identify(info fs.FileInfo) fileID {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{device: uint64(s.Dev), inode: s.Ino} //nolint:unconvert // Dev has other types elsewhere
	}
	return fileID{}
}

func show(name string) string { return fmt.Sprintf("%q", remote.OneLine(name, 200)) }
