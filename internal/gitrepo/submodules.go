package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coursewright/internal/course"
)

// maxDepth bounds submodules within submodules; a repository that contains
// itself would never end.
const maxDepth = 8

// tree is a work tree with its git folder: the course's or a submodule's.
type tree struct {
	dir    string
	gitDir string
	depth  int
}

// updateSubmodules brings the submodules of t to the recorded commits, level by
// level, as each level has to be checked before git enters it.
func (s *session) updateSubmodules(ctx context.Context, t tree) error {
	links, err := s.links(t)
	if err != nil || len(links) == 0 {
		return err
	}
	if _, err := os.Lstat(filepath.Join(t.dir, ".gitmodules")); errors.Is(err, fs.ErrNotExist) {
		s.log("The repository records submodules but has no .gitmodules file; they are left out: " + strings.Join(links, ", "))
		return nil
	}
	if t.depth >= maxDepth {
		return course.Authorf("The submodules are nested more than %d levels deep; does a repository contain itself?", maxDepth)
	}
	for _, link := range links {
		if _, err := t.submodule(link, true); err != nil {
			return fmt.Errorf("submodule %s: %w", link, err)
		}
	}
	for _, args := range [][]string{{"submodule", "sync"}, {"submodule", "update", "--init", "--force", "--progress"}} {
		if err := s.run(ctx, t.dir, args...); err != nil {
			return err
		}
	}
	for _, link := range links {
		sub, err := t.submodule(link, false)
		if err != nil {
			return fmt.Errorf("submodule %s: %w", link, err)
		}
		if sub.gitDir == "" {
			continue // git does not check it out: update = none
		}
		if err := s.updateSubmodules(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

// links lists the submodules of t; without .gitmodules and without any clone
// of a submodule there is nothing to read.
func (s *session) links(t tree) ([]string, error) {
	_, modulesErr := os.Lstat(filepath.Join(t.dir, ".gitmodules"))
	_, clonesErr := os.Lstat(filepath.Join(t.gitDir, "modules"))
	if errors.Is(modulesErr, fs.ErrNotExist) && errors.Is(clonesErr, fs.ErrNotExist) {
		return nil, nil
	}
	return gitlinks(t.gitDir)
}

// submodule finds the work tree of a submodule. Its gitDir is empty when the
// folder is not a checkout that belongs to t; such a folder is emptied when
// mend is set: it might be a repository that a build planted.
func (t tree) submodule(link string, mend bool) (tree, error) {
	sub := tree{dir: t.dir, depth: t.depth + 1}
	for part := range strings.SplitSeq(link, "/") {
		sub.dir = filepath.Join(sub.dir, part)
		info, err := os.Lstat(sub.dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return sub, nil
		case err != nil:
			return sub, err
		case info.IsDir():
		case mend:
			return sub, os.Remove(sub.dir)
		default:
			return sub, nil
		}
	}
	sub.gitDir = t.gitDirOf(sub.dir)
	if sub.gitDir == "" && mend {
		return sub, removeAll(sub.dir)
	}
	return sub, nil
}

// gitDirOf follows the .git file of a submodule and gives the git folder, or
// nothing unless both belong together and to t.
func (t tree) gitDirOf(dir string) string {
	data, err := readSmall(filepath.Join(dir, ".git"))
	if err != nil {
		return ""
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\n"), "gitdir: ")
	if !ok || filepath.IsAbs(target) {
		return ""
	}
	gitDir := filepath.Join(dir, target)
	rel, err := filepath.Rel(filepath.Join(t.gitDir, "modules"), gitDir)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return ""
	}
	conf, err := readSmall(filepath.Join(gitDir, "config"))
	if err != nil {
		return ""
	}
	f, err := decodeFacts(conf)
	if err != nil || filepath.Join(gitDir, f.worktree) != dir {
		return ""
	}
	return gitDir
}
