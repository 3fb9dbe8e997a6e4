package release

import (
	"path"
	"slices"
	"strings"
)

// kind is what a name in a folder stands for.
type kind uint8

const (
	kindFile kind = iota
	kindFolder
	kindLink
	kindOther // fifo, socket, device
)

// stamp is what changes when a file changes. A program can set a file's mtime
// back, its ctime it cannot.
type stamp struct {
	ino   uint64 // 0: on another file system than the course, never cached
	size  int64
	mtime int64 // nanoseconds since 1970
	ctime int64 // the same
	mode  uint32
}

// node is one name in a folder.
type node struct {
	name   string
	kind   kind
	stamp  stamp
	target string  // of a link
	folder *folder // of a folder
	source string  // where the file really is in the course; empty: where its folder is
}

// folder is a directory of the course, or of the release that is being made.
type folder struct {
	source string // slash path in the course, "" for its root
	nodes  []node // by name
}

func (f *folder) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f.nodes, name, func(n node, name string) int { return strings.Compare(n.name, name) })
}

// put adds a node or replaces the one of that name.
func (f *folder) put(n node) {
	i, found := f.find(n.name)
	if found {
		f.nodes[i] = n
		return
	}
	f.nodes = slices.Insert(f.nodes, i, n)
}

// sourceOf is where a file of this folder is in the course.
func (f *folder) sourceOf(n *node) string {
	if n.source != "" {
		return n.source
	}
	return path.Join(f.source, n.name)
}

// end is where following a path led.
type end uint8

const (
	endFound   end = iota
	endMissing     // nothing there, but inside
	endOutside     // above the root, or absolute
	endLoop        // too many links
)

// maxHops is the kernel's limit of links on one path.
const maxHops = 40

// tracer follows paths in a tree as the kernel would.
type tracer struct {
	stack []*folder // from the root to the present folder
	rest  []string  // names still to follow
	hops  int
}

// follow resolves a path from the last folder of chain (root first). It gives
// the chain of the folder that holds the result and the result itself, nil
// when that is the last folder of the chain.
func follow(chain []*folder, target string) ([]*folder, *node, end) {
	if strings.HasPrefix(target, "/") {
		return nil, nil, endOutside
	}
	t := tracer{stack: slices.Clone(chain), rest: strings.Split(target, "/")}
	for len(t.rest) > 0 {
		name := t.rest[0]
		t.rest = t.rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(t.stack) == 1 {
				return nil, nil, endOutside
			}
			t.stack = t.stack[:len(t.stack)-1]
			continue
		}
		if n, e, done := t.enter(name); done {
			return t.stack, n, e
		}
	}
	return t.stack, nil, endFound
}

// enter takes one step; done says that the path has ended.
func (t *tracer) enter(name string) (n *node, e end, done bool) {
	top := t.stack[len(t.stack)-1]
	i, found := top.find(name)
	if !found {
		return nil, t.beyond(), true
	}
	n = &top.nodes[i]
	switch n.kind {
	case kindFolder:
		t.stack = append(t.stack, n.folder)
		return nil, endFound, false
	case kindLink:
		if t.hops++; t.hops > maxHops {
			return nil, endLoop, true
		}
		if strings.HasPrefix(n.target, "/") {
			return nil, endOutside, true
		}
		t.rest = append(strings.Split(n.target, "/"), t.rest...)
		return nil, endFound, false
	case kindFile, kindOther:
	}
	if len(t.rest) > 0 {
		return nil, t.beyond(), true
	}
	return n, endFound, true
}

// beyond judges the rest of a path behind a name that does not exist by its
// text: once the name exists, the path must still stay inside.
func (t *tracer) beyond() end {
	depth := len(t.stack)
	for _, name := range t.rest {
		switch name {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return endOutside
			}
		default:
			depth++
		}
	}
	return endMissing
}
