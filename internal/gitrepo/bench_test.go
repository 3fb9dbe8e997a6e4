package gitrepo_test

import (
	"path/filepath"
	"testing"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// BenchmarkCheckoutUnchanged measures the checkout that every push pays for,
// on a tiny local repository.
func BenchmarkCheckoutUnchanged(b *testing.B) {
	gitrepotest.Need(b, "git")
	repo := gitrepotest.New(b)
	repo.Commit(map[string]string{"index.yaml": "x", "a/b.rst": "y"}, "First")
	g, err := gitrepo.New(gitrepo.Config{AllowLocal: true})
	if err != nil {
		b.Fatal(err)
	}
	req := gitrepo.CheckoutRequest{Dir: filepath.Join(b.TempDir(), "demo"), Origin: repo.URL(), Branch: "main"}
	for b.Loop() {
		if _, err := g.Checkout(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckoutSubmodules is BenchmarkCheckoutUnchanged with three submodules.
func BenchmarkCheckoutSubmodules(b *testing.B) {
	gitrepotest.Need(b, "git")
	repo, lib := gitrepotest.New(b), gitrepotest.New(b)
	commit := lib.Commit(map[string]string{"l": "1"}, "Lib")
	repo.Commit(map[string]string{"index.yaml": "x"}, "First")
	for _, path := range []string{"one", "two", "three"} {
		repo.AddSubmodule(path, lib.URL(), commit)
	}
	g, err := gitrepo.New(gitrepo.Config{AllowLocal: true})
	if err != nil {
		b.Fatal(err)
	}
	req := gitrepo.CheckoutRequest{Dir: filepath.Join(b.TempDir(), "demo"), Origin: repo.URL(), Branch: "main"}
	for b.Loop() {
		if _, err := g.Checkout(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
