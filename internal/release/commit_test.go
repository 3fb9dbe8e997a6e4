package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

func TestCommitIsFenced(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	stage(t, d, p.request(1))
	p.commit(t, d, 2)
	if err := d.Commit(t.Context(), key, version(1)); !errors.Is(err, course.ErrConflict) {
		t.Errorf("an older build: %v, want a conflict", err)
	}
	publish(t, d, 2)
	if err := d.Commit(t.Context(), key, version(1)); !errors.Is(err, course.ErrConflict) {
		t.Errorf("an older build after the publish: %v, want a conflict", err)
	}
	if err := d.Commit(t.Context(), key, version(2)); err != nil {
		t.Errorf("the same release again, after its publish: %v", err)
	}
	if _, err := d.Stored(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("something is stored again: %v", err)
	}
	if err := d.Commit(t.Context(), key, version(3)); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("nothing staged: %v, want not found", err)
	}
}

func TestCommitRemovesReplacedReleasesAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.commit(t, d, 1)
	old, err := d.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	p.commit(t, d, 2)
	if _, err := d.Document(old); err != nil {
		t.Errorf("a reader of the replaced release fails: %v", err)
	}
	p.now = p.now.Add(2 * time.Minute)
	p.commit(t, d, 3)
	if _, err := d.Document(old); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("the replaced release is still there: %v", err)
	}
	if got, err := d.Stored(key); err != nil || got.Version != version(3) {
		t.Errorf("stored: %+v, %v", got, err)
	}
}

// A commit that died left its note on the release it wanted to replace. When
// that is replaced in earnest later, its readers have the full grace period.
func TestGracePeriodCountsFromTheSwitch(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.commit(t, p.open(t), 1)
	old, err := p.open(t).Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	p.course(t, 2)
	d := p.open(t)
	stage(t, d, p.request(2))
	dieBefore(d, "symlink", "")
	if err := d.Commit(t.Context(), key, version(2)); !errors.Is(err, errDied) {
		t.Fatalf("commit: %v", err)
	}
	p.now = p.now.Add(time.Hour)
	p.commit(t, p.open(t), 3)
	if _, err := p.open(t).Document(old); err != nil {
		t.Errorf("the release that was replaced just now is gone: %v", err)
	}
}

func TestGarbageCollectionSparesWhatIsUsed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.commit(t, d, 1)
	p.now = p.now.Add(24 * time.Hour)
	if out, err := d.CollectGarbage(t.Context()); err != nil || out.Objects != 0 {
		t.Errorf("collected %+v, %v, want nothing", out, err)
	}
	if out := stage(t, d, p.request(2)); out.Added != 0 {
		t.Errorf("the pool has lost %d files", out.Added)
	}
	p.now = time.Now()
	if err := d.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if out, err := d.CollectGarbage(t.Context()); err != nil || out.Objects != 0 {
		t.Errorf("collected %+v, %v just after the removal, want nothing", out, err)
	}
	p.now = p.now.Add(48 * time.Hour)
	if out, err := d.CollectGarbage(t.Context()); err != nil || out.Objects != 2 || out.Bytes != int64(len("build 1\n")+len("never changes")) {
		t.Errorf("collected %+v, %v, want both files", out, err)
	}
}

// A release that is being made links an object when the collection has just seen that
// none has it: the object stays in the pool.
func TestGarbageCollectionSparesWhatIsLinkedMeanwhile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.commit(t, d, 1)
	if err := d.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	p.now = time.Now().Add(48 * time.Hour)
	linked, shelf := filepath.Join(t.TempDir(), "linked"), ""
	d.SetFault(func(op, path string) error {
		if op != "rename" || shelf != "" || !strings.Contains(path, ".objects") {
			return nil
		}
		shelf = filepath.Dir(path)
		names, err := os.ReadDir(shelf)
		if err != nil {
			return err
		}
		return os.Link(filepath.Join(shelf, names[0].Name()), linked)
	})
	if out, err := d.CollectGarbage(t.Context()); err != nil || out.Objects != 1 {
		t.Errorf("collected %+v, %v, want the other file alone", out, err)
	}
	names, err := os.ReadDir(shelf)
	if err != nil || len(names) != 1 {
		t.Fatalf("%v are left with it: %v", names, err)
	}
	kept, err := os.Stat(filepath.Join(shelf, names[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	if mine, err := os.Stat(linked); err != nil || !os.SameFile(kept, mine) {
		t.Errorf("the pool has %s, not what was linked: %v", names[0].Name(), err)
	}
}

// Before the object gets its name back, others add it anew, or decide about it: all
// have whole files, and nothing is left aside.
func TestGarbageCollectionGivesBackAmongOthers(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]func(p *place, d *release.Depot) error{
		"add it anew": func(p *place, d *release.Depot) error { return keepPreview(3)(t.Context(), p, d) },
		"decide first": func(_ *place, d *release.Depot) error {
			_, err := d.CollectGarbage(t.Context())
			return err
		},
	} {
		p := newPlace(t)
		d, other := p.open(t), p.open(t)
		p.course(t, 2)
		stage(t, d, p.request(1))
		if err := d.Discard(t.Context(), key, version(1)); err != nil {
			t.Fatal(err)
		}
		p.now = time.Now().Add(48 * time.Hour)
		done := map[string]bool{}
		d.SetFault(func(op, path string) error {
			if !strings.Contains(path, ".objects") || done[op] {
				return nil
			}
			switch done[op] = true; op {
			case "rename":
				return keepPreview(2)(t.Context(), p, other)
			case "link":
				return others(p, other)
			}
			return nil
		})
		if _, err := d.CollectGarbage(t.Context()); err != nil || !done["link"] {
			t.Errorf("%s: asked to give it back: %v; %v", name, done["link"], err)
		}
		files := tree(t, p.store)
		for _, build := range []int{2, 3} {
			at := filepath.Join(".previews", key, version(build), "content/index.yaml")
			if text := files[at]; text != "build 2\n" && (build == 2 || name == "add it anew") {
				t.Errorf("%s: preview %d has %q", name, build, text)
			}
		}
		for file := range files {
			if strings.Contains(file, ".tmp-") {
				t.Errorf("%s: left: %s", name, file)
			}
		}
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	stage(t, d, p.request(1))
	for range 2 {
		if err := d.Discard(t.Context(), key, version(1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(t.Context(), key, version(1)); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("commit after discard: %v", err)
	}
}

// An administrator may remove the pool of a running service: the next build
// fills a new one.
func TestARemovedPoolIsMadeAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := p.open(t)
	p.course(t, 1)
	p.commit(t, d, 1)
	if err := os.RemoveAll(filepath.Join(p.store, ".objects")); err != nil {
		t.Fatal(err)
	}
	p.course(t, 2)
	p.commit(t, d, 2)
}
