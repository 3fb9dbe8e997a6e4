package gitrepo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// Not parallel: a program that was just written cannot be started while another
// test forks.
func TestNewRefuses(t *testing.T) {
	gitrepotest.Need(t, "git")
	program := func(output string) string {
		path := filepath.Join(t.TempDir(), "git")
		must(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+output+"'\n"), 0o700))
		return path
	}
	for name, c := range map[string]struct {
		cfg  gitrepo.Config
		want string
	}{
		"no git":        {gitrepo.Config{GitPath: "/none/git"}, "install git"},
		"old git":       {gitrepo.Config{GitPath: program("git version 2.30.2")}, "install 2.36 or newer"},
		"other program": {gitrepo.Config{GitPath: program("hello")}, "not understood"},
		"policy":        {gitrepo.Config{HostKeys: "perhaps"}, `"perhaps": use accept-new, strict or off`},
		"timeout":       {gitrepo.Config{Timeout: -time.Second}, "positive"},
		"quote":         {gitrepo.Config{SSHKeyPath: `/a"b`}, "quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := gitrepo.New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something with %q", err, c.want)
			}
		})
	}
}

// Options of the deployment reach every git process.
func TestGitOptions(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "line\n"}, "First")
	b.checkout(repo.URL(), "main")
	b.has("a", "line\n")
	crlf := newBench(t, gitrepo.Config{AllowLocal: true, GitOptions: []string{"-c", "core.autocrlf=true"}})
	crlf.checkout(repo.URL(), "main")
	crlf.has("a", "line\r\n")
}
