package release_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// stageError stages and returns the author's error, which must come.
func stageError(t *testing.T, d *release.Depot, r release.StageRequest) *course.AuthorError {
	t.Helper()
	_, err := d.Stage(t.Context(), r)
	var author *course.AuthorError
	if !errors.As(err, &author) {
		t.Fatalf("got %v, want an author error", err)
	}
	return author
}

func TestStageRefusesWhatLeavesTheCourse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		want  string // in the error
	}{
		"absolute link":             {map[string]string{"static/x": "-> /etc/hostname"}, "static/x"},
		"absolute link into course": {map[string]string{"static/x": "-> /"}, "absolute path"},
		"link above":                {map[string]string{"static/x": "-> ../../other"}, "leads out of the course"},
		"link to folder above":      {map[string]string{"static/x": "-> ../.."}, "leads out of the course"},
		"exactly the parent":        {map[string]string{"x": "-> .."}, "leads out of the course"},
		"up and back in":            {map[string]string{"static/x": "-> ../../build/index.yaml"}, "leads out of the course"},
		"outside the static folder": {map[string]string{"other/deep/x": "-> ../../../y"}, "other/deep/x"},
		"chain":                     {map[string]string{"a": "-> b", "b": "-> c", "c": "-> ../out"}, "leads out"},
		"chain through a folder":    {map[string]string{"one/two/": "", "f": "-> one/two", "x": "-> f/../../../out"}, "leads out"},
		"behind something missing":  {map[string]string{"x": "-> missing/../../out"}, "leads out"},
		"behind a file":             {map[string]string{"x": "-> index.yaml/../../out"}, "leads out"},
		"loop":                      {map[string]string{"a": "-> b", "b": "-> a"}, "never ends"},
		"own loop":                  {map[string]string{"static/a": "-> a/b"}, "never ends"},
		"line break in the name":    {map[string]string{"static/a\nb": "-> /x"}, `"static/a\nb"`},
		"not text":                  {map[string]string{"static/\xff": "-> /x"}, `"static/\xff"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.course(t, 1)
			p.write(t, tt.files)
			err := stageError(t, p.open(t), p.request(1))
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "\xff") {
				t.Errorf("got %q, want one line with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), filepath.Dir(p.source)) {
				t.Errorf("%q tells where the service keeps its files", err)
			}
		})
	}
}

func TestStageKeepsLinksThatStayInside(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	links := map[string]string{
		"static/to-file":   "-> a.html",
		"static/to-folder": "-> deep/er",
		"static/down-up":   "-> deep/../../static/b.html",
		"static/chain":     "-> to-folder/c.html",
		"static/nowhere":   "-> deep/missing",
		"static/root":      "-> ..",
	}
	p.write(t, links)
	d := p.open(t)
	out := stage(t, d, p.request(1))
	if err := d.Commit(t.Context(), key, version(1)); err != nil {
		t.Fatal(err)
	}
	got := tree(t, filepath.Join(p.store, key, version(1), "content"))
	for name, want := range links {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(out.Warnings) != 1 || out.Warnings[0].File != "static/nowhere" {
		t.Errorf("warnings: %v, want one about static/nowhere", out.Warnings)
	}
}

// A listed file behind a link to a folder gets a real folder in the release;
// from there the ".." of another link leads elsewhere than in the course.
func TestStageJudgesLinksWhereTheyEndUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	p.write(t, map[string]string{
		"one/two/three/x.yaml": "x",
		"near":                 "-> one/two/three",
		"static/escape":        "-> ../near/../../lms.json",
	})
	r := p.request(1)
	r.Files = []string{"near/x.yaml"}
	err := stageError(t, p.open(t), r)
	if !strings.Contains(err.Error(), "static/escape") || !strings.Contains(err.Error(), "out of the release") {
		t.Errorf("got %q", err)
	}
}

func TestStageRefusesSpecialFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"pipe": {func(t *testing.T, path string) {
			t.Helper()
			if err := unix.Mkfifo(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "named pipe"},
		"socket": {func(t *testing.T, path string) {
			t.Helper()
			// Bound to a short path and then moved: the kernel allows 107 bytes.
			short := filepath.Join(os.TempDir(), "s"+course.NewVersion())
			l, err := net.Listen("unix", short)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			if err := errors.Join(os.Rename(short, path), l.Close()); err != nil {
				t.Fatal(err)
			}
		}, "socket"},
		"too long": {func(t *testing.T, path string) {
			t.Helper()
			for range 20 {
				path = filepath.Join(path, strings.Repeat("o", 180))
			}
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "3000 bytes"},
		"too deep": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.MkdirAll(path+strings.Repeat("/d", 120), 0o755); err != nil {
				t.Fatal(err)
			}
		}, "100 folders deep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.course(t, 1)
			tt.make(t, filepath.Join(p.source, "odd"))
			err := stageError(t, p.open(t), p.request(1))
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "odd") {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestStageListsOffenders(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.course(t, 1)
	for i := range 30 {
		p.write(t, map[string]string{fmt.Sprintf("static/bad%02d", i): "-> /x"})
	}
	p.write(t, map[string]string{".git/hooks": "-> /ignored", "sub/.git": "-> /ignored"})
	err := stageError(t, p.open(t), p.request(1))
	if len(err.Diagnostics) != 20 || err.Diagnostics[0].File != "static/bad00" || err.Diagnostics[19].File != "static/bad19" {
		t.Errorf("got %d diagnostics: %v", len(err.Diagnostics), err.Diagnostics)
	}
	if !strings.Contains(err.Error(), "29 more") || err.Diagnostics[0].Hint == "" {
		t.Errorf("got %q, %+v", err, err.Diagnostics[0])
	}
}

func TestStageRefusesPathsThatLeave(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*release.StageRequest){
		"static dir above":        func(r *release.StageRequest) { r.StaticDir = "../other" },
		"static dir in between":   func(r *release.StageRequest) { r.StaticDir = "static/../../other" },
		"static dir is missing":   func(r *release.StageRequest) { r.StaticDir = "_build/html" },
		"static dir is a file":    func(r *release.StageRequest) { r.StaticDir = "index.yaml" },
		"static dir in .git":      func(r *release.StageRequest) { r.StaticDir = ".git/x" },
		"listed file":             func(r *release.StageRequest) { r.Files = []string{"static/../../x"} },
		"listed file in .git":     func(r *release.StageRequest) { r.Files = []string{"sub/.git/config"} },
		"listed file without end": func(r *release.StageRequest) { r.Files = []string{"a\x00b"} },
		"unprotected path without end": func(r *release.StageRequest) {
			r.HasUnprotected, r.UnprotectedPaths = true, []string{strings.Repeat("x", 256)}
		},
		"unprotected path": func(r *release.StageRequest) {
			r.HasUnprotected, r.UnprotectedPaths = true, []string{"../../secret"}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.course(t, 1)
			r := p.request(1)
			change(&r)
			if err := stageError(t, p.open(t), r); err.Error() == "" {
				t.Error("the refusal does not say why")
			}
		})
	}
}

func TestStageRefusesBadRequests(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*release.StageRequest){
		"key":            func(r *release.StageRequest) { r.Key = "../x" },
		"version":        func(r *release.StageRequest) { r.Version = "x" },
		"build":          func(r *release.StageRequest) { r.BuildID = 0 },
		"document":       func(r *release.StageRequest) { r.Docs = map[string][]byte{"../x": nil} },
		"reserved":       func(r *release.StageRequest) { r.Docs = map[string][]byte{"release.json": nil} },
		"document above": func(r *release.StageRequest) { r.Docs = map[string][]byte{"..": nil} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.course(t, 1)
			r := p.request(1)
			change(&r)
			if _, err := p.open(t).Stage(t.Context(), r); !errors.Is(err, course.ErrInvalid) {
				t.Errorf("got %v, want an invalid request", err)
			}
		})
	}
}

// Random trees full of links: whatever is accepted has no link in its release
// that the kernel resolves to something outside, and whatever the kernel
// resolves outside in the course is refused.
func TestContainmentAgreesWithTheKernel(t *testing.T) {
	t.Parallel()
	accepted, refused := 0, 0
	p := memoryPlace(t)
	d := p.open(t)
	top := p.source
	for seed := range 80 {
		rng := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // repeatable on purpose
		p.source = filepath.Join(top, strconv.Itoa(seed))
		p.course(t, 1)
		randomLinks(t, rng, p)
		r := p.request(seed + 1)
		r.Files = []string{"d0/f", "d1/l0/f", "l1/f", "static/l2/f"}
		leaves := leavesRoot(t, p.source)
		_, err := d.Stage(t.Context(), r)
		var author *course.AuthorError
		if errors.As(err, &author) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		accepted++
		if leaves != "" {
			t.Errorf("seed %d: accepted although %s leads out", seed, leaves)
		}
		if err := d.Commit(t.Context(), key, r.Version); err != nil {
			t.Fatal(err)
		}
		if name := leavesRoot(t, filepath.Join(p.store, key, r.Version, "content")); name != "" {
			t.Errorf("seed %d: %s of the release leads out", seed, name)
		}
	}
	if accepted < 10 || refused < 10 {
		t.Errorf("accepted %d, refused %d: too few of one to tell anything", accepted, refused)
	}
}

func randomLinks(t *testing.T, rng *rand.Rand, p *place) {
	t.Helper()
	dirs := []string{"", "static/", "d0/", "d1/", "d0/d2/"}
	p.write(t, map[string]string{"d0/f": "1", "d1/f": "2", "d0/d2/f": "3"})
	steps := []string{"..", "..", "d0", "d1", "d2", "static", "l0", "l1", "l2", "f", "missing", "."}
	for _, dir := range dirs {
		for i := range 3 {
			if rng.IntN(2) == 0 {
				continue
			}
			var target []string
			for range 1 + rng.IntN(4) {
				target = append(target, steps[rng.IntN(len(steps))])
			}
			p.write(t, map[string]string{fmt.Sprintf("%sl%d", dir, i): "-> " + strings.Join(target, "/")})
		}
	}
}

// leavesRoot names a link below root that the kernel resolves to something
// outside of it.
func leavesRoot(t *testing.T, root string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for name, text := range links(t, root) {
		f, err := os.OpenFile(filepath.Join(root, name), unix.O_PATH, 0)
		if err != nil {
			continue // leads nowhere
		}
		real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if real != root && !strings.HasPrefix(real, root+"/") {
			found = name + " " + text
		}
	}
	return found
}

func links(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, text := range tree(t, root) {
		if strings.HasPrefix(text, "-> ") {
			out[name] = text
		}
	}
	return out
}

// More files or bytes than allowed are the author's to remove, whatever they
// take on the disk.
func TestStageRefusesTooMuch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, p *place)
		want   []string // in the error; nil: none
	}{
		"sparse file": {func(t *testing.T, p *place) {
			t.Helper()
			if err := os.Truncate(filepath.Join(p.source, "static/a.html"), 1<<40); err != nil {
				t.Fatal(err)
			}
		}, []string{"static/a.html with 1 TiB", "1 MiB together", "COURSE_SIZE"}},
		"largest possible files": {func(t *testing.T, p *place) {
			t.Helper()
			for _, name := range []string{"x", "y", "z"} {
				p.write(t, map[string]string{"static/" + name: ""})
				if err := os.Truncate(filepath.Join(p.source, "static", name), 1<<43); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"static/", "COURSE_SIZE"}},
		"not published": {func(t *testing.T, p *place) {
			t.Helper()
			p.write(t, map[string]string{"other/x": ""})
			if err := os.Truncate(filepath.Join(p.source, "other/x"), 1<<40); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"many files": {func(t *testing.T, p *place) {
			t.Helper()
			for i := range 101 {
				p.write(t, map[string]string{fmt.Sprintf("other/%d", i): ""})
			}
		}, []string{"more than 100 files", "other", "COURSE_FILES"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.course(t, 1)
			tt.change(t, p)
			d := p.open(t, func(c *release.Config) { c.Files, c.Bytes = 100, 1<<20 })
			if tt.want == nil {
				stage(t, d, p.request(1))
				return
			}
			err := stageError(t, d, p.request(1))
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %q, want %q in it", err, w)
				}
			}
		})
	}
}
