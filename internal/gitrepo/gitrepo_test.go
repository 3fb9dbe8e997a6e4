package gitrepo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// bench is a Git, a place for a working copy and the log of what happened.
type bench struct {
	t   *testing.T
	git *gitrepo.Git
	dir string
	mu  sync.Mutex
	log []string
}

func newBench(t *testing.T, cfg gitrepo.Config) *bench {
	t.Helper()
	g, err := gitrepo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, git: g, dir: filepath.Join(t.TempDir(), "build", "demo")}
}

func local(t *testing.T) *bench {
	t.Helper()
	gitrepotest.Need(t, "git")
	return newBench(t, gitrepo.Config{AllowLocal: true})
}

func (b *bench) line(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, line)
}

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.log, "\n")
}

func (b *bench) try(ctx context.Context, origin, branch string) (gitrepo.Checkout, error) {
	return b.git.Checkout(ctx, gitrepo.CheckoutRequest{Dir: b.dir, Origin: origin, Branch: branch, Log: b.line})
}

func (b *bench) checkout(origin, branch string) gitrepo.Checkout {
	b.t.Helper()
	got, err := b.try(b.t.Context(), origin, branch)
	if err != nil {
		b.t.Fatalf("checkout: %v\nlog:\n%s", err, b.logged())
	}
	return got
}

// refused expects an AuthorError that contains all the texts.
func (b *bench) refused(origin, branch string, texts ...string) {
	b.t.Helper()
	_, err := b.try(b.t.Context(), origin, branch)
	var author *course.AuthorError
	if !errors.As(err, &author) {
		b.t.Fatalf("want an AuthorError, got %v\nlog:\n%s", err, b.logged())
	}
	for _, text := range texts {
		if !strings.Contains(author.Message, text) {
			b.t.Errorf("message %q does not contain %q", author.Message, text)
		}
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

func (b *bench) write(name, content string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// has expects a file with the content; the empty content means there is none.
func (b *bench) has(name, content string) {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if content == "" {
		if !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("%s: there should be no such file: %q, %v", name, data, err)
		}
		return
	}
	if err != nil || string(data) != content {
		b.t.Errorf("%s: got %q, %v; want %q", name, data, err, content)
	}
}

func TestCheckout(t *testing.T) {
	t.Parallel()
	b := local(t)
	repo := gitrepotest.New(t)
	first := repo.Commit(map[string]string{"index.yaml": "one", "dir/a.rst": "a"}, "First\n\nBody of it.")
	got := b.checkout(repo.URL(), "main")
	if got.Commit != first || !got.Fresh || got.Info.Subject != "First" || got.Info.Body != "Body of it." {
		t.Errorf("clone gave %+v, want commit %s", got, first)
	}
	b.has("index.yaml", "one")

	repo.Remove("dir/a.rst")
	second := repo.Commit(map[string]string{"index.yaml": "two"}, "Second")
	b.write("index.yaml", "changed by a build")
	b.write("_build/out", "output")
	got = b.checkout(repo.URL(), "main")
	if got.Commit != second || got.Fresh {
		t.Errorf("update gave %+v, want commit %s and no clone", got, second)
	}
	b.has("index.yaml", "two")
	b.has("dir/a.rst", "")
	b.has("_build/out", "output")
	head, err := b.git.Head(b.dir)
	if err != nil || head != second {
		t.Errorf("head is %s, %v", head, err)
	}
	for _, want := range []string{"$ git fetch", "commit " + second, "Course Author <author@example.org>  2026-01-02 03:04:05 +0200"} {
		if !strings.Contains(b.logged(), want) {
			t.Errorf("the log lacks %q:\n%s", want, b.logged())
		}
	}
	if strings.Contains(b.logged(), filepath.Dir(b.dir)) {
		t.Errorf("the log tells a path of the server:\n%s", b.logged())
	}
}
