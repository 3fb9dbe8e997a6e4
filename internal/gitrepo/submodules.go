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
	"strconv"
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
	path   string // from the course's own tree; empty for that
	depth  int
}

// inside gives the path of a file in t from the course's own tree.
func (t tree) inside(name string) string {
	if t.path == "" {
		return name
	}
	return t.path + "/" + name
}

// updateSubmodules brings the submodules of t, which lie at links, to the
// recorded commits; level by level, as each level has to be checked before git
// enters it. What a level has to write is counted after its commits have come.
func (s *session) updateSubmodules(ctx context.Context, t tree, links []gitlink) error {
	if len(links) == 0 {
		return nil
	}
	if t.depth >= maxDepth {
		return course.Authorf("The submodules are nested more than %d levels deep; does a repository contain itself?", maxDepth)
	}
	if err := s.spent.submodule(len(links)); err != nil {
		return err
	}
	if err := t.checkModules(links); err != nil {
		return err
	}
	for _, link := range links {
		if _, err := t.submodule(link.path, true); err != nil {
			return fmt.Errorf("submodule %s: %w", link.path, err)
		}
	}
	skipped, err := s.fetchSubmodules(ctx, t)
	if err != nil {
		return err
	}
	lfs := make(map[string]bool)
	for _, link := range links {
		sub, err := t.submodule(link.path, false)
		if err != nil {
			return fmt.Errorf("submodule %s: %w", link.path, err)
		}
		if sub.gitDir == "" || skipped[link.path] {
			continue
		}
		if lfs[link.path], err = s.checkTree(ctx, sub, link.commit); err != nil {
			return err
		}
	}
	for _, link := range links {
		uses, counted := lfs[link.path]
		if !counted {
			s.log("The submodule " + printable(link.path) + " is not checked out, as .gitmodules says (update = none).")
			continue
		}
		if err := s.writeSubmodule(ctx, t, link, uses); err != nil {
			return err
		}
	}
	return nil
}

// fetchSubmodules fetches what the commits of t's submodules need and checks
// nothing out; the paths of those that .gitmodules leaves out are given back.
func (s *session) fetchSubmodules(ctx context.Context, t tree) (skipped map[string]bool, err error) {
	updates, skipped, err := s.updateSettings(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, t.dir, "submodule", "sync"); err != nil {
		return nil, err
	}
	fetching := s.with(updates)
	fetching.log = func(line string) {
		if !strings.Contains(line, "': '"+doNothing+" ") { // it tells nothing
			s.log(line)
		}
	}
	return skipped, fetching.run(ctx, t.dir, "submodule", "update", "--init", "--progress")
}

// doNothing is the program that git starts in the place of a submodule's checkout.
const doNothing = "true"

// updateSettings let git fetch submodules without checking them out. The names
// in .gitmodules are read by git: for one that it reads in another way it would
// check out what was not counted.
func (s *session) updateSettings(ctx context.Context, t tree) (settings [][2]string, skipped map[string]bool, err error) {
	out, err := s.output(ctx, t.dir, "config", "-z", "--file", ".gitmodules", "--get-regexp", `^submodule\..+\.(path|update)$`)
	if err != nil {
		return nil, nil, err
	}
	updates, paths := make(map[string]string), make(map[string]string)
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		dot := strings.LastIndex(key, ".")
		name := strings.TrimPrefix(key[:dot], "submodule.")
		if len(name) > maxModuleName {
			return nil, nil, course.Authorf("The file .gitmodules has a submodule with a name of %d bytes, which begins with %s. Use a shorter one.", len(name), strconv.Quote(name[:100]))
		}
		if key[dot:] == ".path" {
			paths[name] = value
			continue
		}
		if _, known := updates[name]; !known { // the first counts
			updates[name] = value
		}
	}
	if err := (&budget{}).submodule(len(paths)); err != nil {
		return nil, nil, err
	}
	skipped = make(map[string]bool)
	for name, path := range paths {
		update := "!" + doNothing
		if updates[name] == "none" {
			update, skipped[path] = "none", true
		}
		settings = append(settings, [2]string{"submodule." + name + ".update", update})
	}
	return settings, skipped, nil
}

// maxModuleName bounds the names of submodules, in bytes; they become paths.
const maxModuleName = 1000

// writeSubmodule checks out a submodule that was fetched and counted, and updates
// those in it.
func (s *session) writeSubmodule(ctx context.Context, t tree, link gitlink, lfs bool) error {
	sub, err := t.submodule(link.path, false)
	if err != nil || sub.gitDir == "" {
		return errors.Join(fmt.Errorf("submodule %s: it is gone", link.path), err)
	}
	if err := s.write(ctx, sub, lfs, "checkout", "-q", "--force", "--detach", link.commit); err != nil {
		return err
	}
	s.log("Submodule path '" + printable(sub.path) + "': checked out '" + link.commit + "'")
	links, err := gitlinks(sub.gitDir)
	if err != nil {
		return fmt.Errorf("submodule %s: %w", link.path, err)
	}
	return s.updateSubmodules(ctx, sub, links)
}

// checkModules reads .gitmodules as git does and expects a sound entry for
// each submodule: git only warns about those that it ignores.
func (t tree) checkModules(links []gitlink) error {
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
		if !known[link.path] {
			return course.Authorf("The submodule at %q has no entry with path and url in .gitmodules. %s", link.path, remedy)
		}
	}
	return nil
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

// submodule finds the work tree of a submodule. Its gitDir is empty when the
// folder is not a checkout that belongs to t; such a folder is emptied when
// mend is set: it might be a repository that a build planted.
func (t tree) submodule(link string, mend bool) (tree, error) {
	sub := tree{dir: t.dir, path: t.inside(link), depth: t.depth + 1}
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
	if mend && (sub.gitDir == "" || neverCheckedOut(sub.gitDir)) {
		return sub, removeAll(sub.dir)
	}
	return sub, nil
}

// neverCheckedOut says whether the git folder of a submodule is as its clone left
// it: HEAD may be a branch that does not exist then, which git takes for damage.
func neverCheckedOut(gitDir string) bool {
	head, err := readSmall(filepath.Join(gitDir, "HEAD"))
	return err == nil && bytes.HasPrefix(head, []byte("ref:"))
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
