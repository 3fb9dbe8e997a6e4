// Package gitrepotest makes git repositories for tests and serves them over
// http and ssh with the real programs. It knows nothing of Coursewright and
// must not be used outside tests. Start at New.
package gitrepotest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// RequireVariable names the environment variable that lists, separated by
// commas or blanks, the programs and abilities without which tests fail instead of
// skip.
const RequireVariable = "COURSEWRIGHT_REQUIRE"

// Need finds a program, or skips the test; it fails the test when
// RequireVariable lists the program.
func Need(tb testing.TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		// sshd is outside most users' PATH.
		path, err = exec.LookPath(filepath.Join("/usr/sbin", program))
	}
	if err == nil {
		return path
	}
	Missing(tb, program, program+" is not installed")
	return ""
}

// Missing skips the test, saying why; it fails the test when RequireVariable
// lists the word for what is missing.
func Missing(tb testing.TB, word, why string) {
	tb.Helper()
	if Required(word) {
		tb.Fatalf("%s, and %s has the word %s", why, RequireVariable, word)
	}
	tb.Skip(why)
}

// Required says whether RequireVariable lists a word, for tests that do less
// without what it stands for.
func Required(word string) bool {
	words := strings.FieldsFunc(os.Getenv(RequireVariable), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(words, word)
}

// Repo is a bare repository that plays the course's origin.
type Repo struct {
	tb   testing.TB
	root string // folder that holds the repository, nothing else
	tree string // work tree for making commits
}

// New makes an empty repository whose branch is called main. It is removed
// when the test ends.
func New(tb testing.TB) *Repo {
	tb.Helper()
	Need(tb, "git")
	base := tb.TempDir()
	r := &Repo{tb: tb, root: filepath.Join(base, "origin"), tree: filepath.Join(base, "tree")}
	for _, dir := range []string{r.root, r.tree} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	r.git(r.root, "init", "-q", "--bare", "--initial-branch=main", r.Path())
	return r
}

// Path is the folder of the repository.
func (r *Repo) Path() string { return filepath.Join(r.root, "course.git") }

// URL is the repository's file:// address.
func (r *Repo) URL() string { return "file://" + r.Path() }

// Commit writes the files (slash-separated path to content) and commits the
// whole work tree to the current branch. It returns the commit, 40
// hexadecimal digits. A commit without changes is fine.
func (r *Repo) Commit(files map[string]string, message string) string {
	r.tb.Helper()
	for name, content := range files {
		path := filepath.Join(r.tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			r.tb.Fatal(err)
		}
	}
	return r.CommitAll(message)
}

// CommitAll commits the work tree as it is; see Tree.
func (r *Repo) CommitAll(message string) string {
	r.tb.Helper()
	r.Git("add", "--all", "--force")
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return r.Head()
}

// Remove deletes files from the work tree; the next commit records it.
func (r *Repo) Remove(names ...string) {
	r.tb.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(r.tree, filepath.FromSlash(name))); err != nil {
			r.tb.Fatal(err)
		}
	}
}

// Tree is the work tree, where a test may make links and modes.
func (r *Repo) Tree() string { return r.tree }

// Head is the commit of the current branch.
func (r *Repo) Head() string {
	r.tb.Helper()
	return r.Git("rev-parse", "HEAD")
}

// Reset moves the current branch to a commit, as a force push would.
func (r *Repo) Reset(commit string) {
	r.tb.Helper()
	r.Git("reset", "-q", "--hard", commit)
}

// Switch makes the branch current; it is created where it is missing.
func (r *Repo) Switch(branch string) {
	r.tb.Helper()
	r.Git("checkout", "-q", "-B", branch)
}

// AddSubmodule records a submodule at path, named as its path, and commits
// that. The address is taken as it is and never contacted.
func (r *Repo) AddSubmodule(path, url, commit string) string {
	r.tb.Helper()
	r.Git("config", "-f", filepath.Join(r.tree, ".gitmodules"), "submodule."+path+".path", path)
	r.Git("config", "-f", filepath.Join(r.tree, ".gitmodules"), "submodule."+path+".url", url)
	r.Git("add", "--force", ".gitmodules")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+","+path)
	r.Git("commit", "-q", "-m", "Add submodule "+path)
	return r.Head()
}

// Git runs git on the repository and its work tree and returns the output
// without the final line break.
func (r *Repo) Git(args ...string) string {
	r.tb.Helper()
	return r.git(r.tree, append([]string{"--git-dir=" + r.Path(), "--work-tree=" + r.tree}, args...)...)
}

// GitInput is Git with text on the standard input.
func (r *Repo) GitInput(input string, args ...string) string {
	r.tb.Helper()
	return r.run(r.tree, input, append([]string{"--git-dir=" + r.Path(), "--work-tree=" + r.tree}, args...))
}

func (r *Repo) git(dir string, args ...string) string {
	r.tb.Helper()
	return r.run(dir, "", args)
}

func (r *Repo) run(dir, input string, args []string) string {
	r.tb.Helper()
	cmd := exec.CommandContext(r.tb.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), Environment()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Environment are the variables that make git independent of the machine's
// configuration and give it an author.
func Environment() []string {
	env := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C"}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env,
			fmt.Sprintf("GIT_%s_NAME=Course Author", who),
			fmt.Sprintf("GIT_%s_EMAIL=author@example.org", who),
			fmt.Sprintf("GIT_%s_DATE=2026-01-02T03:04:05+0200", who))
	}
	return env
}
