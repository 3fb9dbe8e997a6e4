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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// scene is a case on folders of its own, and what a power failure may leave of
// them.
type scene struct {
	of    crashCase
	place *place
	tape  *tape
	left  []remains
}

// remains is a state of the disk after a power failure.
type remains struct {
	where string
	done  bool // the call had succeeded before
	state []leftover
}

// keepOne is the configuration of all cases.
func keepOne(cfg *release.Config) {
	cfg.Keep = 1
	cfg.Workers = 1 // the tape follows one step after the other
}

// scene prepares a case.
func (c crashCase) scene(t *testing.T) *scene {
	t.Helper()
	s := &scene{of: c, place: memoryPlace(t)}
	s.place.now = c.now
	d := s.place.open(t, keepOne)
	var err error
	if s.tape, err = newTape(filepath.Dir(s.place.store)); err != nil {
		t.Fatal(err)
	}
	s.follow(d, func(string, string) error { return nil })
	c.prepare(t, s.place, d)
	s.end(t)
	if c.meanwhile != nil {
		s.tape.flushAll() // garbage is old
	}
	return s
}

// open opens the folders for one who meets a fault, nil for none.
func (s *scene) open(t *testing.T, f fault) *release.Depot {
	t.Helper()
	d := s.place.open(t, keepOne)
	s.follow(d, func(op, path string) error {
		if f != nil {
			if err := f(op, path); err != nil {
				return err
			}
		}
		if s.of.meanwhile != nil {
			s.of.meanwhile(t, s, op, path)
		}
		return nil
	})
	return d
}

func (s *scene) follow(d *release.Depot, f fault) {
	d.SetFault(func(op, path string) error {
		err := f(op, path)
		if op == aRead {
			return err
		}
		return errors.Join(err, s.tape.step(op, path, err == nil))
	})
}

func (s *scene) end(t *testing.T) {
	t.Helper()
	if err := s.tape.end(); err != nil {
		t.Fatal(err)
	}
}

// note keeps what a power failure leaves now, unless readers and the next try
// were shown as much before.
func (s *scene) note(where string, done bool) {
	for how, state := range s.tape.left() {
		if s.of.seen.first(fmt.Sprint(done), state) {
			s.left = append(s.left, remains{fmt.Sprintf("%s, then the power failed and left %s", where, how), done, state})
		}
	}
}

// again repeats the run and notes what a power failure leaves meanwhile, each
// time a name has come or gone.
func (s *scene) again(t *testing.T, where string) {
	t.Helper()
	where += ", next try"
	s.tape.after = func(op, path string) {
		switch op {
		case "rename", "exchange", "remove", "remove all":
			s.note(fmt.Sprintf("%s: after %s %s", where, op, filepath.Base(path)), false)
		}
	}
	if err := s.of.run(t.Context(), s.place, s.open(t, nil)); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	s.end(t)
	s.tape.after = nil
	s.note(where+" has succeeded", true)
}

// checkAfter looks at what a run has left, old or new, and repeats it.
func (c crashCase) checkAfter(t *testing.T, where string, s *scene) {
	t.Helper()
	c.checkState(t, where, s.place, c.before, c.after)
	s.again(t, where)
	c.checkState(t, where+", next try", s.place, c.after)
	c.checkShared(t, where+", next try", s.place)
	for _, r := range s.left {
		s.checkPowerLoss(t, r)
	}
	checkClean(t, where, s.place, s.place.open(t, keepOne))
}

// checkPowerLoss looks at what a power failure has left, and repeats the run.
func (s *scene) checkPowerLoss(t *testing.T, r remains) {
	t.Helper()
	for _, wrong := range wrongObjects(r.state) {
		t.Errorf("%s: pool file %s", r.where, wrong)
	}
	p, err := s.place.restore(r.state, s.place.beside(t))
	if err != nil {
		t.Fatalf("%s: %v", r.where, err)
	}
	defer p.drop(t)
	if r.done {
		s.of.checkState(t, r.where, p, s.of.after)
		want, got := slices.Sorted(maps.Keys(tree(t, s.place.static))), slices.Sorted(maps.Keys(tree(t, p.static)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: links to static files (-want +got):\n%s", r.where, diff)
		}
	} else {
		s.of.checkState(t, r.where, p, s.of.before, s.of.after)
	}
	if err := s.of.run(t.Context(), p, p.open(t, keepOne)); err != nil {
		t.Errorf("%s: the next try: %v", r.where, err)
	}
	s.of.checkState(t, r.where+", next try", p, s.of.after)
	s.of.checkShared(t, r.where+", next try", p)
}

// checkShared looks whether garbage collection has left each file of a release in
// the pool, and nothing unfinished there.
func (c crashCase) checkShared(t *testing.T, where string, p *place) {
	t.Helper()
	if c.meanwhile == nil {
		return
	}
	pool := map[uint64]bool{}
	files := map[string]uint64{}
	for name := range tree(t, filepath.Dir(p.store)) {
		path := filepath.Join(filepath.Dir(p.store), name)
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(name, ".objects/"):
			pool[st.Ino] = true
			if strings.Contains(name, "/.tmp-") {
				t.Errorf("%s: left in the pool: %s", where, name)
			}
		case strings.Contains(name, "/content/") && st.Mode&unix.S_IFMT == unix.S_IFREG:
			files[name] = st.Ino
		}
	}
	for name, ino := range files {
		if !pool[ino] {
			t.Errorf("%s: not in the pool: %s", where, name)
		}
	}
}

// newest is the build that A+ would be told about, 0 for none.
func newest(t *testing.T, d *release.Depot) int {
	t.Helper()
	rel, err := d.Stored(key)
	if errors.Is(err, course.ErrNotFound) {
		return liveBuild(t, d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return int(rel.BuildID)
}

func liveBuild(t *testing.T, d *release.Depot) int {
	t.Helper()
	rel, err := d.Published(key)
	if err != nil && !errors.Is(err, course.ErrNotFound) {
		t.Fatal(err)
	}
	return int(rel.BuildID)
}

// checkState looks as readers do: what is there is whole, of one build only, and
// as at one of the moments; with one alone, that one has come.
func (c crashCase) checkState(t *testing.T, where string, p *place, may ...moment) {
	t.Helper()
	d := p.open(t, keepOne)
	for _, find := range []func(string) (course.Release, error){d.Stored, d.Published} {
		rel, err := find(key)
		if errors.Is(err, course.ErrNotFound) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		checkWhole(t, where, d, rel)
	}
	now, live := newest(t, d), liveBuild(t, d)
	if !slices.ContainsFunc(may, func(m moment) bool { return m.newest == now }) {
		t.Errorf("%s: build %d is newest, want one of %v", where, now, may)
	}
	if !slices.ContainsFunc(may, func(m moment) bool { return m.live == live }) {
		t.Errorf("%s: build %d is live, want one of %v", where, live, may)
	}
	got, err := os.ReadFile(filepath.Join(p.static, key, "a.html"))
	bare := c.bare && len(may) > 1 && errors.Is(err, fs.ErrNotExist)
	if want := fmt.Sprintf("build %d\n", live); live != 0 && !bare && (err != nil || string(got) != want) {
		t.Errorf("%s: build %d is live, but its static file has %q (%v)", where, live, got, err)
	}
	if c.also != nil {
		c.also(t, where, d, len(may) == 1)
	}
}

// checkWhole looks at everything in a release.
func checkWhole(t *testing.T, where string, d *release.Depot, rel course.Release) {
	t.Helper()
	text := fmt.Sprintf("build %d\n", rel.BuildID)
	want := map[string]string{
		"index.yaml": text, "static/a.html": text, "static/b.html": text,
		"static/same.css": "never changes", "static/deep/er/c.html": text,
	}
	content := filepath.Join(rel.Dir, "content")
	if diff := cmp.Diff(want, tree(t, content)); diff != "" {
		t.Errorf("%s: build %d (-want +got):\n%s", where, rel.BuildID, diff)
	}
	for name := range want {
		if info, err := os.Stat(filepath.Join(content, name)); err == nil && info.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("%s: %s of build %d has the mode %v", where, name, rel.BuildID, info.Mode())
		}
	}
	if doc, err := d.Document(rel); err != nil || string(doc) != fmt.Sprintf(`{"build":%d}`, rel.BuildID) {
		t.Errorf("%s: document of build %d: %q, %v", where, rel.BuildID, doc, err)
	}
}

// checkClean collects garbage long after and expects that nothing is left over.
func checkClean(t *testing.T, where string, p *place, d *release.Depot) {
	t.Helper()
	p.now = p.now.Add(1000 * time.Hour)
	live := liveBuild(t, d)
	for range 2 { // what the first one moves to the trash late, the second deletes
		if _, err := d.Prune(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if _, err := d.CollectGarbage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name := range tree(t, filepath.Dir(p.store)) {
		if strings.Contains(name, "/.tmp-") || strings.Contains(name, "/.trash/") || strings.Contains(name, "/.staging/") {
			t.Errorf("%s: left over: %s", where, name)
		}
	}
	objects, err := filepath.Glob(filepath.Join(p.store, ".objects", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range objects {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Nlink < 2 {
			t.Errorf("%s: pool file %s has %d names (%v)", where, filepath.Base(path), st.Nlink, err)
		}
	}
	if got := liveBuild(t, d); got != live {
		t.Errorf("%s: cleaning changed the live build from %d to %d", where, live, got)
	}
}
