package release_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// Readers in tight loops while 100 releases are published: no error, no mix of
// two releases, no step back.
func TestReadersSeeOneReleaseOrTheNext(t *testing.T) {
	t.Parallel()
	p := memoryPlace(t) // readers need no processor while a disk is waited for
	d := p.open(t, func(c *release.Config) { c.Now, c.Keep, c.Grace = nil, 2, 5*time.Second })
	next := func(build int) {
		t.Helper()
		p.course(t, build)
		id := int64(8)
		r := p.request(build)
		r.RemoteID = &id
		stage(t, d, r)
		if err := d.Commit(t.Context(), key, version(build)); err != nil {
			t.Fatal(err)
		}
		publish(t, d, build)
		if _, err := d.Prune(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	next(1)
	var stop atomic.Bool
	var wg sync.WaitGroup
	counts := map[string]*atomic.Int64{}
	for name, look := range readers(p, d) {
		count := &atomic.Int64{}
		counts[name] = count
		wg.Go(func() {
			last := 0
			for !stop.Load() {
				build, err := look()
				if err != nil || build < last {
					t.Errorf("%s after %d looks: build %d after build %d: %v", name, count.Load(), build, last, err)
					return
				}
				last = build
				count.Add(1)
			}
		})
	}
	publishes := 100
	if testing.Short() {
		publishes = 20
	}
	for build := 2; build <= publishes+1; build++ {
		next(build)
	}
	stop.Store(true)
	wg.Wait()
	for name, count := range counts {
		if count.Load() < int64(publishes) {
			t.Errorf("%s looked %d times only", name, count.Load())
		}
		t.Logf("%s: %d looks", name, count.Load())
	}
}

// readers are ways to look at a course; each gives the build that it saw.
func readers(p *place, d *release.Depot) map[string]func() (int, error) {
	file := func(path string) func() (int, error) {
		return func() (int, error) {
			text, err := os.ReadFile(path)
			return buildOf(string(text), err)
		}
	}
	return map[string]func() (int, error){
		"static file":              file(filepath.Join(p.static, key, "a.html")),
		"static file by remote id": file(filepath.Join(p.static, "8", "a.html")),
		"file of the course":       file(filepath.Join(p.publish, key, "index.yaml")),
		"folder":                   func() (int, error) { return lookTwice(filepath.Join(p.static, key)) },
		"document": func() (int, error) {
			rel, err := d.Stored(key)
			if errors.Is(err, course.ErrNotFound) {
				rel, err = d.Published(key)
			}
			if err != nil {
				return 0, err
			}
			doc, err := d.Document(rel)
			if err == nil && string(doc) != fmt.Sprintf(`{"build":%d}`, rel.BuildID) {
				err = fmt.Errorf("document of build %d: %s", rel.BuildID, doc)
			}
			return int(rel.BuildID), err
		},
		"published": func() (int, error) {
			rel, err := d.Published(key)
			return int(rel.BuildID), err
		},
	}
}

func buildOf(text string, err error) (build int, _ error) {
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(text, "build %d\n", &build)
	return build, err
}

// lookTwice opens a folder once and reads two files that belong together.
func lookTwice(path string) (build int, err error) {
	dir, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	var builds [2]int
	for i, name := range []string{"a.html", "b.html"} {
		if builds[i], err = readAt(int(dir.Fd()), name); err != nil {
			return 0, err
		}
	}
	if builds[0] != builds[1] {
		return 0, fmt.Errorf("one folder has files of builds %d and %d", builds[0], builds[1])
	}
	return builds[0], nil
}

func readAt(dir int, name string) (build int, err error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(f)
	return buildOf(string(text), err)
}

// Courses with common files are staged, replaced and removed while garbage is
// collected without any mercy: every release must be whole all the same.
func TestGarbageCollectionWhileStaging(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	d := p.open(t, func(c *release.Config) { c.Now, c.GarbageAge, c.Grace = nil, time.Nanosecond, time.Nanosecond })
	var stop atomic.Bool
	var collector, builders sync.WaitGroup
	var removed atomic.Int64
	collector.Go(func() {
		for !stop.Load() {
			out, err := d.CollectGarbage(t.Context())
			if err != nil {
				t.Errorf("collect: %v", err)
				return
			}
			removed.Add(int64(out.Objects))
		}
	})
	want := tree(t, p.source)
	for i := range 4 {
		builders.Go(func() {
			for build := 1; build <= 15 || (removed.Load() == 0 && build <= 200); build++ {
				r := p.request(build)
				r.Key, r.CachePath = fmt.Sprintf("course-%d", i), ""
				_, err := d.Stage(t.Context(), r)
				if err == nil {
					err = d.Commit(t.Context(), r.Key, r.Version)
				}
				if err != nil {
					t.Errorf("%s build %d: %v", r.Key, build, err)
					return
				}
				rel, err := d.Stored(r.Key)
				if err != nil {
					t.Errorf("%s build %d: %v", r.Key, build, err)
					return
				}
				for name, text := range want {
					if got, err := os.ReadFile(filepath.Join(rel.Dir, "content", name)); err != nil || string(got) != text {
						t.Errorf("%s of %s build %d: %q, %v", name, r.Key, build, got, err)
					}
				}
				if err := d.Remove(t.Context(), r.Key); err != nil {
					t.Errorf("remove %s: %v", r.Key, err)
					return
				}
			}
		})
	}
	builders.Wait()
	stop.Store(true)
	collector.Wait()
	if removed.Load() == 0 {
		t.Error("nothing was ever collected, so nothing was tried")
	}
}
