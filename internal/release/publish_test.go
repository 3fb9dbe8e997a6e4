package release_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	if got := read(t, filepath.Join(p.static, key, "a.html")); got != "build 1\n" {
		t.Errorf("static file has %q", got)
	}
	if got, err := d.Document(stored); err != nil || string(got) != `{"build":1}` {
		t.Errorf("document by the stored release: %q, %v", got, err)
	}
}
