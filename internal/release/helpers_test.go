package release_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

const key = "def-101"

// place is a set of folders for one test.
type place struct {
	store, publish, static, source, cache string
	now                                   time.Time
}

func newPlace(tb testing.TB) *place {
	tb.Helper()
	return placeIn(tb, tb.TempDir())
}

// memoryPlace is a place in memory where the system offers that, for tests
// that repeat themselves hundreds of times.
func memoryPlace(tb testing.TB) *place {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "release-test-") //nolint:usetesting // has to be in memory
	if err != nil {
		return newPlace(tb)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return placeIn(tb, dir)
}

func placeIn(tb testing.TB, dir string) *place {
	tb.Helper()
	p := &place{
		store: filepath.Join(dir, "store"), publish: filepath.Join(dir, "publish"),
		static: filepath.Join(dir, "static"), source: filepath.Join(dir, "build"),
		cache: filepath.Join(dir, "build.digests"), now: time.Now(),
	}
	if err := os.Mkdir(p.source, 0o755); err != nil {
		tb.Fatal(err)
	}
	return p
}

// open opens all folders; change adapts the configuration.
func (p *place) open(tb testing.TB, change ...func(*release.Config)) *release.Depot {
	tb.Helper()
	cfg := p.config()
	for _, c := range change {
		c(&cfg)
	}
	d, err := release.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func (p *place) config() release.Config {
	return release.Config{
		StorePath: p.store, PublishPath: p.publish, StaticRoot: p.static,
		Now: func() time.Time { return p.now },
	}
}

// write makes files of the course; a name that ends in a slash is a folder, a
// value that begins with "-> " a symbolic link.
func (p *place) write(tb testing.TB, files map[string]string) {
	tb.Helper()
	for name, text := range files {
		path := filepath.Join(p.source, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// version makes a version whose text tells the build.
func version(build int) string { return fmt.Sprintf("V%0*d", course.VersionLength-1, build) }

// request asks for a release of the place's course.
func (p *place) request(build int) release.StageRequest {
	return release.StageRequest{
		Key: key, Version: version(build), BuildID: int64(build), Commit: strings.Repeat("a", 40),
		SourceDir: p.source, StaticDir: "static", CachePath: p.cache,
		Files: []string{"index.yaml"},
		Docs:  map[string][]byte{"lms.json": fmt.Appendf(nil, `{"build":%d}`, build)},
	}
}

// course writes a small course whose files tell the build.
func (p *place) course(tb testing.TB, build int) {
	tb.Helper()
	text := fmt.Sprintf("build %d\n", build)
	p.write(tb, map[string]string{
		"index.yaml": text, "static/a.html": text, "static/b.html": text,
		"static/same.css": "never changes", "static/deep/er/c.html": text,
	})
}

// newCourse is a place with the small course in it and all folders open.
func newCourse(tb testing.TB) (*place, *release.Depot) {
	tb.Helper()
	p := newPlace(tb)
	p.course(tb, 1)
	return p, p.open(tb)
}

func stage(tb testing.TB, d *release.Depot, r release.StageRequest) release.Staged {
	tb.Helper()
	out, err := d.Stage(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// commit stages and commits one build of the small course.
func (p *place) commit(tb testing.TB, d *release.Depot, build int) {
	tb.Helper()
	p.course(tb, build)
	stage(tb, d, p.request(build))
	if err := d.Commit(tb.Context(), key, version(build)); err != nil {
		tb.Fatal(err)
	}
}

func publish(tb testing.TB, d *release.Depot, build int) {
	tb.Helper()
	if _, err := d.Publish(tb.Context(), course.PublishRequest{Key: key, Version: version(build)}); err != nil {
		tb.Fatal(err)
	}
}

// tree lists a folder: files with their text, links with their target.
func tree(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if e.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			out[name] = "-> " + target
			return err
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
