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
