package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// checkAfter looks at what a run has left, old or new, and repeats it.
func (c crashCase) checkAfter(t *testing.T, where string, p *place, open func() *release.Depot) {
	t.Helper()
	checkState(t, where, p, open(), append([]int{c.after, c.live}, c.before...))
	if err := c.run(t.Context(), p, open()); err != nil {
		t.Fatalf("%s: the next try: %v", where, err)
	}
	if got := newest(t, open()); got != c.after {
		t.Errorf("%s: after the next try build %d is newest, want %d", where, got, c.after)
	}
	if got := liveBuild(t, open()); got != c.live {
		t.Errorf("%s: after the next try build %d is live, want %d", where, got, c.live)
	}
	checkState(t, where+", next try", p, open(), []int{c.after, c.live})
	checkClean(t, where, p, open())
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

// checkState looks as readers do: what is there is whole, of an expected
// build, and of one build only.
func checkState(t *testing.T, where string, p *place, d *release.Depot, builds []int) {
	t.Helper()
	expected := func(rel course.Release) {
		t.Helper()
		text := fmt.Sprintf("build %d\n", rel.BuildID)
		want := map[string]string{
			"index.yaml": text, "static/a.html": text, "static/b.html": text,
			"static/same.css": "never changes", "static/deep/er/c.html": text,
		}
		if diff := cmp.Diff(want, tree(t, filepath.Join(rel.Dir, "content"))); diff != "" {
			t.Errorf("%s: build %d (-want +got):\n%s", where, rel.BuildID, diff)
		}
		if doc, err := d.Document(rel); err != nil || string(doc) != fmt.Sprintf(`{"build":%d}`, rel.BuildID) {
			t.Errorf("%s: document of build %d: %q, %v", where, rel.BuildID, doc, err)
		}
		for _, b := range builds {
			if int64(b) == rel.BuildID {
				return
			}
		}
		t.Errorf("%s: build %d turned up, want one of %v", where, rel.BuildID, builds)
	}
	if rel, err := d.Stored(key); err == nil {
		expected(rel)
	} else if !errors.Is(err, course.ErrNotFound) {
		t.Errorf("%s: stored: %v", where, err)
	}
	rel, err := d.Published(key)
	if errors.Is(err, course.ErrNotFound) {
		return
	}
	if err != nil {
		t.Fatalf("%s: published: %v", where, err)
	}
	expected(rel)
	if got, err := os.ReadFile(filepath.Join(p.static, key, "a.html")); err == nil && string(got) != fmt.Sprintf("build %d\n", rel.BuildID) {
		t.Errorf("%s: build %d is live, but its static file has %q", where, rel.BuildID, got)
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
