package gitrepo

import (
	"errors"
	"fmt"
	"os"
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
	Files int   // of a branch with its submodules; 0: DefaultFiles
	Bytes int64 // of a branch with its submodules and files in Git LFS, and of any file that git writes; 0: DefaultBytes
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

// confine limits a git process that was just started, and what it starts. Helpers
// that it has started by now have none of its limits and are sought.
func (l Limits) confine(pid int) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_FSIZE: uint64(l.Bytes), unix.RLIMIT_DATA: gitMemory, unix.RLIMIT_CORE: 0} { //nolint:gosec // not negative
		limit := unix.Rlimit{Cur: most, Max: most}
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("limit git: %w", err)
		}
	}
	for _, child := range children(pid) {
		if err := l.confine(child); err != nil {
			return err
		}
	}
	return nil
}

// children lists the processes that a process has started, as far as the kernel
// tells.
func children(pid int) (pids []int) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil // the pattern is well formed
	}
	for _, thread := range threads {
		list, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		for _, word := range strings.Fields(string(list)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
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
