package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// Limits bound what a repository may make of this host: a few kilobytes in git
// can stand for any number of files of any size.
type Limits struct {
	Files int   // of a branch; 0: DefaultFiles
	Bytes int64 // of a branch, and of any file that git writes; 0: DefaultBytes
}

// Defaults of Limits. The largest known courses have some tens of thousands of
// files and a few gigabytes.
const (
	DefaultFiles = 500_000
	DefaultBytes = 20 << 30
)

// gitMemory is what a git process may take, in bytes. Git keeps a list of all
// files and some large ones in memory.
const gitMemory = 4 << 30

func (l Limits) orDefaults() Limits {
	if l.Files <= 0 {
		l.Files = DefaultFiles
	}
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	return l
}

// confine limits a git process that was just started, and what it starts.
func (l Limits) confine(pid int) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_FSIZE: uint64(l.Bytes), unix.RLIMIT_DATA: gitMemory, unix.RLIMIT_CORE: 0} { //nolint:gosec // not negative
		limit := unix.Rlimit{Cur: most, Max: most}
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("limit git: %w", err)
		}
	}
	return nil
}

// beyond is the author's error when git was ended by a limit, else nil.
func (l Limits) beyond(e *gitError) error {
	switch {
	case e.says("signal 25", "file size limit exceeded", "File too large") || strings.Contains(e.err.Error(), "file size limit exceeded"):
		return course.Authorf("The repository has a file or a history of more than %s, in git or in Git LFS. Remove it from the branch, or ask the administrator for a higher COURSE_SIZE.", l.size())
	case e.says("out of memory", "cannot allocate memory"):
		return course.Authorf("Git needed more memory for the repository than the allowed %s. Does it have a very large number of files, or very large ones?", units.BytesSize(gitMemory))
	}
	return nil
}

func (l Limits) size() string {
	return units.CustomSize("%.4g %s", float64(l.Bytes), 1024, []string{"bytes", "KiB", "MiB", "GiB", "TiB"})
}

// checkTree looks at the files of a commit before they are written: how many
// and how large they are. Links count with the length of their targets, files
// in Git LFS with that of their pointers.
func (s *session) checkTree(ctx context.Context, dir, commit string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limits := s.git.cfg.Limits
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	counted := make(chan error, 1)
	go func() {
		err := limits.count(read)
		if err != nil {
			cancel() // git has more to tell
		}
		_, _ = io.Copy(io.Discard, read) // until git is gone
		counted <- errors.Join(err, read.Close())
	}()
	err = s.start(ctx, dir, write, s.writer(func(string) {}), []string{"ls-tree", "-r", "-l", "-z", "--full-tree", commit})
	err = errors.Join(err, write.Close())
	if refused := <-counted; refused != nil {
		return refused
	}
	return err
}

// count reads entries of ls-tree: MODE TYPE HASH SIZE TAB PATH NUL.
func (l Limits) count(tree io.Reader) error {
	scanner := bufio.NewScanner(tree)
	const longest = 1 << 20 // bytes of a path, which has its own limits later
	scanner.Buffer(make([]byte, 64<<10), longest)
	scanner.Split(splitNUL)
	files, total := 0, int64(0)
	for scanner.Scan() {
		meta, path, _ := bytes.Cut(scanner.Bytes(), []byte("\t"))
		fields := bytes.Fields(meta)
		if len(fields) != 4 {
			return fmt.Errorf("git ls-tree: %.100q is not understood", scanner.Bytes())
		}
		if files++; files > l.Files {
			return course.Authorf("The branch has more than %d files. Keep generated files out of git, or ask the administrator for a higher COURSE_FILES.", l.Files)
		}
		if err := checkPath(string(path)); err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(fields[3]), 10, 64)
		if err != nil {
			continue // a submodule has none
		}
		if total += size; total > l.Bytes || size > l.Bytes {
			return course.Authorf("The files of the branch have more than %s together; one of them is %s. Keep large files out of git, or ask the administrator for a higher COURSE_SIZE.", l.size(), strconv.Quote(filepath.ToSlash(string(path))))
		}
	}
	return scanner.Err()
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

// runConfined is cmd.Run with limits.
func (l Limits) runConfined(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := l.confine(cmd.Process.Pid); err != nil {
		return errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	return cmd.Wait()
}
