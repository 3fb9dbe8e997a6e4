package gitrepo

import (
	"bytes"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// warnPointers says so when files are kept in Git LFS, which is not installed:
// the working copy then holds small pointer files in their place.
func warnPointers(dir string, idx *index.Index, log func(string)) {
	for _, e := range idx.Entries {
		if path.Base(e.Name) != ".gitattributes" {
			continue
		}
		data, err := readSmall(filepath.Join(dir, filepath.FromSlash(e.Name)))
		if err == nil && bytes.Contains(data, []byte("filter=lfs")) {
			log("Warning: this repository keeps files in Git LFS, which is not installed here; they stay pointer files. Ask the administrator to install git-lfs.")
			return
		}
	}
}
