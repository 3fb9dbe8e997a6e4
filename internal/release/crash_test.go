package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

var errDied = errors.New("the process died here")

// fault decides about each change on disk before it is made.
type fault func(op, path string) error

// aRead is the operation of a fault point where nothing is changed.
const aRead = "read"

// dyingAt lets the first n changes on disk happen; later ones fail, those of
// clean-up code included, as if the process had been killed. died tells
// whether it came to that.
func dyingAt(n int64) (f fault, died func() bool) {
	var count atomic.Int64
	return func(op, path string) error {
		if op == aRead {
			return nil // a process that dies there has died before the next change
		}
		at := count.Add(1)
		if at == n+1 {
			return errors.Join(fmt.Errorf("%s %s: %w", op, filepath.Base(path), errDied), halve(op, path))
		}
		if at > n {
			return fmt.Errorf("%s %s: %w", op, filepath.Base(path), errDied)
		}
		return nil
	}, func() bool { return count.Load() > n }
}

func dieAt(d *release.Depot, n int64) (died func() bool) {
	f, died := dyingAt(n)
	d.SetFault(f)
	return died
}

// failingAt makes one change on disk fail, the one after the first n, as on a
// disk that was full for a moment. The process goes on, its clean-up code
// included. failed tells whether it came to that.
func failingAt(n int64) (f fault, failed func() bool) {
	var count atomic.Int64
	return func(op, path string) error {
		if op != aRead && count.Add(1) == n+1 {
			return errors.Join(fmt.Errorf("%s %s: %w", op, filepath.Base(path), unix.ENOSPC), halve(op, path))
		}
		return nil
	}, func() bool { return count.Load() > n }
}

// halve cuts a file to half of its length where it was filled just now: the write
// that failed had written as much.
func halve(op, path string) error {
	if op != "filled" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

// dieBefore fails every change from the first one on with that operation and
// that last part of its path, empty for any.
func dieBefore(d *release.Depot, op, base string) {
	var dead atomic.Bool
	d.SetFault(func(o, path string) error {
		if o == op && (base == "" || base == filepath.Base(path)) {
			dead.Store(true)
		}
		if dead.Load() {
			return errDied
		}
		return nil
	})
}

// TestKilledAnywhere lets a process die before each of its changes on disk, and
// lets each of them fail by itself: what is there is old or new, never between.
// So it is when the power fails then, or at any time of the next try, and what
// that try has said to be done is there also after a power failure.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, c := range allCases() {
		c.seen, c.now = newSeen(), time.Now()
		for how, hit := range map[string]func(t *testing.T, c crashCase, n int64) bool{"killed": killAt, "failed": failStep} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				for n := int64(0); ; n++ {
					if n > 500 {
						t.Fatal("never ends")
					}
					if !hit(t, c, n) {
						t.Logf("%d steps; the power failed in %d ways", n, len(c.seen.sums))
						return
					}
				}
			})
		}
	}
}

// killAt kills one run after n steps, looks at what is left, and repeats the
// run. It says whether the run was killed at all.
func killAt(t *testing.T, c crashCase, n int64) bool {
	t.Helper()
	s := c.scene(t)
	f, died := dyingAt(n)
	where := fmt.Sprintf("killed after %d steps", n)
	err := c.run(t.Context(), s.place, s.open(t, f))
	if died() != errors.Is(err, errDied) || (!died() && err != nil) {
		t.Fatalf("%s: died %v, but the call says %v", where, died(), err)
	}
	s.end(t)
	s.note(where, !died())
	c.checkAfter(t, fmt.Sprintf("%s (%v)", where, err), s)
	return died()
}

// failStep lets the step after n others fail, looks at what is left, and repeats
// the run. It says whether there was such a step. What only helps may fail
// without the call failing.
func failStep(t *testing.T, c crashCase, n int64) bool {
	t.Helper()
	s := c.scene(t)
	f, failed := failingAt(n)
	where := fmt.Sprintf("step %d failed", n)
	err := c.run(t.Context(), s.place, s.open(t, f))
	if err != nil && !errors.Is(err, unix.ENOSPC) || err != nil && !failed() {
		t.Fatalf("%s: %v, but the call says %v", where, failed(), err)
	}
	s.end(t)
	s.note(where, err == nil)
	if err == nil {
		c.checkState(t, "a success though "+where, s.place, c.after)
	}
	c.checkAfter(t, fmt.Sprintf("%s (%v)", where, err), s)
	return failed()
}

// A call that died between the switch and its note has published all the same:
// its release can be rolled back to, and readers of the one that replaces it
// have their grace period.
func TestPublishThatDiedBeforeItsNote(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.commit(t, d, 1)
	publish(t, d, 1)
	p.commit(t, d, 2)
	dying := p.open(t)
	dieBefore(dying, "rename", "published")
	if _, err := dying.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(2)}); !errors.Is(err, errDied) {
		t.Fatalf("publish: %v", err)
	}
	if live, err := d.Published(key); err != nil || live.BuildID != 2 || live.PublishedAt.IsZero() {
		t.Errorf("published: %+v, %v", live, err)
	}
	if _, err := d.Stored(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("the live release counts as stored: %v", err)
	}
	p.commit(t, d, 3)
	publish(t, d, 3)
	kept, err := d.Releases(key)
	if err != nil || len(kept) != 3 {
		t.Errorf("kept: %+v, %v, want builds 3, 2 and 1", kept, err)
	}
	if _, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(2), Rollback: true}); err != nil {
		t.Errorf("rollback: %v", err)
	}
}

func TestRemoveKilledAnywhere(t *testing.T) {
	t.Parallel()
	for n := int64(0); n < 100; n++ {
		p := memoryPlace(t)
		id := int64(4)
		p.course(t, 1)
		d := p.open(t)
		r := p.request(1)
		r.RemoteID = &id
		stage(t, d, r)
		if err := d.Commit(t.Context(), key, version(1)); err != nil {
			t.Fatal(err)
		}
		publish(t, d, 1)
		p.commit(t, d, 2)
		stage(t, d, p.request(3))
		died := dieAt(d, n)
		if err := d.Remove(t.Context(), key); died() != errors.Is(err, errDied) {
			t.Fatalf("after %d steps: %v", n, err)
		}
		d = p.open(t)
		if err := d.Remove(t.Context(), key); err != nil {
			t.Fatalf("next try after %d steps: %v", n, err)
		}
		if _, err := d.CollectGarbage(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name := range tree(t, filepath.Dir(p.store)) {
			if strings.HasPrefix(name, "build") || strings.Contains(name, ".locks") || strings.Contains(name, ".objects") {
				continue
			}
			t.Errorf("after %d steps and another Remove: %s is left", n, name)
		}
		if !died() {
			return
		}
	}
	t.Error("never ends")
}
