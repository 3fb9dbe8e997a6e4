package release_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// leftover is something that a power failure has left.
type leftover struct {
	path string // from the folder of the place
	node *inode
	safe contents
}

// left tells what a power failure may leave now: what was flushed and nothing
// else, every name there is, or beside what was flushed the newest change alone.
func (w *tape) left() map[string][]leftover {
	out := map[string][]leftover{
		"what was flushed":                     w.leftOf(nil),
		"all names, of files what was flushed": w.leftOf(w.pending),
	}
	if slices.Contains(w.pending, w.last) {
		out["what was flushed and the last change"] = w.leftOf(w.implied(func(c *step) bool { return c == w.last }))
	}
	return out
}

func (w *tape) leftOf(changes []*step) []leftover {
	over := map[*inode]map[string]*inode{}
	for _, c := range changes {
		for s, n := range c.sets {
			if over[s.dir] == nil {
				over[s.dir] = map[string]*inode{}
			}
			over[s.dir][s.name] = n
		}
	}
	var out []leftover
	var walk func(dir *inode, path string)
	walk = func(dir *inode, path string) {
		names := dir.kept
		if o := over[dir]; o != nil {
			names = maps.Clone(names)
			maps.Copy(names, o)
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			n := names[name]
			if n == nil {
				continue
			}
			at := filepath.Join(path, name)
			out = append(out, leftover{at, n, n.safe})
			if n.kind.IsDir() {
				walk(n, at)
			}
		}
	}
	walk(w.top, "")
	return out
}

// seen remembers what was looked at, so that the same is not looked at again.
type seen struct {
	mu   sync.Mutex
	seed maphash.Seed
	sums map[uint64]bool
}

func newSeen() *seen { return &seen{seed: maphash.MakeSeed(), sums: map[uint64]bool{}} }

// random is the part of a name that differs each time.
var random = regexp.MustCompile(`\.tmp-\w+|(V\d+)\.\w{20,}`)

// first says whether nothing was looked at before that is the same to readers
// and to the next try, garbage left aside.
func (s *seen) first(kind string, state []leftover) bool {
	var h maphash.Hash
	h.SetSeed(s.seed)
	say := func(text string) { _, _ = h.WriteString(text); _ = h.WriteByte(0) }
	say(kind)
	for _, l := range state {
		if strings.Contains(l.path, "/.trash/") || strings.Contains(l.path, "/.tmp-") {
			continue
		}
		say(l.path)
		say(l.safe.text)
		say(fmt.Sprint(l.node.kind, l.safe.mode))
		say(random.ReplaceAllString(filepath.Base(l.node.target), "$1"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := h.Sum64()
	was := s.sums[sum]
	s.sums[sum] = true
	return !was
}

// restore makes a place of what a power failure has left. The course that is
// built is the same.
func (p *place) restore(state []leftover, dir string) (*place, error) {
	root := filepath.Dir(p.store)
	at := func(path string) string {
		if rest, inside := strings.CutPrefix(path, root); inside {
			return dir + rest
		}
		return path // of a relative link
	}
	names := map[*inode]string{}
	for _, l := range state {
		path := filepath.Join(dir, l.path)
		var err error
		switch {
		case l.node.kind.IsDir():
			err = os.Mkdir(path, 0o755)
		case l.node.kind == fs.ModeSymlink:
			err = os.Symlink(at(l.node.target), path)
		case names[l.node] != "":
			err = os.Link(names[l.node], path)
		default:
			err = writeAs(path, l.safe)
			names[l.node] = path
		}
		if err != nil {
			return nil, err
		}
	}
	return &place{
		store: at(p.store), publish: at(p.publish), static: at(p.static),
		source: p.source, cache: at(p.cache), now: p.now,
	}, nil
}

func writeAs(path string, c contents) error {
	if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
		return err
	}
	if err := os.Chmod(path, c.mode); err != nil {
		return err
	}
	return os.Chtimes(path, time.Time{}, c.time)
}

// wrongObjects lists the files of the pool that are not what their names say:
// later builds would take them for their own.
func wrongObjects(state []leftover) []string {
	var out []string
	for _, l := range state {
		name, ok := strings.CutPrefix(l.path, "store/.objects/")
		if !ok || !l.node.kind.IsRegular() || strings.Contains(name, "/.tmp-") {
			continue
		}
		sum := sha256.Sum256([]byte(l.safe.text))
		if want := hex.EncodeToString(sum[:1]) + "/" + hex.EncodeToString(sum[1:]) + fmt.Sprintf(".%o", l.safe.mode); name != want {
			out = append(out, fmt.Sprintf("%s has %q and mode %o", name, l.safe.text, l.safe.mode))
		}
	}
	return out
}
