package api_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/release"
)

// TestWhoKnowsOfAReleaseSeesIt has others ask for a course all the time, so that
// what was served is always remembered, and asks at once after each commit and
// each publish: the answer is never the one from before.
func TestWhoKnowsOfAReleaseSeesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *release.Depot { // each stands for a process of its own
		depot, err := release.Open(release.Config{StorePath: filepath.Join(dir, "store"), PublishPath: filepath.Join(dir, "courses")})
		must(t, err)
		return depot
	}
	worker, publisher := open(), open()
	f := newFixture(t, func(c *api.Config) { c.Releases, c.ReleasesLag = open(), course.ReadersLag })
	f.addCourse(t, "intro")
	source := filepath.Join(dir, "source")
	must(t, os.MkdirAll(source, 0o750))

	var stop atomic.Bool
	var others sync.WaitGroup
	others.Go(func() {
		for !stop.Load() {
			f.send(t, "GET", "/intro/aplus-json", "")
		}
	})
	defer others.Wait()
	defer stop.Store(true)
	for build := 1; build <= 10; build++ {
		version := releaseOf(build)
		_, err := worker.Stage(t.Context(), release.StageRequest{
			Key: "intro", Version: version, BuildID: int64(build), SourceDir: source,
			Docs: map[string][]byte{"lms.json": fmt.Appendf(nil, `{"build": %d}`, build), "course.json": []byte(`{}`)},
		})
		must(t, err)
		must(t, worker.Commit(t.Context(), "intro", version))
		checkServed(t, f, "STORE/"+version)
		_, err = publisher.Publish(t.Context(), course.PublishRequest{Key: "intro", Version: version})
		must(t, err)
		checkServed(t, f, "PUBLISH/"+version)
	}
}

// TestServedVersionIsRemembered switches a release in a way that waits for nobody.
func TestServedVersionIsRemembered(t *testing.T) {
	t.Parallel()
	for lag, then := range map[time.Duration]string{time.Hour: version("s"), time.Nanosecond: version("t"), 0: version("t")} {
		f := newFixture(t, func(c *api.Config) { c.ReleasesLag = lag })
		f.addCourse(t, "intro")
		f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{}`}
		checkServed(t, f, "STORE/"+version("s"))
		f.releases.stored = &course.Release{Key: "intro", Version: version("t"), Dir: `{}`}
		checkServed(t, f, "STORE/"+then)
	}
}

func checkServed(t *testing.T, f *fixture, want string) {
	t.Helper()
	if got := f.send(t, "GET", "/intro/aplus-json", "").Body.String(); !strings.Contains(got, "/publish/"+want+`"`) {
		t.Fatalf("%s is not %s", got, want)
	}
}
