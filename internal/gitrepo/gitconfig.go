package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"
)

// repoFacts is all that a config file of a working copy may say.
type repoFacts struct {
	url      string
	branch   string // of the course; empty in submodules
	worktree string // of a submodule, relative to its git folder; else empty
}

// encode writes the config file for the facts. Whatever else a file holds
// (helpers, filters, aliases, other work trees) is lost by design.
func (f repoFacts) encode() ([]byte, error) {
	c := gitconfig.New()
	core := c.Section("core")
	core.AddOption("repositoryformatversion", "0").AddOption("filemode", "true").
		AddOption("bare", "false").AddOption("logallrefupdates", "true")
	if f.worktree != "" {
		core.AddOption("worktree", f.worktree)
	}
	c.Section("remote").Subsection("origin").AddOption("url", f.url).
		AddOption("fetch", "+refs/heads/*:refs/remotes/origin/*")
	if f.branch != "" {
		c.Section("branch").Subsection(f.branch).AddOption("remote", "origin").
			AddOption("merge", "refs/heads/"+f.branch)
	}
	var b bytes.Buffer
	if err := gitconfig.NewEncoder(&b).Encode(c); err != nil {
		return nil, fmt.Errorf("git config: %w", err)
	}
	return b.Bytes(), nil
}

func decodeFacts(data []byte) (repoFacts, error) {
	c := gitconfig.New()
	if err := gitconfig.NewDecoder(bytes.NewReader(data)).Decode(c); err != nil {
		return repoFacts{}, fmt.Errorf("git config: %w", err)
	}
	return repoFacts{
		url:      c.Section("remote").Subsection("origin").Option("url"),
		worktree: c.Section("core").Option("worktree"),
	}, nil
}

// maxSmallFile bounds the files of .git that are read whole, in bytes.
const maxSmallFile = 1 << 20

// readSmall reads a regular file; anything else, also a link, is an error.
func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSmallFile {
		return nil, fmt.Errorf("%s: not a small regular file", filepath.Base(path))
	}
	return os.ReadFile(path)
}

// ensureContent makes the file hold data, replacing it as a whole.
func ensureContent(path string, data []byte) error {
	old, err := readSmall(path)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if info, statErr := os.Lstat(path); statErr == nil && info.IsDir() {
		if err := removeAll(path); err != nil {
			return err
		}
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// removeAll is os.RemoveAll that also gets rid of folders without write
// permission, as far as their owner lets it.
func removeAll(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	makeWritable(path)
	return os.RemoveAll(path)
}

// makeWritable gives the owner full rights to all folders below path. What
// cannot be changed is left: the work that needs it reports that better.
func makeWritable(path string) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o755)
		}
		return nil
	})
}
