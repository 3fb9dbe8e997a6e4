package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// errUnfit is the kind of error for a folder in which git must not run: it is
// no working copy, or one that a build or a crash has spoilt.
var errUnfit = errors.New("not a usable working copy")

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnfit, fmt.Sprintf(format, args...))
}

// checkRoot says whether dir itself, and not a parent, is the root of a work
// tree.
func checkRoot(dir string) error {
	for _, p := range []string{dir, filepath.Join(dir, ".git")} {
		info, err := os.Lstat(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return unfit("there is no %s", filepath.Base(p))
		case err != nil:
			return err
		case !info.IsDir():
			return unfit("%s is not a folder", filepath.Base(p))
		}
	}
	return nil
}

// factsOf reads what the config of the working copy in dir says.
func factsOf(dir string) (repoFacts, error) {
	if err := checkRoot(dir); err != nil {
		return repoFacts{}, err
	}
	data, err := readSmall(filepath.Join(dir, ".git", "config"))
	if err != nil {
		return repoFacts{}, unfit("its config does not read: %v", err)
	}
	f, err := decodeFacts(data)
	if err != nil {
		return repoFacts{}, unfit("its config does not read: %v", err)
	}
	f.worktree = ""
	return f, nil
}

// guard makes it safe to run git in dir after a build had the folder: no file
// of .git leads elsewhere, no config names a program, no lock is left.
func guard(dir string, f repoFacts) error {
	if err := checkRoot(dir); err != nil {
		return err
	}
	gitDir := filepath.Join(dir, ".git")
	if err := guardGitDir(dir, gitDir); err != nil {
		return err
	}
	conf, err := f.encode()
	if err != nil {
		return err
	}
	if err := ensureContent(filepath.Join(gitDir, "config"), conf); err != nil {
		return fmt.Errorf("git config: %w", err)
	}
	if f.branch != "" {
		if err := ensureContent(filepath.Join(gitDir, "HEAD"), []byte("ref: refs/heads/"+f.branch+"\n")); err != nil {
			return fmt.Errorf("git HEAD: %w", err)
		}
	}
	return guardIndex(filepath.Join(gitDir, "index"))
}

// guardGitDir checks one git folder and, by recursion, those of submodules.
// The config of gitDir itself is the caller's.
func guardGitDir(root, gitDir string) error {
	entries, err := os.ReadDir(gitDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(gitDir, e.Name())
		switch {
		case e.Name() == "modules" && e.IsDir():
			err = guardModules(root, path)
		case e.IsDir():
			err = guardTree(path)
		case e.Name() == "commondir":
			err = unfit(".git/commondir leads to another repository")
		default:
			err = guardFile(path, e)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"objects/info/alternates", "objects/info/http-alternates"} {
		if _, err := os.Lstat(filepath.Join(gitDir, name)); err == nil {
			return unfit(".git/%s leads to another repository", name)
		}
	}
	// Attributes from here would beat the course's, grafts forge its history,
	// and git packs nothing after a failure.
	for _, name := range []string{"info/attributes", "info/grafts", "gc.pid", "gc.log"} {
		if err := os.Remove(filepath.Join(gitDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func guardTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return guardFile(path, d)
	})
}

func guardFile(path string, d fs.DirEntry) error {
	if !d.Type().IsRegular() {
		return unfit("%s in .git is not a regular file", d.Name())
	}
	if strings.HasSuffix(d.Name(), ".lock") {
		return os.Remove(path) // left by a process that was killed
	}
	return nil
}

// guardModules checks the git folders of submodules; their names may contain
// slashes, so they may lie deeper.
func guardModules(root, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			return unfit("%s in .git/modules is not a folder", e.Name())
		}
		if _, err := os.Lstat(filepath.Join(path, "HEAD")); err != nil {
			if err := guardModules(root, path); err != nil {
				// Half of a clone: no git folder, yet files in it.
				if err := removeAll(path); err != nil {
					return err
				}
			}
			continue
		}
		if err := guardModule(root, path); err != nil {
			return err
		}
	}
	return nil
}

// guardModule checks the git folder of one submodule. One that is spoilt is
// removed, git then clones it anew.
func guardModule(root, gitDir string) error {
	err := guardGitDir(root, gitDir)
	if err == nil {
		err = rewriteModuleConfig(root, gitDir)
	}
	if err == nil {
		err = guardIndex(filepath.Join(gitDir, "index"))
	}
	if err != nil {
		return removeAll(gitDir)
	}
	return nil
}

func rewriteModuleConfig(root, gitDir string) error {
	data, err := readSmall(filepath.Join(gitDir, "config"))
	if err != nil {
		return err
	}
	f, err := decodeFacts(data)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, filepath.Join(gitDir, f.worktree))
	if err != nil || f.worktree == "" || !filepath.IsLocal(rel) || rel == "." || hasGitPart(rel) {
		return unfit("a submodule's work tree lies elsewhere")
	}
	conf, err := f.encode()
	if err != nil {
		return err
	}
	return ensureContent(filepath.Join(gitDir, "config"), conf)
}

func hasGitPart(path string) bool {
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if strings.EqualFold(part, ".git") {
			return true
		}
	}
	return false
}

// guardIndex removes an index that does not read or names files outside the
// work tree, which git would believe; the next reset writes a new one.
func guardIndex(path string) error {
	_, err := readIndex(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.Remove(path)
}

// readIndex reads the index and checks its names.
func readIndex(path string) (*index.Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var idx index.Index
	if err := index.NewDecoder(f).Decode(&idx); err != nil {
		return nil, fmt.Errorf("git index: %w", err)
	}
	for _, e := range idx.Entries {
		if !filepath.IsLocal(e.Name) || hasGitPart(e.Name) {
			return nil, fmt.Errorf("git index: bad name %q", e.Name)
		}
	}
	return &idx, nil
}

// gitlink is a submodule as the index has it.
type gitlink struct{ path, commit string }

// gitlinks lists the submodules in the index of a git folder.
func gitlinks(gitDir string) ([]gitlink, error) {
	idx, err := readIndex(filepath.Join(gitDir, "index"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return linksIn(idx), nil
}

func linksIn(idx *index.Index) []gitlink {
	var links []gitlink
	for _, e := range idx.Entries {
		if e.Mode == filemode.Submodule {
			links = append(links, gitlink{e.Name, e.Hash.String()})
		}
	}
	return links
}
