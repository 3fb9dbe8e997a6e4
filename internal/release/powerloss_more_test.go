package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"coursewright/internal/release"
)

// The whole file system is flushed at once where a build brings many new files.
func TestPowerFailsAfterManyNewFiles(t *testing.T) {
	t.Parallel()
	storedThenPowerFails(t, func(p *place) {
		for i := range 260 {
			p.write(t, map[string]string{fmt.Sprintf("static/%d", i): fmt.Sprint(i)})
		}
	}, nil)
}

// A file system allows a file so many names and no more. The next copy of it is as
// durable as the first.
func TestPowerFailsAfterAFileWithTooManyNames(t *testing.T) {
	t.Parallel()
	links := 0
	storedThenPowerFails(t, func(*place) {}, func(op, path string) error {
		if op == "link" && filepath.Base(path) == "b.html" {
			links++
		}
		if links == 2 { // the pool does not have it at first; then its copy gets the names
			links++
			return unix.EMLINK
		}
		return nil
	})
	if links != 4 {
		t.Errorf("%d links of a file that was refused one, want it refused and then linked", links-1)
	}
}

// storedThenPowerFails stores the small course with more in it, lets the power
// fail and compares what is left.
func storedThenPowerFails(t *testing.T, more func(p *place), f fault) {
	t.Helper()
	c := crashCase{seen: newSeen(), now: time.Now()}
	c.prepare = func(t *testing.T, p *place, _ *release.Depot) { t.Helper(); p.course(t, 1); more(p) }
	s := c.scene(t)
	if err := stageAndCommit(1)(t.Context(), s.place, s.open(t, f)); err != nil {
		t.Fatal(err)
	}
	s.end(t)
	state := s.tape.left()["what was flushed"]
	for _, wrong := range wrongObjects(state) {
		t.Errorf("pool file %s", wrong)
	}
	p, err := s.place.restore(state, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := p.open(t).Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.place.open(t).Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, want.Dir), tree(t, rel.Dir)); diff != "" {
		t.Errorf("after the power failed (-want +got):\n%s", diff)
	}
}

// A folder under the static root that is on another disk than the trash is removed
// at once, but not before the link in its place is durable.
func TestFolderOnAnotherDiskGoesAfterTheSwitch(t *testing.T) {
	t.Parallel()
	p := memoryPlace(t)
	p.static = t.TempDir()
	var here, there unix.Stat_t
	if err := errors.Join(unix.Stat(filepath.Dir(p.store), &here), unix.Stat(p.static, &there)); err != nil {
		t.Fatal(err)
	}
	if here.Dev == there.Dev {
		t.Skip("the folder for temporary files and /dev/shm are on the same file system")
	}
	if err := os.MkdirAll(filepath.Join(p.static, key, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := p.open(t)
	p.commit(t, d, 1)
	var ops []string
	d.SetFault(func(op, path string) error {
		if path == p.static || filepath.Dir(path) == p.static {
			ops = append(ops, op)
		}
		return nil
	})
	publish(t, d, 1)
	if got := ops[slices.Index(ops, "exchange"):]; !slices.Equal(got[:3], []string{"exchange", "sync", "remove all"}) {
		t.Errorf("steps under the static root: %v", got)
	}
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("the static file has %q", got)
	}
}

// A release may be staged twice also where the file system exchanges nothing.
func TestStageAgainWithoutExchange(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	stage(t, d, p.request(1))
	asked := false
	d.SetFault(func(op, _ string) error {
		if op == "exchange" {
			asked = true
			return unix.EINVAL
		}
		return nil
	})
	again := p.request(1)
	again.Docs["lms.json"] = []byte(`{"again":true}`)
	stage(t, d, again)
	if err := d.Commit(t.Context(), key, version(1)); err != nil {
		t.Fatal(err)
	}
	rel, err := d.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := d.Document(rel); !asked || err != nil || string(doc) != `{"again":true}` {
		t.Errorf("asked for an exchange: %v; document %q, %v", asked, doc, err)
	}
}
