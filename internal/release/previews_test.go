package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// preview stages a build of the small course as a preview and keeps it.
func (p *place) preview(t *testing.T, d *release.Depot, build int) {
	t.Helper()
	p.course(t, build)
	r := p.request(build)
	r.Preview = "draft"
	stage(t, d, r)
	for range 2 { // also when the answer of the first was lost
		if err := d.CommitPreview(t.Context(), key, version(build)); err != nil {
			t.Fatal(err)
		}
	}
}

func versions(list []course.Release) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Version)
	}
	return out
}

func TestAPreviewTouchesNothingElse(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	p.commit(t, d, 1)
	publish(t, d, 1)
	p.commit(t, d, 2)
	store := tree(t, filepath.Join(p.store, key))
	published := tree(t, p.publish)
	p.preview(t, d, 7)

	if diff := cmp.Diff(store, tree(t, filepath.Join(p.store, key))); diff != "" {
		t.Errorf("the stored releases changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(published, tree(t, p.publish)); diff != "" {
		t.Errorf("the published releases changed (-before +after):\n%s", diff)
	}
	r, err := d.Release(key, version(7))
	if err != nil || r.Preview != "draft" || r.BuildID != 7 {
		t.Errorf("the preview is %+v, %v", r, err)
	}
	if text, err := d.Document(r); err != nil || string(text) != `{"build":7}` {
		t.Errorf("its document is %s, %v", text, err)
	}
	content, err := d.Content(r)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close() //nolint:errcheck // only read
	if text, err := content.ReadFile("static/a.html"); err != nil || string(text) != "build 7\n" {
		t.Errorf("its page is %q, %v", text, err)
	}
	// A build that is older than the preview is stored and published all the same.
	p.commit(t, d, 3)
	publish(t, d, 3)
}

func TestAPreviewIsNeverPublished(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	r := p.request(1)
	r.Preview = "draft"
	stage(t, d, r)
	if err := d.Commit(t.Context(), key, version(1)); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("committed as a release: %v", err)
	}
	if err := d.CommitPreview(t.Context(), key, version(1)); err != nil {
		t.Fatal(err)
	}
	for _, rollback := range []bool{false, true} {
		_, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: version(1), Rollback: rollback})
		if !errors.Is(err, course.ErrConflict) {
			t.Errorf("published (rollback %t): %v", rollback, err)
		}
	}
	stage(t, d, p.request(2))
	if err := d.CommitPreview(t.Context(), key, version(2)); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("a release is kept as a preview: %v", err)
	}
	if err := d.CommitPreview(t.Context(), key, version(3)); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("nothing is kept as a preview: %v", err)
	}
}

func TestPruningPreviews(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t, func(c *release.Config) { c.Previews, c.PreviewAge = 2, time.Hour })
	for build := 1; build <= 3; build++ {
		p.preview(t, d, build)
	}
	prune := func(want ...string) {
		t.Helper()
		if _, err := d.Prune(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		list, err := d.Previews(key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, versions(list)); diff != "" {
			t.Errorf("previews (-want +got):\n%s", diff)
		}
	}
	prune(version(3), version(2))
	p.now = p.now.Add(time.Minute)
	p.preview(t, d, 4)
	p.now = p.now.Add(time.Hour)
	prune(version(4))
	if err := d.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(p.store, ".previews", key)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("previews of a removed course: %v", err)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	p.commit(t, d, 1)
	publish(t, d, 1)
	p.commit(t, d, 2)
	publish(t, d, 2)
	p.commit(t, d, 3)
	for build := 1; build <= 3; build++ {
		if r, err := d.Release(key, version(build)); err != nil || r.BuildID != int64(build) {
			t.Errorf("release of build %d is %+v, %v", build, r, err)
		}
	}
	for _, name := range []string{"", "..", version(9), "../" + version(1), "current"} {
		if _, err := d.Release(key, name); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("release %q: %v", name, err)
		}
	}
	if _, err := d.Release("../"+key, version(1)); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("release of another path: %v", err)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	p.commit(t, d, 1)
	stored, err := d.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approval(stored); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("approval before there is one: %v", err)
	}
	want := course.Approval{By: "user:teacher", At: p.now, Against: version(0)}
	if err := d.Approve(stored, want); err != nil {
		t.Fatal(err)
	}
	publish(t, d, 1)
	// Found by who still knows the release from before, and only for it.
	if got, err := d.Approval(stored); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("approval is %+v, %v", got, err)
	}
	p.commit(t, d, 2)
	next, err := d.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approval(next); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("the next release has an approval: %v", err)
	}
	stored.Version = version(8)
	if err := d.Approve(stored, want); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("approved what is not there: %v", err)
	}
}
