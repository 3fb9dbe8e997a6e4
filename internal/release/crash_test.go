package release_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// dieAt lets the first n changes on disk happen; later ones fail, those of
// clean-up code included, as if the process had been killed. died tells
// whether it came to that.
func dieAt(d *release.Depot, n int64) (died func() bool) {
	var count atomic.Int64
	d.SetFault(func(op, path string) error {
		if count.Add(1) > n {
			return fmt.Errorf("%s %s: %w", op, filepath.Base(path), errDied)
		}
		return nil
	})
	return func() bool { return count.Load() > n }
}

// failAt makes one change on disk fail, the one after the first n, as on a disk
// that was full for a moment. The process goes on, its clean-up code included.
// failed tells whether it came to that.
func failAt(d *release.Depot, n int64) (failed func() bool) {
	var count atomic.Int64
	d.SetFault(func(op, path string) error {
		if count.Add(1) == n+1 {
			return fmt.Errorf("%s %s: %w", op, filepath.Base(path), unix.ENOSPC)
		}
		return nil
	})
	return func() bool { return count.Load() > n }
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

// crashCase is an operation that is killed at each of its steps in turn.
type crashCase struct {
	prepare func(t *testing.T, p *place, d *release.Depot)
	run     func(ctx context.Context, p *place, d *release.Depot) error
	before  []int // builds that may be live, or newest, afterwards
	after   int   // the build that is newest once run succeeded
	live    int   // the build that is live once run succeeded
}

// published publishes builds in turn.
func published(builds ...int) func(*testing.T, *place, *release.Depot) {
	return func(t *testing.T, p *place, d *release.Depot) {
		t.Helper()
		for _, b := range builds {
			p.commit(t, d, b)
			publish(t, d, b)
		}
	}
}

func ask(build int, rollback bool) func(context.Context, *place, *release.Depot) error {
	return func(ctx context.Context, _ *place, d *release.Depot) error {
		_, err := d.Publish(ctx, course.PublishRequest{Key: key, Version: version(build), Rollback: rollback})
		return err
	}
}

func stageAndCommit(build int) func(context.Context, *place, *release.Depot) error {
	return func(ctx context.Context, p *place, d *release.Depot) error {
		remote := int64(9)
		r := p.request(build)
		r.RemoteID, r.HasUnprotected, r.UnprotectedPaths = &remote, true, []string{"a.html", "b.html", "deep/er"}
		if _, err := d.Stage(ctx, r); err != nil {
			return err
		}
		return d.Commit(ctx, key, version(build))
	}
}

func buildCases() map[string]crashCase {
	return map[string]crashCase{
		"first build": {
			func(t *testing.T, p *place, _ *release.Depot) { t.Helper(); p.course(t, 1) },
			stageAndCommit(1), nil, 1, 0,
		},
		"build": {
			func(t *testing.T, p *place, d *release.Depot) { t.Helper(); published(1)(t, p, d); p.course(t, 2) },
			stageAndCommit(2),
			[]int{1},
			2, 1,
		},
		"build over a stored one": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.commit(t, d, 2)
				p.now = p.now.Add(time.Hour)
				p.course(t, 3)
			},
			stageAndCommit(3),
			[]int{2},
			3, 1,
		},
	}
}

func publishCases() map[string]crashCase {
	return map[string]crashCase{
		"first publish": {
			func(t *testing.T, p *place, d *release.Depot) { t.Helper(); p.commit(t, d, 1) },
			ask(1, false), nil, 1, 1,
		},
		"publish": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.course(t, 2)
				if err := stageAndCommit(2)(t.Context(), p, d); err != nil {
					t.Fatal(err)
				}
			},
			ask(2, false),
			[]int{1},
			2, 2,
		},
		"rollback": {published(1, 2), ask(1, true), []int{2}, 1, 1},
	}
}

// takeoverCases begin with what another service has left, or change what leads to
// a course.
func takeoverCases() map[string]crashCase {
	adopt := func(ctx context.Context, p *place, d *release.Depot) error {
		r := p.request(1)
		r.Adopt, r.Link = true, true
		if _, err := d.Stage(ctx, r); err != nil {
			return err
		}
		if err := d.Commit(ctx, key, r.Version); err != nil {
			return err
		}
		return ask(1, false)(ctx, p, d)
	}
	asRemote := func(remote *int64) func(context.Context, *place, *release.Depot) error {
		return func(ctx context.Context, p *place, d *release.Depot) error {
			r := p.request(2)
			r.RemoteID = remote
			if _, err := d.Stage(ctx, r); err != nil {
				return err
			}
			if err := d.Commit(ctx, key, r.Version); err != nil {
				return err
			}
			return ask(2, false)(ctx, p, d)
		}
	}
	publishedBefore := func(t *testing.T, p *place, d *release.Depot) {
		t.Helper()
		p.course(t, 1)
		if err := stageAndCommit(1)(t.Context(), p, d); err != nil {
			t.Fatal(err)
		}
		publish(t, d, 1)
		p.course(t, 2)
	}
	other := int64(12)
	return map[string]crashCase{
		"adopt": {
			func(t *testing.T, p *place, _ *release.Depot) { t.Helper(); p.course(t, 1) },
			adopt, nil, 1, 1,
		},
		"publish over a folder": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				p.commit(t, d, 1)
				if err := os.MkdirAll(filepath.Join(p.publish, key, "static"), 0o755); err != nil {
					t.Fatal(err)
				}
			},
			ask(1, false), nil, 1, 1,
		},
		"another remote id": {
			publishedBefore,
			asRemote(&other),
			[]int{1},
			2, 2,
		},
		"no remote id any more": {
			publishedBefore,
			asRemote(nil),
			[]int{1},
			2, 2,
		},
	}
}

func cleaningCases() map[string]crashCase {
	return map[string]crashCase{
		"prune": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1, 2, 3)(t, p, d)
				p.now = p.now.Add(time.Hour)
			},
			func(ctx context.Context, _ *place, d *release.Depot) error {
				_, err := d.Prune(ctx, key)
				return err
			}, nil, 3, 3,
		},
		"garbage": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1, 2)(t, p, d)
				p.now = p.now.Add(time.Hour)
				if _, err := d.Prune(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				p.course(t, 3)
				stage(t, d, p.request(3))
				p.now = p.now.Add(48 * time.Hour)
			},
			func(ctx context.Context, _ *place, d *release.Depot) error {
				_, err := d.CollectGarbage(ctx)
				return err
			}, nil, 2, 2,
		},
		"discard": {
			func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.course(t, 2)
				stage(t, d, p.request(2))
			},
			func(ctx context.Context, _ *place, d *release.Depot) error { return d.Discard(ctx, key, version(2)) }, nil, 1, 1,
		},
	}
}

// TestKilledAnywhere lets a process die before each of its changes on disk, and
// lets each of them fail by itself: what is there is old or new, never between.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	all := buildCases()
	maps.Copy(all, publishCases())
	maps.Copy(all, takeoverCases())
	maps.Copy(all, cleaningCases())
	for name, c := range all {
		for how, hit := range map[string]func(t *testing.T, c crashCase, n int64) bool{"killed": killAt, "failed": failStep} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				for n := int64(0); ; n++ {
					if n > 500 {
						t.Fatal("never ends")
					}
					if !hit(t, c, n) {
						t.Logf("%d steps", n)
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
	p, open := c.place(t)
	d := open()
	died := dieAt(d, n)
	err := c.run(t.Context(), p, d)
	if died() != errors.Is(err, errDied) || (!died() && err != nil) {
		t.Fatalf("after %d steps: died %v, but the call says %v", n, died(), err)
	}
	c.checkAfter(t, fmt.Sprintf("killed after %d steps (%v)", n, err), p, open)
	return died()
}

// failStep lets the step after n others fail, looks at what is left, and repeats
// the run. It says whether there was such a step. What only helps may fail
// without the call failing.
func failStep(t *testing.T, c crashCase, n int64) bool {
	t.Helper()
	p, open := c.place(t)
	d := open()
	failed := failAt(d, n)
	err := c.run(t.Context(), p, d)
	if err != nil && !errors.Is(err, unix.ENOSPC) || err != nil && !failed() {
		t.Fatalf("step %d failed: %v, but the call says %v", n, failed(), err)
	}
	if err == nil {
		checkState(t, fmt.Sprintf("a success though step %d failed", n), p, open(), []int{c.after, c.live})
	}
	c.checkAfter(t, fmt.Sprintf("step %d failed (%v)", n, err), p, open)
	return failed()
}

// place prepares a case on folders of its own.
func (c crashCase) place(t *testing.T) (p *place, open func() *release.Depot) {
	t.Helper()
	p = memoryPlace(t)
	open = func() *release.Depot {
		return p.open(t, func(cfg *release.Config) { cfg.Keep = 1 })
	}
	c.prepare(t, p, open())
	return p, open
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
