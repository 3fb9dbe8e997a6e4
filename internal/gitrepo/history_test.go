package gitrepo_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

func TestChangedFiles(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	long := strings.Repeat("line\n", 50)
	c1 := repo.Commit(map[string]string{"a": "1", "b": "1", "c": "1", "old name": long}, "One")
	c2 := repo.Commit(map[string]string{"a": "2", "ä.rst": "2"}, "Two")
	c3 := repo.Commit(map[string]string{"b": "3"}, "Three")
	repo.Remove("old name")
	c4 := repo.Commit(map[string]string{"b": "1", "new name": long, "odd\nname": "4"}, "Takes b back")
	b.checkout(repo.URL(), "main")
	build := func(status course.Status, commit string) course.Build {
		return course.Build{Status: status, Commit: commit, FinishedAt: time.Now().Add(time.Hour)}
	}
	ok := func(commit string) course.Build { return build(course.StatusSuccess, commit) }
	failed := func(commit string) course.Build { return build(course.StatusFailed, commit) }
	early := ok(c1)
	early.FinishedAt = time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		head  string
		ended []course.Build
		want  []string
		known bool
	}{
		"one step":               {c2, []course.Build{ok(c1)}, []string{"a", "ä.rst"}, true},
		"nothing new":            {c2, []course.Build{ok(c2)}, nil, true},
		"renamed and odd":        {c4, []course.Build{ok(c3)}, []string{`"odd\nname"`, "b", "new name"}, true},
		"straight":               {c4, []course.Build{ok(c2)}, []string{`"odd\nname"`, "new name"}, true},
		"failed ones count":      {c4, []course.Build{failed(c3), ok(c2)}, []string{`"odd\nname"`, "b", "new name"}, true},
		"stops at the success":   {c3, []course.Build{ok(c2), failed("x"), ok(c1)}, []string{"b"}, true},
		"back to an older one":   {c1, []course.Build{ok(c2)}, []string{"a", "ä.rst"}, true},
		"same commit again":      {c3, []course.Build{failed(c3), failed(c3), ok(c3)}, nil, true},
		"no builds":              {c2, nil, nil, false},
		"no success":             {c2, []course.Build{failed(c1)}, nil, false},
		"build without commit":   {c3, []course.Build{failed(""), ok(c1)}, nil, false},
		"commit is gone":         {c3, []course.Build{ok(strings.Repeat("1", 40))}, nil, false},
		"commit is an option":    {c3, []course.Build{ok("--output=" + filepath.Join(b.dir, "x"))}, nil, false},
		"no head":                {"", []course.Build{ok(c1)}, nil, false},
		"success before a clone": {c2, []course.Build{early}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			files, known, err := b.git.ChangedFiles(t.Context(), b.dir, c.head, c.ended)
			if err != nil || known != c.known {
				t.Errorf("known %v, %v; want %v", known, err, c.known)
			}
			if diff := cmp.Diff(c.want, files); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, known, err := b.git.ChangedFiles(t.Context(), t.TempDir(), c2, []course.Build{ok(c1)}); known || err != nil {
		t.Errorf("no working copy: %v, %v", known, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.git.ChangedFiles(ctx, b.dir, c2, []course.Build{ok(c1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHeadAndDescribe(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	first := repo.Commit(map[string]string{"a": "1"}, "A subject\nof two lines\n\nBody\n\n  more \x1b[1m body")
	second := repo.Commit(map[string]string{"a": "2"}, "Second")
	b.checkout(repo.URL(), "main")
	head, err := b.git.Head(b.dir)
	if err != nil || head != second {
		t.Errorf("head %s, %v", head, err)
	}
	c, err := b.git.Describe(b.dir, first)
	must(t, err)
	want := []string{
		"commit " + first,
		"Author:    Course Author <author@example.org>  2026-01-02 03:04:05 +0200",
		"Committer: Course Author <author@example.org>  2026-01-02 03:04:05 +0200",
		"", "    A subject of two lines", "", "    Body", "", "      more [1m body",
	}
	if diff := cmp.Diff(want, c.Lines()); diff != "" {
		t.Error(diff)
	}
	for _, commit := range []string{"", "HEAD", strings.Repeat("1", 40)} {
		if _, err := b.git.Describe(b.dir, commit); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("commit %q: %v", commit, err)
		}
	}
	for _, dir := range []string{b.path(".git"), filepath.Join(b.dir, "none"), filepath.Dir(b.dir)} {
		if _, err := b.git.Head(dir); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("head of %s: %v", dir, err)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{".gitignore": "*.tmp\n", "a": "1", "d/keep": "1"}, "First")
	b.checkout(repo.URL(), "main")
	for _, name := range []string{"_build/html/x", "x.tmp", "d/new", "-x", "two words", "d/_build/y"} {
		b.write(name, "output")
	}
	b.write("a", "changed")
	must(t, os.MkdirAll(b.path("empty/folder"), 0o755))
	must(t, b.git.Clean(t.Context(), b.dir, []string{"/_build", "-x", "two words"}, b.line))
	for name, want := range map[string]string{
		"_build/html/x": "output", "-x": "output", "two words": "output",
		"x.tmp": "", "d/new": "", "d/_build/y": "", "a": "changed", "d/keep": "1",
	} {
		b.has(name, want)
	}
	if _, err := os.Stat(b.path("empty")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder stays: %v", err)
	}
	if want := `$ git clean -xfd --exclude=/_build --exclude=-x "--exclude=two words"`; !strings.Contains(b.logged(), want) {
		t.Errorf("the log lacks %s:\n%s", want, b.logged())
	}
}

// gitmanager would clean the repository that a folder happens to lie in.
func TestCleanLeavesParentsAlone(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	b.checkout(repo.URL(), "main")
	b.write("course/new", "untracked")
	for _, dir := range []string{b.path("course"), b.path("none"), filepath.Dir(b.dir)} {
		if err := b.git.Clean(t.Context(), dir, nil, b.line); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("clean %s: %v", dir, err)
		}
	}
	b.write("course/.git/x", "not a repository")
	if err := b.git.Clean(t.Context(), b.path("course"), nil, b.line); err == nil {
		t.Error("a folder with a broken .git was cleaned")
	}
	b.has("course/new", "untracked")
}

// A build may leave folders that even their owner must not write to.
func TestFoldersWithoutWritePermission(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	b, repo, other := local(t), gitrepotest.New(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1", "d/e/f": "1"}, "First")
	other.Commit(map[string]string{"b": "1"}, "Other")
	b.checkout(repo.URL(), "main")
	lock := func() {
		b.write("_build/deep/x", "output")
		for _, dir := range []string{"_build/deep", "_build", "d/e", "d"} {
			must(t, os.Chmod(b.path(dir), 0o500))
		}
	}
	lock()
	must(t, b.git.Clean(t.Context(), b.dir, nil, b.line))
	b.has("_build/deep/x", "")
	lock()
	repo.Commit(map[string]string{"d/e/f": "2"}, "Second")
	if got := b.checkout(repo.URL(), "main"); got.Fresh {
		t.Errorf("an update cloned anew:\n%s", b.logged())
	}
	b.has("d/e/f", "2")
	b.has("_build/deep/x", "output")
	lock()
	b.checkout(other.URL(), "main")
	b.has("b", "1")
	b.alone()
}

// An untidy repository is packed after a build, a tidy one is left alone.
func TestCleanPacks(t *testing.T) {
	t.Parallel()
	const limit = 50 // git's gc.autoPackLimit
	for _, packs := range []int{3, limit + 5} {
		b, repo := local(t), gitrepotest.New(t)
		for i := range packs {
			repo.Commit(map[string]string{"a": strconv.Itoa(i)}, "commit")
			b.checkout(repo.URL(), "main")
			out, err := exec.CommandContext(t.Context(), "git", "-C", b.dir, "repack", "-dq").CombinedOutput()
			if err != nil {
				t.Fatalf("repack: %v\n%s", err, out)
			}
		}
		must(t, b.git.Clean(t.Context(), b.dir, nil, b.line))
		left, err := filepath.Glob(b.path(".git/objects/pack/*.pack"))
		must(t, err)
		if packed := len(left) == 1; packed != (packs > limit) {
			t.Errorf("of %d packs %d are left", packs, len(left))
		}
	}
}
