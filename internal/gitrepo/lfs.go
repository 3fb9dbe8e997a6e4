package gitrepo

import (
	"bufio"
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
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/index"
	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// maxPointer is the length of what Git LFS may take for a pointer, in bytes.
const maxPointer = 1024

// lfsSettings let git fetch files from Git LFS. Only commands that write a tree
// whose pointers were counted get them: a build may leave a .gitattributes.
func lfsSettings(o origin) [][2]string {
	settings := [][2]string{
		{"filter.lfs.clean", "git-lfs clean -- %f"},
		{"filter.lfs.smudge", "git-lfs smudge -- %f"},
		{"filter.lfs.process", "git-lfs filter-process"},
		{"filter.lfs.required", "true"},
	}
	if !o.local {
		// A course's .lfsconfig may name a folder of this server as its store;
		// git-lfs serves such addresses with this program.
		settings = append(settings, [2]string{"lfs.customtransfer.lfs-standalone-file.path", "/bin/false"})
	}
	return settings
}

// usesLFS says whether files of attributes name the filter of Git LFS.
func (s *session) usesLFS(ctx context.Context, t tree, attributes []blob) (uses bool, err error) {
	if slices.ContainsFunc(attributes, func(o blob) bool { return o.size > maxSmallFile }) {
		return true, nil // more than is worth reading
	}
	err = s.readBlobs(ctx, t, attributes, func(_ blob, data []byte) error {
		uses = uses || bytes.Contains(data, []byte("filter=lfs"))
		return nil
	})
	return uses, err
}

// countPointers counts the pointers in a commit with the sizes that they give. It lists
// the commit once more, since few courses have any.
func (s *session) countPointers(ctx context.Context, t tree, commit string) error {
	const file = "100" // what modes of files begin with; links have another
	var small []blob
	err := s.listTree(ctx, t, commit, func(e entry) error {
		if e.size <= maxPointer && bytes.HasPrefix(e.mode, []byte(file)) {
			small = append(small, e.blob(t))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.readBlobs(ctx, t, small, func(o blob, data []byte) error {
		size := pointerSize(data)
		if size < 0 {
			return nil
		}
		return s.spent.size(t, o.name, size-o.size)
	})
}

// pointerSize is the size that a pointer of Git LFS gives, or -1 for what is none.
// It takes more for pointers than Git LFS does, never less.
func pointerSize(data []byte) int64 {
	if !bytes.Contains(data, []byte("git-lfs")) && !bytes.Contains(data, []byte("hawser")) && !bytes.Contains(data, []byte("git-media")) {
		return -1
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "size "); ok {
			if size, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && size >= 0 {
				return size
			}
		}
	}
	return -1
}

// readBlobs reads files of a commit, one after the other, each of at most
// maxSmallFile bytes.
func (s *session) readBlobs(ctx context.Context, t tree, blobs []blob, each func(blob, []byte) error) error {
	if len(blobs) == 0 {
		return nil
	}
	var hashes strings.Builder
	for _, o := range blobs {
		hashes.WriteString(o.hash + "\n")
	}
	p := process{dir: t.dir, args: []string{"cat-file", "--batch", "--buffer"}, stdin: strings.NewReader(hashes.String())}
	return s.stream(ctx, p, func(out io.Reader) error {
		in := bufio.NewReader(out)
		for _, o := range blobs {
			// HASH blob SIZE LF, the bytes, LF
			head, err := in.ReadString('\n')
			if err != nil {
				return fmt.Errorf("git cat-file: %w", err)
			}
			if head != fmt.Sprintf("%s blob %d\n", o.hash, o.size) {
				return fmt.Errorf("git cat-file: %.100q is not expected", head)
			}
			data := make([]byte, o.size+1)
			if _, err := io.ReadFull(in, data); err != nil {
				return fmt.Errorf("git cat-file: %w", err)
			}
			if err := each(o, data[:o.size]); err != nil {
				return err
			}
		}
		return nil
	})
}

// write runs a command that writes the files of t, after checkTree.
func (s *session) write(ctx context.Context, t tree, lfs bool, args ...string) error {
	if !lfs {
		return s.runWritable(ctx, t.dir, args...)
	}
	w := s.with(lfsSettings(s.origin))
	w.meter = &meter{budget: s.spent, store: filepath.Join(t.gitDir, "lfs")}
	err := w.runWritable(ctx, t.dir, args...)
	if !w.meter.full {
		return err
	}
	// Without its index git writes all files the next time, which are measured
	// again then.
	if gone := os.Remove(filepath.Join(t.gitDir, "index")); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return errors.Join(err, removeAll(w.meter.store))
}

// meter measures what git and Git LFS write. Git LFS believes the store about the
// size of a file, whatever its pointer says.
type meter struct {
	budget *budget
	store  string // the folder of Git LFS
	full   bool
}

// follow measures until the process has ended, which is still to be waited for.
// It calls end when there is too much, also when that shows at the end only.
func (m *meter) follow(pid int, end context.CancelCauseFunc) error {
	const often = 200 * time.Millisecond
	counters, err := os.Open(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return fmt.Errorf("measure git: %w", err)
	}
	defer counters.Close() //nolint:errcheck // only read
	ended := make(chan error, 1)
	go func() { ended <- untilEnd(pid) }()
	wrote, stored := m.budget.wrote, m.budget.stored-sizeBelow(m.store)
	tick := time.NewTicker(often)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case err = <-ended:
			last = true
		case <-tick.C:
		}
		now, failed := bytesWritten(counters)
		if failed != nil {
			return errors.Join(err, failed)
		}
		m.budget.wrote, m.budget.stored = wrote+now, stored+sizeBelow(m.store)
		if !m.full && m.budget.overwritten() {
			m.full = true
			end(course.Authorf("Files in Git LFS are larger than their pointers say; with them the course has more than %s. Add them to Git LFS and push anew, or ask the administrator for a higher COURSE_SIZE.", m.budget.limits.size()))
		}
	}
	return err
}

// overwritten says whether more was written than the files that were counted can
// explain: each once to the work tree and once to a filter, and the indexes; in
// the store of Git LFS each once, and half of a fetch that was repeated.
func (b *budget) overwritten() bool {
	const rest = 1 << 20 // bytes of logs and the like
	return (b.wrote-b.index-rest)/2 > b.limits.Bytes || b.stored/2 > b.limits.Bytes
}

// untilEnd waits for the end of a child without taking note of it.
func untilEnd(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// bytesWritten reads from /proc/PID/io what a process has written.
func bytesWritten(counters io.ReaderAt) (int64, error) {
	text, err := io.ReadAll(io.NewSectionReader(counters, 0, 4096))
	if err != nil {
		return 0, fmt.Errorf("measure git: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "wchar: "); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, errors.New("measure git: the kernel does not count what processes write")
}

// sizeBelow is the size of the files in a folder; what vanishes meanwhile counts
// as nothing.
func sizeBelow(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// warnPointers says so when files are kept in Git LFS, which is not installed:
// the working copy then holds small pointer files in their place.
func warnPointers(dir string, idx *index.Index, log func(string)) {
	for _, e := range idx.Entries {
		if path.Base(e.Name) != ".gitattributes" {
			continue
		}
		data, err := readSmall(filepath.Join(dir, filepath.FromSlash(e.Name)))
		if err == nil && bytes.Contains(data, []byte("filter=lfs")) {
			log("Warning: this repository keeps files in Git LFS, which is not installed here; they stay pointer files. Ask the administrator to install git-lfs.")
			return
		}
	}
}
