package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// TestALiveReleaseHasItsStaticFiles looks at a course before each change on disk:
// from the moment in which a release is live, its files are at both of its addresses.
func TestALiveReleaseHasItsStaticFiles(t *testing.T) {
	t.Parallel()
	five, six := int64(5), int64(6)
	for name, remotes := range map[string][]*int64{
		"first release":           {&five},
		"another remote id":       {&five, &six},
		"a remote id later":       {nil, &five},
		"a remote id and no more": {&five, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := newCourse(t)
			looks := map[int64]int{}
			d.SetFault(func(op, path string) error {
				if op != aRead {
					looks[p.lookAtLive(t, op+" "+path)]++
				}
				return nil
			})
			for i, id := range remotes {
				p.course(t, i+1)
				p.live(t, d, i+1, func(r *release.StageRequest) { r.RemoteID = id })
			}
			for build := range int64(len(remotes)) + 1 {
				if looks[build] == 0 {
					t.Errorf("nobody looked while build %d was live", build)
				}
			}
		})
	}
}

// lookAtLive reads a static file of the live release at its addresses and gives its
// build, 0 for none.
func (p *place) lookAtLive(t *testing.T, before string) int64 {
	t.Helper()
	live, err := p.open(t).Published(key)
	if errors.Is(err, course.ErrNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	names := []string{key}
	if live.RemoteID != nil {
		names = append(names, strconv.FormatInt(*live.RemoteID, 10))
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(p.static, name, "a.html"))
		if want := fmt.Sprintf("build %d\n", live.BuildID); err != nil || string(text) != want {
			t.Errorf("before %s, build %d is live and its file at /static/%s has %q, %v", before, live.BuildID, name, text, err)
		}
	}
	return live.BuildID
}

// links below the static root, with folders of links spelled out.
func TestStaticLinks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	p.write(t, map[string]string{"static/_static/s.css": "css", "static/deep/er/more/m": "m", "static/deep-er/d": "d"})
	d := p.open(t)
	build := 0
	show := func(change func(*release.StageRequest)) map[string]string {
		t.Helper()
		build++
		r := p.request(build)
		change(&r)
		stage(t, d, r)
		if err := d.Commit(t.Context(), key, r.Version); err != nil {
			t.Fatal(err)
		}
		publish(t, d, build)
		out := map[string]string{}
		for name, text := range tree(t, p.static) {
			out[name] = strings.ReplaceAll(strings.ReplaceAll(text, p.publish, "PUBLISH"), p.static, "STATIC")
		}
		return out
	}
	checkLinks(t, show)
	show(func(r *release.StageRequest) {
		r.HasUnprotected, r.UnprotectedPaths = true, []string{"deep/er/", "/deep/er/more", "deep-er", "missing/x"}
	})
	checkUnprotected(t, filepath.Join(p.static, key))
	show(func(r *release.StageRequest) { r.HasUnprotected, r.UnprotectedPaths = true, []string{"."} })
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("everything unprotected, but the page has %q", got)
	}
}

// checkLinks publishes one course after another and compares the links.
func checkLinks(t *testing.T, show func(func(*release.StageRequest)) map[string]string) {
	t.Helper()
	remote := func(id int64) func(*release.StageRequest) {
		return func(r *release.StageRequest) { r.RemoteID = &id }
	}
	byKey := "-> PUBLISH/" + key + "/../public"
	steps := []struct {
		name   string
		change func(*release.StageRequest)
		want   map[string]string
	}{
		{"no remote id", func(*release.StageRequest) {}, map[string]string{key: byKey}},
		{"a remote id", remote(5), map[string]string{key: byKey, "5": "-> STATIC/" + key}},
		{"another", remote(7), map[string]string{key: byKey, "7": "-> STATIC/" + key}},
		{"none again", func(*release.StageRequest) {}, map[string]string{key: byKey}},
		{"and back", remote(5), map[string]string{key: byKey, "5": "-> STATIC/" + key}},
		{"no static folder", func(r *release.StageRequest) { r.StaticDir = "" }, map[string]string{}},
	}
	for _, s := range steps {
		if diff := cmp.Diff(s.want, show(s.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func checkUnprotected(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string]string{
		"_static/s.css": "css", "deep/er/c.html": "build 1\n", "deep/er/more/m": "m", "deep-er/d": "d",
	} {
		if got := read(t, filepath.Join(dir, name)); got != want {
			t.Errorf("unprotected %s has %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"a.html", "index.yaml", "missing/x"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is public: %v", name, err)
		}
	}
	for _, name := range []string{"_images", "_downloads", "missing/x"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("no link for %s: %v", name, err)
		}
	}
}

// Whoever of a course with a number and a course with that number as its key
// was first keeps the address, and the other one is told.
func TestStaticLinksOfOthersStay(t *testing.T) {
	t.Parallel()
	id := int64(77)
	numbered := func(r *release.StageRequest) { r.Key, r.CachePath = "77", "" }
	remote := func(r *release.StageRequest) { r.RemoteID = &id }
	for name, test := range map[string]struct {
		first, second func(*release.StageRequest)
		told          string
	}{
		"the key first":    {numbered, remote, "belongs to the course with the key 77"},
		"the number first": {remote, numbered, "the course " + key + " has the number 77"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := newCourse(t)
			if err := os.Symlink(filepath.Join(p.static, "other"), filepath.Join(p.static, "88")); err != nil {
				t.Fatal(err)
			}
			first := p.live(t, d, 1, test.first)
			before := tree(t, p.static)
			if problems, err := d.LinkProblems(first); err != nil || len(problems) > 0 {
				t.Errorf("the first one is told %q, %v", problems, err)
			}
			second := p.live(t, d, 2, test.second)
			if problems, err := d.LinkProblems(second); err != nil || len(problems) != 1 || !strings.Contains(problems[0], test.told) {
				t.Errorf("the second one is told %q, %v; want %q", problems, err, test.told)
			}
			p.live(t, d, 3, test.first) // nothing changes when the first one is built again
			p.live(t, d, 4, test.second)
			after := tree(t, p.static)
			if second.Key == key {
				delete(after, key)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("links of others changed (-before +after):\n%s", diff)
			}
			if err := d.Remove(t.Context(), second.Key); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, tree(t, p.static)); diff != "" {
				t.Errorf("after Remove (-want +got):\n%s", diff)
			}
		})
	}
}

// The link by number is free again when the course that had it is gone.
func TestAStaticLinkIsTakenWhenItsHolderIsGone(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	id := int64(77)
	p.live(t, d, 1, func(r *release.StageRequest) { r.RemoteID = &id })
	numbered := func(r *release.StageRequest) { r.Key, r.CachePath, r.RemoteID = "77", "", &id }
	p.live(t, d, 2, numbered)
	if err := d.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	rel := p.live(t, d, 3, numbered)
	if diff := cmp.Diff(map[string]string{"77": "-> " + p.publish + "/77/../public"}, tree(t, p.static)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if problems, err := d.LinkProblems(rel); err != nil || len(problems) > 0 {
		t.Errorf("it is told %q, %v", problems, err)
	}
}

// live builds and publishes a release of some course.
func (p *place) live(t *testing.T, d *release.Depot, build int, change func(*release.StageRequest)) course.Release {
	t.Helper()
	r := p.request(build)
	change(&r)
	stage(t, d, r)
	if err := d.Commit(t.Context(), r.Key, version(build)); err != nil {
		t.Fatal(err)
	}
	out, err := d.Publish(t.Context(), course.PublishRequest{Key: r.Key, Version: version(build)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
