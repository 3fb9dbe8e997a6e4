package main

import (
	"log/slog"
	"testing"

	"coursewright/internal/gitrepo/gitrepotest"
)

// An api needs no git program. Without it the pages say that they cannot look at
// origins, and the address for it is not there.
func TestOriginsAreLookedAtWhereGitIs(t *testing.T) {
	gitrepotest.Need(t, "git")
	open := func(r role) (*system, error) {
		y := &system{role: r, log: slog.New(slog.DiscardHandler)}
		return y, y.openGit(t.Context())
	}
	if y, err := open(role{serves: true}); err != nil || y.origins() == nil {
		t.Errorf("with git nobody looks: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if y, err := open(role{serves: true}); err != nil || y.origins() != nil {
		t.Errorf("without git an api has %v: %v", y.origins(), err)
	}
	if y, err := open(role{builds: true}); err == nil {
		t.Errorf("without git a worker has %v", y.git)
	}
}
