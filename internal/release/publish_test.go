package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

func TestStageCommitPublish(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.commit(t, d, 1)
	stored, err := d.Stored(key)
	if err != nil || stored.Version != version(1) {
		t.Fatalf("stored: %+v, %v", stored, err)
	}
	want := map[string]string{
		"index.yaml": "build 1\n", "static/a.html": "build 1\n", "static/b.html": "build 1\n",
		"static/same.css": "never changes", "static/deep/er/c.html": "build 1\n",
	}
	if diff := cmp.Diff(want, tree(t, filepath.Join(stored.Dir, "content"))); diff != "" {
		t.Errorf("content of the release (-want +got):\n%s", diff)
	}
	publish(t, d, 1)
	live, err := d.Published(key)
	if err != nil || live.Version != version(1) || live.PublishedAt.IsZero() {
		t.Fatalf("published: %+v, %v", live, err)
	}
	if _, err := d.Stored(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("still stored: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(p.store, key, "current")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the store still calls it current: %v", err)
	}
	if _, err := d.CollectGarbage(t.Context()); err != nil {
		t.Error(err)
	}
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("static file has %q", got)
	}
	content, err := d.Content(stored)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := content.ReadFile("static/b.html"); err != nil || string(got) != "build 1\n" {
		t.Errorf("content by the stored release: %q, %v", got, err)
	}
	if err := content.Close(); err != nil {
		t.Error(err)
	}
	if got, err := d.Document(stored); err != nil || string(got) != `{"build":1}` {
		t.Errorf("document by the stored release: %q, %v", got, err)
	}
}

func TestReleaseRemembersEverything(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 7)
	d := p.open(t)
	remote := int64(42)
	r := p.request(7)
	r.RemoteID, r.HasUnprotected, r.UnprotectedPaths = &remote, true, []string{"deep"}
	stage(t, d, r)
	if err := d.Commit(t.Context(), key, r.Version); err != nil {
		t.Fatal(err)
	}
	got, err := d.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	want := course.Release{
		Key: key, Version: r.Version, BuildID: 7, Commit: r.Commit, RemoteID: &remote, StaticDir: "static",
		UnprotectedPaths: []string{"deep"}, HasUnprotected: true, StoredAt: p.now.UTC().Round(0), Dir: filepath.Join(p.store, key, r.Version),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("release (-want +got):\n%s", diff)
	}
	if _, err := d.ReadFile(got, "gone.json"); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("missing document: %v", err)
	}
	if _, err := d.ReadFile(got, "../fence"); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("document above: %v", err)
	}
}

func TestPublishRules(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	ask := func(build int, rollback bool) error {
		_, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(build), Rollback: rollback})
		return err
	}
	live := func(want int) {
		t.Helper()
		if got, err := d.Published(key); err != nil || got.BuildID != int64(want) {
			t.Errorf("live is build %d (%v), want %d", got.BuildID, err, want)
		}
	}
	if err := ask(1, false); !errors.Is(err, course.ErrConflict) || !strings.Contains(err.Error(), "stored: none, published: none") {
		t.Errorf("nothing there: %v", err)
	}
	p.commit(t, d, 1)
	publish(t, d, 1)
	p.commit(t, d, 2)
	if err := ask(3, false); !errors.Is(err, course.ErrConflict) ||
		!strings.Contains(err.Error(), "stored: "+version(2)) || !strings.Contains(err.Error(), "published: "+version(1)) {
		t.Errorf("unknown version: %v", err)
	}
	publish(t, d, 2)
	publish(t, d, 2) // A+ imports again
	live(2)
	if err := ask(1, false); !errors.Is(err, course.ErrConflict) || !strings.Contains(err.Error(), "rollback") {
		t.Errorf("an older build: %v", err)
	}
	live(2)
	if err := ask(1, true); err != nil {
		t.Errorf("rollback: %v", err)
	}
	live(1)
	publish(t, d, 1) // A+ imports the release that was rolled back to
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("after the rollback the static file has %q", got)
	}
	if err := ask(2, false); err != nil {
		t.Errorf("forward again: %v", err)
	}
	live(2)
	p.commit(t, d, 3)
	p.commit(t, d, 4)
	if err := ask(3, false); !errors.Is(err, course.ErrConflict) || !strings.Contains(err.Error(), "stored: "+version(4)) {
		t.Errorf("a stored build that was replaced: %v", err)
	}
	live(2)
	kept, err := d.Releases(key)
	if err != nil || len(kept) != 2 || kept[0].BuildID != 2 || kept[1].BuildID != 1 {
		t.Errorf("kept releases: %+v, %v", kept, err)
	}
}

func TestPublishRefusesOddNames(t *testing.T) {
	t.Parallel()
	d := newPlace(t).open(t)
	for _, r := range []course.PublishRequest{{Key: "..", Version: version(1)}, {Key: key, Version: "../x"}, {Key: key}} {
		if _, err := d.Publish(t.Context(), r); !errors.Is(err, course.ErrInvalid) {
			t.Errorf("%+v: %v, want invalid", r, err)
		}
	}
	if _, err := d.Published("../x"); err == nil {
		t.Error("a key with a path was looked up")
	}
}

func TestPruneKeepsTheNewestAndTheLive(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t, func(c *release.Config) { c.Keep = 3 })
	for build := 1; build <= 6; build++ {
		p.commit(t, d, build)
		publish(t, d, build)
		p.now = p.now.Add(time.Second)
	}
	if _, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(2), Rollback: true}); err != nil {
		t.Fatal(err)
	}
	prune := func(want ...int64) {
		t.Helper()
		if _, err := d.Prune(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		kept, err := d.Releases(key)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range kept {
			got = append(got, r.BuildID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("kept builds (-want +got):\n%s", diff)
		}
	}
	prune(6, 5, 4, 3, 2, 1) // all within the grace period
	// Build 1 was replaced first, build 3 (by build 4) two seconds later.
	p.now = p.now.Add(release.DefaultGrace - 3*time.Second)
	prune(6, 5, 4, 2)
	p.now = p.now.Add(time.Hour)
	prune(6, 5, 4, 2) // 2 is live
	publish(t, d, 6)
	prune(6, 5, 4, 2) // 2 was live a moment ago
	p.now = p.now.Add(time.Hour)
	prune(6, 5, 4)
	if names, err := filepath.Glob(filepath.Join(p.publish, ".trash", "*")); err != nil || len(names) != 0 {
		t.Errorf("trash still has %v, %v", names, err)
	}
}

// gitmanager keeps folders where this package keeps links.
func TestPublishTakesOverFromGitmanager(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	for _, dir := range []string{filepath.Join(p.publish, key, "static"), filepath.Join(p.static, key, "_static")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(p.static, key), filepath.Join(p.static, "3")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Published(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("published before: %v", err)
	}
	p.commit(t, d, 1)
	publish(t, d, 1)
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("static file has %q", got)
	}
	if _, err := os.Lstat(filepath.Join(p.static, "3")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link of a former remote id stays: %v", err)
	}
}

func TestRolesWithoutAllFolders(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	worker := p.open(t, func(c *release.Config) { c.PublishPath, c.StaticRoot = "", "" })
	p.commit(t, worker, 1)
	if _, err := worker.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(1)}); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("a worker publishes: %v", err)
	}
	if _, err := worker.Published(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("a worker sees published releases: %v", err)
	}
	api := p.open(t)
	publish(t, api, 1)
	publisher := p.open(t, func(c *release.Config) { c.StorePath = "" })
	publish(t, publisher, 1)
	if _, err := publisher.Stage(t.Context(), p.request(2)); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("a publisher stages: %v", err)
	}
	for _, d := range []*release.Depot{worker, publisher} {
		if _, err := d.Prune(t.Context(), key); err != nil {
			t.Error(err)
		}
		if _, err := d.CollectGarbage(t.Context()); err != nil {
			t.Error(err)
		}
		if err := d.Remove(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if _, err := api.Published(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("still published after Remove: %v", err)
	}
}

func TestOpenExplainsBadFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		cfg  release.Config
		want string
	}{
		"none":        {release.Config{}, "at least one"},
		"same":        {release.Config{StorePath: dir, PublishPath: dir + "/."}, "are the same"},
		"static only": {release.Config{StorePath: dir, StaticRoot: dir + "/s"}, "needs a publish folder"},
	}
	if other := "/dev/shm"; stat(t, other).Dev != stat(t, dir).Dev {
		far, err := os.MkdirTemp(other, "release") //nolint:usetesting // has to be another file system
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(far); err != nil {
				t.Error(err)
			}
		})
		tests["two file systems"] = struct {
			cfg  release.Config
			want string
		}{release.Config{StorePath: dir + "/store", PublishPath: far}, "different file systems"}
	}
	for name, tt := range tests {
		_, err := release.Open(tt.cfg)
		if !errors.Is(err, course.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}
