package main

import (
	"testing"

	"coursewright/internal/gitrepo"
)

// An api that polls no git hosts has no git program: the pages say that, and the
// address for it is not there.
func TestOriginsAreLookedAtWhereGitIs(t *testing.T) {
	t.Parallel()
	if o := (&system{}).origins(); o != nil {
		t.Errorf("without git there is %T", o)
	}
	if o := (&system{git: &gitrepo.Git{}}).origins(); o == nil {
		t.Error("nobody looks although there is git")
	}
}
