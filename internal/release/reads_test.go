package release_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// TestUnreadableAnywhere lets each read of an operation fail once, as on a disk with
// a fault that passes. What cannot be read is never taken for something that is not
// there: the call says so, what is there is old or new, and the next try succeeds.
func TestUnreadableAnywhere(t *testing.T) {
	t.Parallel()
	cases := allCases()
	cases["readers"] = readersCase()
	cases["committed and published since"] = crashCase{
		prepare: published(1),
		run: func(_ context.Context, _ *place, d *release.Depot) error {
			done, err := d.Committed(key, version(1))
			return mustBe(done, err)
		},
		before: moment{1, 1}, after: moment{1, 1},
	}
	for name, c := range cases {
		c.now, c.meanwhile = time.Now(), nil
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.tryReads(t)
		})
	}
}

// tryReads prepares a case once and copies it for each of its reads.
func (c crashCase) tryReads(t *testing.T) {
	t.Helper()
	s := c.scene(t)
	s.tape.flushAll()
	prepared := s.tape.leftOf(nil)
	on := func(f func(p *place, read string) error) (p *place, err error) {
		if p, err = s.place.restore(prepared, s.place.beside(t)); err != nil {
			t.Fatal(err)
		}
		d, times := p.open(t, keepOne), map[string]int{}
		var mu sync.Mutex // folders of the course are read two at a time
		d.SetFault(func(op, path string) error {
			if op != aRead {
				return nil
			}
			for _, root := range []string{filepath.Dir(p.store), filepath.Dir(p.source)} {
				path = strings.TrimPrefix(path, root)
			}
			path = random.ReplaceAllString(path, "$1")
			mu.Lock()
			defer mu.Unlock()
			times[path]++
			return f(p, fmt.Sprintf("%s, time %d", path, times[path]))
		})
		return p, c.run(t.Context(), p, d)
	}
	var reads []string
	if _, err := on(func(_ *place, read string) error { reads = append(reads, read); return nil }); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d reads", len(reads))
	for _, unreadable := range reads {
		failed := false
		p, err := on(func(_ *place, read string) error {
			if read != unreadable {
				return nil
			}
			failed = true
			return unix.EIO
		})
		if !failed {
			t.Errorf("%s: not read this time", unreadable)
		}
		c.checkUnreadable(t, unreadable, p, err)
		p.drop(t)
	}
}

func (c crashCase) checkUnreadable(t *testing.T, read string, p *place, err error) {
	t.Helper()
	where := fmt.Sprintf("%s is unreadable (%v)", read, err)
	switch author := (*course.AuthorError)(nil); {
	case strings.HasPrefix(read, "/build.digests"): // only helps
		if err != nil {
			t.Error(where)
		}
		c.checkState(t, where, p, c.after)
	case !errors.Is(err, unix.EIO), errors.Is(err, course.ErrNotFound), errors.As(err, &author):
		t.Errorf("%s: want an error that says so", where)
	default:
		c.checkState(t, where, p, c.before, c.after)
	}
	if err := c.run(t.Context(), p, p.open(t, keepOne)); err != nil {
		t.Errorf("%s: the next try: %v", where, err)
	}
	c.checkState(t, where+", next try", p, c.after)
}

// beside makes a folder on the file system of the place.
func (p *place) beside(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(filepath.Dir(p.store)), "release-test-") //nolint:usetesting // where the place is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, dir) })
	return dir
}

// drop removes a place as soon as it is not needed: a test may make thousands.
func (p *place) drop(t *testing.T) { t.Helper(); removeAll(t, filepath.Dir(p.store)) }

func removeAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// readersCase asks all that can be asked about a course that has everything.
func readersCase() crashCase {
	return crashCase{
		prepare: func(t *testing.T, p *place, d *release.Depot) {
			t.Helper()
			published(1)(t, p, d)
			rel, err := d.Published(key)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Approve(rel, course.Approval{By: "teacher"}); err != nil {
				t.Fatal(err)
			}
			p.course(t, 3)
			if err := keepPreview(3)(t.Context(), p, d); err != nil {
				t.Fatal(err)
			}
			p.course(t, 2)
			if err := stageAndCommit(2)(t.Context(), p, d); err != nil {
				t.Fatal(err)
			}
		},
		run:    askAll,
		before: moment{2, 1}, after: moment{2, 1},
	}
}

// askAll takes everything for an error that is not as readersCase has prepared it.
func askAll(ctx context.Context, p *place, d *release.Depot) error {
	stored, err := d.Stored(key)
	if err != nil {
		return err
	}
	live, err := d.Published(key)
	if err != nil {
		return err
	}
	count := func(want int) func([]course.Release, error) error {
		return func(all []course.Release, err error) error {
			if err == nil && len(all) != want {
				err = fmt.Errorf("%d releases, want %d", len(all), want)
			}
			return err
		}
	}
	for what, ask := range []func() error{
		func() error { _, err := d.Document(stored); return err },
		func() error { _, err := d.Document(live); return err },
		func() error { _, err := d.Approval(live); return err },
		func() error {
			root, err := d.Content(live)
			if err != nil {
				return err
			}
			return root.Close()
		},
		func() error { v, err := d.PublishedVersion(key); return mustBe(v == version(1), err) },
		func() error { return count(1)(d.Releases(key)) },
		func() error { return count(1)(d.Previews(key)) },
		func() error { _, err := d.Release(key, version(1)); return err },
		func() error { _, err := d.Release(key, version(2)); return err },
		func() error { _, err := d.Release(key, version(3)); return err },
		func() error { return mustBe(d.HasPreview(key, version(3))) },
		func() error { return mustBe(d.Committed(key, version(2))) },
		func() error {
			wrong, err := d.LinkProblems(stored)
			return mustBe(len(wrong) == 0, err)
		},
		func() error { _, err := d.Check(ctx, p.request(2)); return err },
		func() error {
			stop, leads, err := d.Lead()
			if leads {
				stop()
			}
			return mustBe(leads, err)
		},
	} {
		if err := ask(); err != nil {
			return fmt.Errorf("question %d: %w", what, err)
		}
	}
	return nil
}

func mustBe(there bool, err error) error {
	if err == nil && !there {
		err = errors.New("not there")
	}
	return err
}

// Who asks for a version that is not there any more is not told that there is nothing
// where something cannot be read.
func TestAConflictSaysWhatIsUnreadable(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	p.commit(t, d, 1)
	looks := 0
	d.SetFault(func(op, path string) error {
		if op == aRead && filepath.Base(path) == "current" {
			if looks++; looks == 2 { // the first found that it is another version
				return unix.EIO
			}
		}
		return nil
	})
	_, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(2)})
	if !errors.Is(err, course.ErrConflict) || !strings.Contains(err.Error(), "stored: not readable, published: none") {
		t.Errorf("publish: %v", err)
	}
}

// TestOpenFailsAnywhere opens the folders with a process that dies before each of
// its steps, and lets each of them fail by itself: the next one opens them.
func TestOpenFailsAnywhere(t *testing.T) {
	t.Parallel()
	for how, at := range map[string]func(int64) (fault, func() bool){"killed": dyingAt, "failed": failingAt} {
		for n, more := int64(0), true; more; n++ {
			p := memoryPlace(t)
			f, hit := at(n)
			_, err := release.OpenWithFault(p.config(), f)
			if more = hit(); more != (errors.Is(err, errDied) || errors.Is(err, unix.ENOSPC)) || !more && (err != nil || n < 5) {
				t.Errorf("%s after %d steps: hit %v, %v", how, n, more, err)
			}
			checkClean(t, fmt.Sprintf("%s after %d steps", how, n), p, p.open(t))
		}
	}
}
