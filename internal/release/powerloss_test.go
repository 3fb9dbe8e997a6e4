package release_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tape follows what happens to the files of a place, step by step, and knows
// what of it was flushed. From that it tells what a disk may hold after a power
// failure, of which nothing is taken for granted but this: a rename is whole or
// did not happen, and changes of the same name happen in order. Otherwise what
// was not flushed may be there or not; of a file that was not flushed, the name
// may be there without the data.
//
// It looks at the folders and does not believe the steps, but for what they say
// of flushes. Steps must follow each other; flushes may overlap.
type tape struct {
	mu      sync.Mutex
	root    string // the folder of the place
	top     *inode
	known   map[[2]uint64]*inode
	pending []*step // in order, not flushed
	last    *step   // the newest one, flushed or not

	op, path string                // the step that is under way
	through  bool                  // whether it was let through
	after    func(op, path string) // called after every step that was, nil for nobody
}

// inode is a file, folder or link.
type inode struct {
	id        [2]uint64
	kind      fs.FileMode
	target    string            // of a link
	now, safe contents          // of a file; safe is what a power failure leaves
	names     map[string]*inode // of a folder
	kept      map[string]*inode // of a folder: what was flushed
	spots     map[spot]bool     // where it is
}

type contents struct {
	text string
	mode fs.FileMode
	time time.Time
}

// spot is a name in a folder.
type spot struct {
	dir  *inode
	name string
}

// step is what happens to names together or not at all; nil: the name goes.
type step struct{ sets map[spot]*inode }

// newTape takes everything that is there as flushed.
func newTape(root string) (*tape, error) {
	w := &tape{root: root, known: map[[2]uint64]*inode{}}
	var err error
	if w.top, err = w.look(root, true); err != nil {
		return nil, err
	}
	c, err := w.differences(w.top, root, true)
	if err != nil {
		return nil, err
	}
	w.apply(c)
	w.flushAll()
	return w, nil
}

// step is told of a step before it is made, or refused.
func (w *tape) step(op, path string, through bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.settle()
	w.op, w.path, w.through = op, path, through
	return err
}

// end is called when the last step was made.
func (w *tape) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settle()
}

// settle finds out what the step did that was under way.
func (w *tape) settle() error {
	op, path, through := w.op, w.path, w.through
	w.op, w.through = "", false
	if op == "" || w.find(filepath.Dir(path)) == nil {
		return nil
	}
	var err error
	switch op {
	case "sync", "sync all", "close":
		if through {
			w.flushed(op, path)
		}
	case "fill", "filled", "chmod", "date":
		err = w.refill(path)
	default:
		err = errors.Join(w.rename(op, path), w.refill(path))
	}
	if err != nil {
		return fmt.Errorf("tape of %s %s: %w", op, path, err)
	}
	if through && w.after != nil {
		w.after(op, path)
	}
	return nil
}

func (w *tape) flushed(op, path string) {
	n := w.find(path)
	switch {
	case op == "sync all":
		w.flushAll()
	case op == "sync" && n != nil:
		w.flush(n)
	}
}

// refill looks at a file's data.
func (w *tape) refill(path string) (err error) {
	if n := w.find(path); n != nil && n.kind.IsRegular() {
		n.now, err = readContents(path)
	}
	return err
}

// rename looks which names have come and gone.
func (w *tape) rename(op, path string) error {
	c, err := w.differences(w.find(filepath.Dir(path)), filepath.Dir(path), op == "link")
	if err != nil {
		return err
	}
	if op == "remove all" {
		w.apply(w.emptied(c))
	}
	w.apply(c)
	return nil
}

// look gives the inode at a path. Of a new file nothing was flushed, unless it
// is safe.
func (w *tape) look(path string, safe bool) (*inode, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	id := [2]uint64{st.Dev, st.Ino}
	if n := w.known[id]; n != nil {
		return n, nil
	}
	n := &inode{id: id, spots: map[spot]bool{}}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.kind, n.names, n.kept = fs.ModeDir, map[string]*inode{}, map[string]*inode{}
	case unix.S_IFLNK:
		n.kind = fs.ModeSymlink
		n.target, err = os.Readlink(path)
	default:
		n.now, err = readContents(path)
		if n.safe = n.now; !safe {
			n.safe.text = ""
		}
	}
	w.known[id] = n
	return n, err
}

func readContents(path string) (contents, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return contents{}, err
	}
	text, err := os.ReadFile(path)
	return contents{string(text), info.Mode().Perm(), info.ModTime()}, err
}

// find gives the inode at a path of the tape, nil where nothing is.
func (w *tape) find(path string) *inode {
	rel, err := filepath.Rel(w.root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return nil
	}
	n := w.top
	if rel == "." {
		return n
	}
	for name := range strings.SplitSeq(rel, "/") {
		if n = n.names[name]; n == nil {
			return nil
		}
	}
	return n
}

// followed says whether the tape follows a name: the course that is built and
// the locks are no part of what is stored.
func followed(name string) bool { return name != "build" && name != ".locks" }

// differences compares a folder with what the tape knows of it. Where a new name
// is a known file's, that file's other names are looked at too.
func (w *tape) differences(dir *inode, path string, safe bool) (*step, error) {
	c := &step{map[spot]*inode{}}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	present := map[string]bool{}
	for _, e := range entries {
		if !followed(e.Name()) {
			continue
		}
		present[e.Name()] = true
		n, err := w.look(filepath.Join(path, e.Name()), safe)
		if err != nil {
			return nil, err
		}
		if dir.names[e.Name()] == n {
			continue
		}
		c.sets[spot{dir, e.Name()}] = n
		for s := range n.spots {
			if s.dir != dir && !w.still(s, n) {
				c.sets[s] = nil
			}
		}
		if n.kind.IsDir() && len(n.spots) == 0 { // made outside of the steps, perhaps with something in it
			inside, err := w.differences(n, filepath.Join(path, e.Name()), safe)
			if err != nil {
				return nil, err
			}
			maps.Copy(c.sets, inside.sets)
		}
	}
	for name := range dir.names {
		if !present[name] {
			c.sets[spot{dir, name}] = nil
		}
	}
	return c, nil
}

func (w *tape) still(s spot, n *inode) bool {
	var st unix.Stat_t
	err := unix.Lstat(filepath.Join(w.pathOf(s.dir), s.name), &st)
	return err == nil && [2]uint64{st.Dev, st.Ino} == n.id
}

func (w *tape) pathOf(dir *inode) string {
	for s := range dir.spots {
		return filepath.Join(w.pathOf(s.dir), s.name)
	}
	return w.root
}

// emptied is what removing a whole folder does before its own name goes.
func (w *tape) emptied(c *step) *step {
	out := &step{map[spot]*inode{}}
	var empty func(dir *inode)
	empty = func(dir *inode) {
		for name, n := range dir.names {
			out.sets[spot{dir, name}] = nil
			empty(n)
		}
	}
	for s, n := range c.sets {
		if n == nil {
			empty(s.dir.names[s.name])
		}
	}
	return out
}

// apply makes a change in what the tape knows.
func (w *tape) apply(c *step) {
	if len(c.sets) == 0 {
		return
	}
	var gone []*inode
	for s, n := range c.sets {
		if old := s.dir.names[s.name]; old != nil {
			delete(old.spots, s)
			gone = append(gone, old)
		}
		if n == nil {
			delete(s.dir.names, s.name)
			continue
		}
		s.dir.names[s.name] = n
		n.spots[s] = true
	}
	for _, n := range gone {
		if len(n.spots) == 0 {
			delete(w.known, n.id) // its number may come back with another file
		}
	}
	w.pending, w.last = append(w.pending, c), c
}

// flush makes a file's data, or what happened to a folder's names, safe.
func (w *tape) flush(n *inode) {
	if !n.kind.IsDir() {
		n.safe = n.now
		return
	}
	w.keep(func(c *step) bool {
		for s := range c.sets {
			if s.dir == n {
				return true
			}
		}
		return false
	})
}

func (w *tape) flushAll() {
	for _, n := range w.known {
		n.safe = n.now
	}
	w.keep(func(*step) bool { return true })
}

// keep makes changes safe.
func (w *tape) keep(wanted func(*step) bool) {
	kept := w.implied(wanted)
	for _, c := range kept {
		for s, n := range c.sets {
			if n == nil {
				delete(s.dir.kept, s.name)
			} else {
				s.dir.kept[s.name] = n
			}
		}
	}
	w.pending = slices.DeleteFunc(w.pending, func(c *step) bool { return slices.Contains(kept, c) })
}

// implied gives the wanted ones of the pending changes and, since changes of the
// same name happen in order, what must have happened before them.
func (w *tape) implied(wanted func(*step) bool) []*step {
	var out []*step
	touched := map[spot]bool{}
	for _, c := range slices.Backward(w.pending) {
		take := wanted(c)
		for s := range c.sets {
			take = take || touched[s]
		}
		if !take {
			continue
		}
		for s := range c.sets {
			touched[s] = true
		}
		out = append(out, c)
	}
	slices.Reverse(out)
	return out
}
