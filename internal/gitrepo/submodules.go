package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"

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

// updateSubmodules brings the submodules of t, which lie at links, to the
// recorded commits; level by level, as each level has to be checked before git
// enters it.
func (s *session) updateSubmodules(ctx context.Context, t tree, links []string) error {
	if len(links) == 0 {
		return nil
	}
	if t.depth >= maxDepth {
		return course.Authorf("The submodules are nested more than %d levels deep; does a repository contain itself?", maxDepth)
	}
	if err := t.checkModules(links); err != nil {
		return err
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
		if err := s.updateBelow(ctx, t, link); err != nil {
			return err
		}
	}
	return nil
}

// updateBelow updates the submodules of the submodule at link.
func (s *session) updateBelow(ctx context.Context, t tree, link string) error {
	sub, err := t.submodule(link, false)
	if err != nil {
		return fmt.Errorf("submodule %s: %w", link, err)
	}
	if sub.gitDir == "" {
		s.log("The submodule " + printable(link) + " is not checked out, as .gitmodules says (update = none).")
		return nil
	}
	links, err := gitlinks(sub.gitDir)
	if err != nil {
		return fmt.Errorf("submodule %s: %w", link, err)
	}
	return s.updateSubmodules(ctx, sub, links)
}

// checkModules reads .gitmodules as git does and expects a sound entry for
// each submodule: git only warns about those that it ignores.
func (t tree) checkModules(links []string) error {
	const remedy = "Correct .gitmodules, or remove the submodule with git rm --cached."
	data, err := readSmall(filepath.Join(t.dir, ".gitmodules"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return course.Authorf("The file .gitmodules cannot be used: it is not a regular file of reasonable size. %s", remedy)
	}
	c := gitconfig.New()
	if err := gitconfig.NewDecoder(bytes.NewReader(data)).Decode(c); err != nil {
		return course.Authorf("The file .gitmodules does not read: %v. %s", err, remedy)
	}
	known := make(map[string]bool)
	for _, m := range c.Section("submodule").Subsections {
		path, url := m.Option("path"), m.Option("url")
		if slices.Contains(strings.FieldsFunc(m.Name, isSlash), "..") || strings.HasPrefix(path, "-") || strings.HasPrefix(url, "-") {
			return course.Authorf("The submodule %q in .gitmodules has a name, path or url that git refuses. %s", m.Name, remedy)
		}
		known[path] = url != ""
	}
	for _, link := range links {
		if !known[link] {
			return course.Authorf("The submodule at %q has no entry with path and url in .gitmodules. %s", link, remedy)
		}
	}
	return nil
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

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
