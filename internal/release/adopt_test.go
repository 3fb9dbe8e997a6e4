package release_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// A release of another service is adopted without copying a file, and the other
// service's folder stays as it was.
func TestAdoptLinks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	p.write(t, map[string]string{"static/go.html": "-> a.html"})
	d := p.open(t)
	r := p.request(1)
	r.Adopt, r.Link, r.BuildID = true, true, 0
	staged, err := d.Stage(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if staged.Files != 5 || staged.Linked != 5 || staged.Added != 0 || staged.Hashed != 0 {
		t.Errorf("Stage = %+v; want 5 files, all linked, none read", staged)
	}
	if err := d.Commit(t.Context(), key, r.Version); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: r.Version}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.html", "deep/er/c.html"} {
		theirs, err := os.Stat(filepath.Join(p.source, "static", name))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := os.Stat(filepath.Join(p.static, key, name))
		if err != nil {
			t.Fatal(err)
		}
		if !os.SameFile(theirs, ours) || theirs.Mode().Perm() != 0o644 {
			t.Errorf("%s is not the same file any more, or has the mode %s", name, theirs.Mode())
		}
	}
	// The next build is a release as any other, and the adopted one goes.
	p.course(t, 2)
	next := p.request(2)
	if staged, err = d.Stage(t.Context(), next); err != nil || staged.Linked != 0 || staged.Hashed == 0 {
		t.Fatalf("Stage of a build = %+v, %v; want files that were read and none shared", staged, err)
	}
	if err := d.Commit(t.Context(), key, next.Version); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(t.Context(), course.PublishRequest{Key: key, Version: next.Version}); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.source, "static/a.html")); err != nil {
		t.Errorf("after the course's removal: %v", err)
	}
}

// Where a file system cannot link, the files are copied.
func TestAdoptFromAnotherFileSystem(t *testing.T) {
	t.Parallel()
	p := memoryPlace(t)
	there := newPlace(t)
	there.course(t, 1)
	var a, b unix.Stat_t
	if err := unix.Stat(p.source, &a); err != nil {
		t.Fatal(err)
	}
	if err := unix.Stat(there.source, &b); err != nil {
		t.Fatal(err)
	}
	if a.Dev == b.Dev {
		t.Skip("there is one file system only")
	}
	r := p.request(1)
	r.Adopt, r.Link, r.SourceDir, r.CachePath = true, true, there.source, ""
	staged, err := p.open(t).Stage(t.Context(), r)
	if err != nil || staged.Linked != 0 || staged.Added == 0 {
		t.Errorf("Stage = %+v, %v; want copies", staged, err)
	}
}
