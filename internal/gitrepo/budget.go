package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// maxSubmodules bounds the submodules of a course, those in submodules included:
// each has a repository of its own on the disk, with its history.
const maxSubmodules = 1000

// budget is what a checkout has taken of the limits so far: the course's own
// tree and those of all its submodules share them.
type budget struct {
	limits     Limits
	files      int
	bytes      int64
	index      int64 // about what git's indexes of these files take
	submodules int
	wrote      int64 // what git has written while it fetched from Git LFS
	stored     int64 // what Git LFS has stored
}

// file counts a file of the tree t, named as the course's authors know it.
func (b *budget) file(t tree, name string) error {
	const entry = 100 // bytes beside the name, rounded up
	b.index += int64(len(name)) + entry
	if b.files++; b.files <= b.limits.Files {
		return nil
	}
	if t.path == "" {
		return course.Authorf("The branch has more than %d files. Keep generated files out of git, or ask the administrator for a higher COURSE_FILES.", b.limits.Files)
	}
	return course.Authorf("The course has more than %d files, with those of the submodule %q. Use a smaller submodule, or ask the administrator for a higher COURSE_FILES.", b.limits.Files, t.path)
}

// size counts the bytes of a file of t beyond what was counted of it.
func (b *budget) size(t tree, name string, size int64) error {
	if size <= b.limits.Bytes-b.bytes {
		b.bytes += size
		return nil
	}
	if t.path == "" {
		return course.Authorf("The files of the branch have more than %s together; one of them is %s. Keep large files out of git, or ask the administrator for a higher COURSE_SIZE.", b.limits.size(), strconv.Quote(name))
	}
	return course.Authorf("The files of the course have more than %s together, with those of the submodule %q; one of them is %s. Use a smaller submodule, or ask the administrator for a higher COURSE_SIZE.", b.limits.size(), t.path, strconv.Quote(name))
}

func (b *budget) submodule(n int) error {
	if b.submodules += n; b.submodules > maxSubmodules {
		return course.Authorf("The course has more than %d submodules, with those in submodules. Put what they hold into fewer repositories.", maxSubmodules)
	}
	return nil
}

// checkTree looks at the files of a commit before they are written: how many
// and how large they are. Links count with the length of their targets. It says
// whether files may have to be fetched from Git LFS; these count with their size.
func (s *session) checkTree(ctx context.Context, t tree, commit string) (lfs bool, err error) {
	var attributes []blob // files that may name the filter of Git LFS
	err = s.listTree(ctx, t, commit, func(e entry) error {
		name := t.inside(string(e.path))
		if err := s.spent.file(t, name); err != nil {
			return err
		}
		if err := checkPath(name); err != nil {
			return err
		}
		if s.git.lfs && path.Base(name) == ".gitattributes" {
			attributes = append(attributes, e.blob(t))
		}
		return s.spent.size(t, name, e.size)
	})
	if err != nil || !s.git.lfs {
		return false, err
	}
	uses, err := s.usesLFS(ctx, t, attributes)
	if err != nil || !uses {
		return false, err
	}
	return true, s.countPointers(ctx, t, commit)
}

// entry is a file or a submodule of a commit, as it is listed. Its bytes are valid
// until the next one.
type entry struct {
	mode, hash, path []byte
	size             int64 // 0 of a submodule
}

// blob is a file of a commit.
type blob struct {
	hash, name string
	size       int64
}

func (e entry) blob(t tree) blob {
	return blob{hash: string(e.hash), name: t.inside(string(e.path)), size: e.size}
}

// listTree lists what a commit holds, until each fails.
func (s *session) listTree(ctx context.Context, t tree, commit string, each func(entry) error) error {
	args := []string{"ls-tree", "-r", "-l", "-z", "--full-tree", commit}
	return s.stream(ctx, process{dir: t.dir, args: args}, func(out io.Reader) error {
		scanner := bufio.NewScanner(out)
		const longest = 1 << 20 // bytes of a path, which has its own limits later
		scanner.Buffer(make([]byte, 64<<10), longest)
		scanner.Split(splitNUL)
		for scanner.Scan() {
			// MODE TYPE HASH SIZE TAB PATH NUL
			meta, name, _ := bytes.Cut(scanner.Bytes(), []byte("\t"))
			fields := bytes.Fields(meta)
			if len(fields) != 4 {
				return fmt.Errorf("git ls-tree: %.100q is not understood", scanner.Bytes())
			}
			size, err := strconv.ParseInt(string(fields[3]), 10, 64)
			if err != nil {
				size = 0 // a submodule has none
			}
			if err := each(entry{mode: fields[0], hash: fields[2], path: name, size: size}); err != nil {
				return err
			}
		}
		return scanner.Err()
	})
}

// checkPath refuses names that git would not write: a reset that fails by them
// looks like trouble of the disk.
func checkPath(path string) error {
	const longestName, longestPath = 255, 3000 // bytes; the kernel's limits, and room for the folders above
	shown := strconv.Quote(path)
	if len(path) > longestPath {
		return course.Authorf("The branch has a file with a path of %d bytes, which begins with %s. Use shorter names or fewer levels of folders.", len(path), strconv.Quote(path[:100]))
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git"):
			return course.Authorf("The branch has a file %s, with a name that git refuses to write. Remove it from the branch.", shown)
		case len(part) > longestName:
			return course.Authorf("The branch has a file with a name of %d bytes, which begins with %s. Use a shorter one.", len(part), strconv.Quote(part[:100]))
		}
	}
	return nil
}

func splitNUL(data []byte, atEnd bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEnd && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
