package release_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"coursewright/internal/release"
)

// stat fails the test when path does not exist.
func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return st
}

// age sets the course's files back, so that the cache trusts them.
func age(t *testing.T, p *place) {
	t.Helper()
	probe := filepath.Join(filepath.Dir(p.source), "probe")
	newest := int64(0)
	for name := range tree(t, p.source) {
		st := stat(t, filepath.Join(p.source, name))
		newest = max(newest, st.Ctim.Nano())
	}
	for {
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		st := stat(t, probe)
		if st.Mtim.Nano() > newest+int64(150*time.Millisecond) {
			return
		}
		if err := errors.Join(t.Context().Err(), os.Remove(probe)); err != nil {
			t.Fatal(err)
		}
	}
}

type pickCase struct {
	change   func(*release.StageRequest)
	want     map[string]string
	warnings []string // files
}

func pickCases() map[string]pickCase {
	return map[string]pickCase{
		"static folder and listed files": {
			func(r *release.StageRequest) {
				r.Files = []string{"index.yaml", "/apps.meta", "private/model.py", "alias/x.yaml", "one.yaml", "gone.py", "private", "static/linked.txt"}
			},
			map[string]string{
				"index.yaml": "i", "apps.meta": "m", "private/model.py": "p", "alias/x.yaml": "x",
				"one.yaml": "p", "static/a.html": "a", "static/linked.txt": "o",
			},
			[]string{"gone.py", "private"},
		},
		"link to a file that is not published": {
			func(r *release.StageRequest) { r.Files = nil },
			map[string]string{"static/a.html": "a", "static/linked.txt": "-> ../private/other.py"},
			[]string{"static/linked.txt"},
		},
		"file behind a link that is kept": {
			func(r *release.StageRequest) { r.StaticDir, r.Files = ".", []string{"alias/x.yaml"} },
			map[string]string{
				"sub/page.html": "s", "index.yaml": "i", "apps.meta": "m", "private/model.py": "p", "private/other.py": "o",
				"real/x.yaml": "x", "alias": "-> real", "one.yaml": "-> private/model.py",
				"static/a.html": "a", "static/linked.txt": "-> ../private/other.py",
			},
			nil,
		},
		"no static folder": {
			func(r *release.StageRequest) { r.StaticDir, r.Files = "", []string{".gitignore"} },
			map[string]string{
				"sub/page.html": "s", "index.yaml": "i", "apps.meta": "m", "private/model.py": "p", "private/other.py": "o",
				"real/x.yaml": "x", "alias": "-> real", "one.yaml": "-> private/model.py",
				"static/a.html": "a", "static/linked.txt": "-> ../private/other.py",
			},
			[]string{".gitignore"},
		},
		"static folder is a link": {
			func(r *release.StageRequest) { r.StaticDir, r.Files = "alias", nil },
			map[string]string{"alias/x.yaml": "x"},
			nil,
		},
	}
}

func TestStagePicksWhatIsPublished(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		".git/config": "secret", "sub/.git": "gitdir: x", "sub/page.html": "s",
		"index.yaml": "i", "apps.meta": "m", "private/model.py": "p", "private/other.py": "o",
		"real/x.yaml": "x", "alias": "-> real", "one.yaml": "-> private/model.py",
		"static/a.html": "a", "static/.git/config": "secret", "static/linked.txt": "-> ../private/other.py",
	}
	for name, tt := range pickCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write(t, files)
			d := p.open(t)
			r := p.request(1)
			tt.change(&r)
			out := stage(t, d, r)
			if err := d.Commit(t.Context(), key, version(1)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tree(t, filepath.Join(p.store, key, version(1), "content"))); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
			var warnings []string
			for _, w := range out.Warnings {
				warnings = append(warnings, w.File)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStageSharesFilesAndKeepsTimesAndModes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, map[string]string{"static/a": "same", "static/b": "same", "static/tool": "same", "static/empty": ""})
	old := time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)
	for name, mode := range map[string]os.FileMode{"a": 0o664, "b": 0o664, "tool": 0o775 | os.ModeSetuid} {
		path := filepath.Join(p.source, "static", name)
		if err := errors.Join(os.Chmod(path, mode), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	d := p.open(t)
	r := p.request(1)
	r.Files = nil
	if out := stage(t, d, r); out.Files != 4 || out.Added != 3 || out.Bytes != 12 || out.AddedBytes != 8 {
		t.Errorf("got %+v, want 4 files of 12 bytes, 3 added of 8", out)
	}
	if err := d.Commit(t.Context(), key, version(1)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(p.store, key, version(1), "content", "static")
	a, b, tool := stat(t, filepath.Join(dir, "a")), stat(t, filepath.Join(dir, "b")), stat(t, filepath.Join(dir, "tool"))
	if a.Ino != b.Ino || a.Ino == tool.Ino {
		t.Errorf("inodes %d %d %d: equal content and mode share a file, another mode does not", a.Ino, b.Ino, tool.Ino)
	}
	if a.Mode&0o7777 != 0o444 || tool.Mode&0o7777 != 0o555 {
		t.Errorf("modes %o and %o, want 444 and 555", a.Mode&0o7777, tool.Mode&0o7777)
	}
	if a.Mtim.Nano() != old.UnixNano() || tool.Mtim.Nano() != old.UnixNano() {
		t.Errorf("times %v and %v, want %v", a.Mtim, tool.Mtim, old)
	}
}

func TestStageReadsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	age(t, p)
	if out := stage(t, d, p.request(1)); out.Hashed != 5 {
		t.Errorf("first time: read %d files, want 5", out.Hashed)
	}
	// Same size, same mtime: only the ctime tells.
	path := filepath.Join(p.source, "static", "a.html")
	was := stat(t, path)
	p.write(t, map[string]string{"static/a.html": "build 2\n"})
	at := time.Unix(0, was.Mtim.Nano())
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	if out := stage(t, d, p.request(2)); out.Hashed != 1 || out.Added != 1 {
		t.Errorf("second time: %+v, want one file read and added", out)
	}
	if err := d.Commit(t.Context(), key, version(2)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(p.store, key, version(2), "content", "static", "a.html")); got != "build 2\n" {
		t.Errorf("the release has the old text %q", got)
	}
}

// A file that was written just before it was hashed may be written again in
// the same tick of the clock; its digest must not be trusted.
func TestStageReadsFreshFilesAgain(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	age(t, p)
	// On a busy machine the file may be old by the time it is looked at.
	for range 50 {
		p.write(t, map[string]string{"static/fresh": "1"})
		stage(t, d, p.request(1))
		if stage(t, d, p.request(2)).Hashed == 1 {
			return
		}
	}
	t.Error("the fresh file was never read again")
}

func TestStageSurvivesADamagedCache(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	age(t, p)
	stage(t, d, p.request(1))
	good := read(t, p.cache)
	flipped := []byte(good)
	flipped[len(flipped)/2] ^= 1
	for name, text := range map[string]string{
		"empty": "", "short": good[:20], "cut": good[:len(good)-10], "other": strings.Repeat("x", 500), "flipped": string(flipped), "longer": good + "x",
	} {
		if err := os.WriteFile(p.cache, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := stage(t, d, p.request(1)); out.Hashed != 5 || out.Added != 0 {
			t.Errorf("%s cache: %+v, want all 5 files read and none added", name, out)
		}
	}
	p.cache = filepath.Join(p.source, "index.yaml", "not-a-folder")
	if out := stage(t, d, p.request(1)); out.Hashed != 5 {
		t.Errorf("cache that cannot be written: %+v", out)
	}
}

// The cache may know a file that the pool has lost.
func TestStageAddsAgainWhatThePoolLost(t *testing.T) {
	t.Parallel()
	p, d := newCourse(t)
	age(t, p)
	stage(t, d, p.request(1))
	if err := os.RemoveAll(filepath.Join(p.store, ".objects")); err != nil {
		t.Fatal(err)
	}
	d = p.open(t)
	if out := stage(t, d, p.request(2)); out.Hashed != 0 || out.Added != 2 {
		t.Errorf("%+v, want nothing read and 2 distinct files added", out)
	}
}

// ext4 allows 65,000 names of one file. More must not fail the build, neither
// when the file is new nor when the pool has it.
func TestStageGoesOnWhenAFileHasAllItsNames(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes 130,000 names")
	}
	const names = 66_000
	p := newPlace(t)
	p.source = memoryPlace(t).source
	p.write(t, map[string]string{"static/0": "same"})
	for i := 1; i < names; i++ {
		if err := os.Link(filepath.Join(p.source, "static", "0"), filepath.Join(p.source, "static", strconv.Itoa(i))); err != nil {
			t.Skipf("the course cannot be made: %v", err)
		}
	}
	d := p.open(t)
	for build := 1; build <= 2; build++ {
		r := p.request(build)
		r.Files = nil
		stage(t, d, r)
		if err := d.Commit(t.Context(), key, r.Version); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(p.store, key, r.Version, "content", "static")
		inodes := map[uint64]bool{}
		for i := range names {
			st := stat(t, filepath.Join(dir, strconv.Itoa(i)))
			if st.Size != 4 || st.Mode&0o777 != 0o444 {
				t.Fatalf("file %d of build %d has %d bytes and mode %o", i, build, st.Size, st.Mode)
			}
			inodes[st.Ino] = true
		}
		t.Logf("build %d shares %d files", build, len(inodes))
	}
}

func TestStageNamesUnreadableFiles(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	for _, name := range []string{"static/a.html", "static/deep"} {
		p := newPlace(t)
		p.course(t, 1)
		path := filepath.Join(p.source, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		err := stageError(t, p.open(t), p.request(1))
		if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "readable") {
			t.Errorf("got %q", err)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Two processes that store the same files at the same time share them.
func TestStagesAtTheSameTimeShareTheirFiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	first, second := p.open(t), p.open(t)
	var once sync.Once
	others := 0
	first.SetFault(func(op, path string) error {
		if op == "link" && strings.Contains(path, ".objects") {
			once.Do(func() { others = stage(t, second, p.request(2)).Added })
		}
		return nil
	})
	if out := stage(t, first, p.request(1)); others != 2 || out.Added != 2 {
		t.Errorf("the second added %d, the first %d; want that both found nothing", others, out.Added)
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(p.store, ".staging"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.Contains(path, "/content/") {
			return err
		}
		files++
		if got, want := stat(t, path).Nlink, map[bool]uint64{true: 3, false: 9}[filepath.Base(path) == "same.css"]; got != want {
			t.Errorf("%s has %d names, want %d", path, got, want)
		}
		return nil
	})
	if err != nil || files != 10 {
		t.Errorf("%d files of two releases, %v", files, err)
	}
}
