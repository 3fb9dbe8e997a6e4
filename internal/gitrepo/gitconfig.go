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
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// removeAll is os.RemoveAll that also gets rid of folders without write
// permission, as far as their owner lets it.
func removeAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	walkErr := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if d.IsDir() {
			// What cannot be changed is reported by the removal below.
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return errors.Join(os.RemoveAll(path), walkErr)
}
