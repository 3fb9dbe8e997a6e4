package gitrepo_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

func TestCheckoutAfterForcePush(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	repo.Commit(map[string]string{"a": "2", "gone": "x"}, "Second")
	b.checkout(repo.URL(), "main")
	repo.Reset(first)
	third := repo.Commit(map[string]string{"a": "3"}, "Third")
	if got := b.checkout(repo.URL(), "main"); got.Commit != third || got.Fresh {
		t.Errorf("got %+v, want commit %s without a clone", got, third)
	}
	b.has("a", "3")
	b.has("gone", "")

	repo.Git("checkout", "-q", "--orphan", "other")
	unrelated := repo.Commit(map[string]string{"a": "4"}, "Unrelated")
	repo.Git("branch", "-q", "-M", "other", "main")
	if got := b.checkout(repo.URL(), "main"); got.Commit != unrelated || got.Fresh {
		t.Errorf("got %+v, want commit %s without a clone", got, unrelated)
	}
}

func TestCheckoutOfOtherBranch(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "main"}, "First")
	b.checkout(repo.URL(), "main")
	b.write("_build/out", "output")
	repo.Switch("group/2026")
	second := repo.Commit(map[string]string{"a": "2026"}, "Second")
	if got := b.checkout(repo.URL(), "group/2026"); got.Commit != second || got.Fresh {
		t.Errorf("got %+v, want commit %s without a clone", got, second)
	}
	b.has("a", "2026")
	b.has("_build/out", "output")

	repo.Git("checkout", "-q", "main")
	repo.Git("branch", "-q", "-D", "group/2026")
	repo.Switch("group")
	third := repo.Commit(map[string]string{"a": "group"}, "A name that was a folder of branches")
	if got := b.checkout(repo.URL(), "group"); got.Commit != third {
		t.Errorf("got %+v, want commit %s", got, third)
	}
}

func TestCheckoutOfOtherOrigin(t *testing.T) {
	t.Parallel()
	b, old, repo := local(t), gitrepotest.New(t), gitrepotest.New(t)
	old.Commit(map[string]string{"a": "old"}, "Old")
	commit := repo.Commit(map[string]string{"b": "new"}, "New")
	b.checkout(old.URL(), "main")
	b.write("_build/out", "output")
	got := b.checkout(repo.URL(), "main")
	if got.Commit != commit || !got.Fresh {
		t.Errorf("got %+v, want a clone of %s", got, commit)
	}
	b.has("a", "")
	b.has("b", "new")
	b.has("_build/out", "")
	b.alone()
}

// alone expects nothing beside the working copy: no half clone, no old copy.
func (b *bench) alone() {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(b.dir))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(b.dir) {
			b.t.Errorf("%s is left beside the working copy", e.Name())
		}
	}
}

func TestOldCopyStaysUntilTheCloneIsThere(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	b.checkout(repo.URL(), "main")
	b.refused("file://"+filepath.Join(t.TempDir(), "none"), "main", "no such repository")
	b.has("a", "1")
	b.alone()
}

func TestMissingBranch(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	b.refused(repo.URL(), "main", "empty", `"main"`)
	repo.Commit(map[string]string{"a": "1"}, "First")
	for _, name := range []string{"spring-2025", "spring-2026", "x1", "x2", "x3", "x4", "x5"} {
		repo.Switch(name)
	}
	b.refused(repo.URL(), "spring2026", "it has spring-2026, spring-2025, ", "and 3 more")
	repo.Git("tag", "v1")
	b.refused(repo.URL(), "v1", `no branch "v1"`)
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed clone left %v", err)
	}
	b.alone()

	b.checkout(repo.URL(), "main")
	b.refused(repo.URL(), "mian", "it has main")
	b.has("a", "1")
}

func TestRefusedOrigins(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	b := newBench(t, gitrepo.Config{})
	evidence := filepath.Join(t.TempDir(), "evidence")
	for name, origin := range map[string]string{
		"empty":          "",
		"option":         "--upload-pack=touch " + evidence,
		"helper":         "ext::sh -c touch% " + evidence,
		"file":           "file:///srv/course.git",
		"path":           "/srv/course.git",
		"relative path":  "../course.git",
		"ftp":            "ftp://host.example.org/course.git",
		"no host":        "https:///course.git",
		"token in query": "https://host.example.org/course.git?private_token=x",
		"ssh option":     "ssh://-oProxyCommand=touch%20" + evidence + "/x",
		"scp option":     "-oProxyCommand=touch:x",
		"scp host":       "git@-oProxyCommand=touch:x",
		"ssh user":       "ssh://-oProxyCommand=x@host.example.org/x",
		"line break":     "https://host.example.org/a\nb",
		"secret control": "https://u:p%0apath=x@host.example.org/a",
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, git: b.git, dir: filepath.Join(t.TempDir(), "demo")}
			b.refused(origin, "main")
			if len(b.log) > 0 {
				t.Errorf("git was started: %s", b.logged())
			}
		})
	}
	if _, err := os.Stat(evidence); !errors.Is(err, os.ErrNotExist) {
		t.Error("a hostile origin ran a program")
	}
	b.refused("https://user:hunter2@[bad/x", "main", "not a valid address")
	_, err := b.try(t.Context(), "ftp://user:hunter2@host/x", "main")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestRefusedBranches(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	for _, branch := range []string{"", "-f", "--upload-pack=x", "a..b", "a b", "main:refs/heads/x", "x*", "@{-1}"} {
		b.refused(repo.URL(), branch, "branch")
	}
	if len(b.log) > 0 {
		t.Errorf("git was started: %s", b.logged())
	}
}

func TestOddRepositories(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	commit := repo.Commit(nil, "No files at all")
	for range 2 {
		if got := b.checkout(repo.URL(), "main"); got.Commit != commit {
			t.Errorf("got %+v", got)
		}
	}
	must(t, b.git.Clean(t.Context(), b.dir, nil, b.line))

	sha256 := filepath.Join(t.TempDir(), "sha256")
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Env = append(os.Environ(), gitrepotest.Environment()...)
		out, err := cmd.Output()
		must(t, err)
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "--bare", "--object-format=sha256", "-b", "main", sha256)
	emptyTree := git("-C", sha256, "hash-object", "-t", "tree", "-w", "/dev/null")
	git("-C", sha256, "update-ref", "refs/heads/main", git("-C", sha256, "commit-tree", "-m", "x", emptyTree))
	b.refused("file://"+sha256, "main", "SHA-256")
}

func TestBranches(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	repo.Switch("dev/x")
	second := repo.Commit(map[string]string{"a": "2"}, "Second")
	got, err := b.git.Branches(t.Context(), repo.URL())
	if err != nil || len(got) != 2 || got["main"] != first || got["dev/x"] != second {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := b.git.Branches(t.Context(), "file:///nowhere/at/all"); err == nil {
		t.Error("a missing repository has branches")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.git.Branches(ctx, repo.URL()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// A local origin may belong to somebody else: a folder mounted into a container.
func TestLocalOriginOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	b, repo := local(t), gitrepotest.New(t)
	commit := repo.Commit(map[string]string{"a": "1"}, "First")
	if err := filepath.WalkDir(repo.Path(), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 12345, 12345))
	}); err != nil {
		t.Fatal(err)
	}
	if got := b.checkout(repo.Path(), "main"); got.Commit != commit {
		t.Errorf("got %+v", got)
	}
	if _, err := b.git.Branches(t.Context(), repo.Path()); err != nil {
		t.Error(err)
	}
}
