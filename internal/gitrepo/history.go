package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"coursewright/internal/course"
)

// Commit is the data of one commit.
type Commit struct {
	Hash      string // 40 hexadecimal digits
	Subject   string // the first paragraph of the message in one line
	Body      string // the rest of the message
	Author    Signature
	Committer Signature
}

// Signature says who did something and when.
type Signature struct {
	Name  string
	Email string
	When  time.Time
}

// Lines gives the commit as lines for a build log.
func (c Commit) Lines() []string {
	lines := []string{
		"commit " + c.Hash,
		"Author:    " + c.Author.String(),
		"Committer: " + c.Committer.String(),
		"",
		"    " + printable(c.Subject),
	}
	if c.Body != "" {
		lines = append(lines, "")
		for line := range strings.SplitSeq(c.Body, "\n") {
			lines = append(lines, strings.TrimRight("    "+printable(line), " "))
		}
	}
	return lines
}

// String gives name, address and date.
func (s Signature) String() string {
	return fmt.Sprintf("%s <%s>  %s", printable(s.Name), printable(s.Email), s.When.Format("2006-01-02 15:04:05 -0700"))
}

// Head gives the commit that the working copy in dir stands at, 40
// hexadecimal digits. The kind of the error is course.ErrNotFound when dir is
// not the root of a working copy or has no commit.
func (g *Git) Head(dir string) (string, error) {
	c, err := headCommit(dir)
	return c.Hash, err
}

// Describe gives the data of a commit of the working copy in dir. The kind of
// the error is course.ErrNotFound when there is no such commit.
func (g *Git) Describe(dir, commit string) (Commit, error) {
	repo, err := open(dir)
	if err != nil {
		return Commit{}, err
	}
	return describe(repo, plumbing.NewHash(commit))
}

// IsWorkTree says whether dir itself, not a parent, is the root of a working
// copy.
func IsWorkTree(dir string) bool { return checkRoot(dir) == nil }

func headCommit(dir string) (Commit, error) {
	repo, err := open(dir)
	if err != nil {
		return Commit{}, err
	}
	ref, err := repo.Head()
	if err != nil {
		return Commit{}, fmt.Errorf("%w: HEAD: %w", course.ErrNotFound, err)
	}
	return describe(repo, ref.Hash())
}

func open(dir string) (*git.Repository, error) {
	if err := checkRoot(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", course.ErrNotFound, err)
	}
	repo, err := git.PlainOpen(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: working copy: %w", course.ErrNotFound, err)
	}
	return repo, nil
}

func describe(repo *git.Repository, hash plumbing.Hash) (Commit, error) {
	c, err := repo.CommitObject(hash)
	if err != nil {
		return Commit{}, fmt.Errorf("%w: commit %s: %w", course.ErrNotFound, hash, err)
	}
	subject, body, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n\n")
	return Commit{
		Hash:      c.Hash.String(),
		Subject:   strings.Join(strings.Fields(subject), " "),
		Body:      strings.Trim(body, "\n"),
		Author:    signature(c.Author),
		Committer: signature(c.Committer),
	}, nil
}

func signature(s object.Signature) Signature {
	return Signature{Name: s.Name, Email: s.Email, When: s.When}
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ChangedFiles lists the files that differ between the last successful build
// and head, a commit of the working copy in dir. ended are the course's SUCCESS
// and FAILED builds before this one, newest first, as Builds.EndedBuilds gives
// them: the changes of every failed build since the last success count, also
// when a later commit took them back. Paths are relative to dir, sorted, each
// once.
//
// known is false when that cannot be told (no successful build, a build without
// commit, a commit that is gone, a copy cloned after the success, so that its
// output is missing): the caller then treats all files as changed. An error
// only says that the context ended.
func (g *Git) ChangedFiles(ctx context.Context, dir, head string, ended []course.Build) (files []string, known bool, err error) {
	commits, ok := chain(head, ended)
	if !ok {
		return nil, false, nil
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, false, fmt.Errorf("changed files: %w", err)
	}
	ctx, cancel := g.limit(ctx)
	defer cancel()
	unlock, err := g.folder.lock(ctx, dir)
	if err != nil {
		return nil, false, fmt.Errorf("changed files: wait for the folder: %w", err)
	}
	defer unlock()
	success := ended[len(commits)-2]
	cloned, err := clonedAt(dir)
	if err != nil || (!success.FinishedAt.IsZero() && success.FinishedAt.Before(cloned)) {
		return nil, false, nil
	}
	s := g.newSession(origin{}, nil)
	if err := s.enter(dir); err != nil {
		return nil, false, nil
	}
	files, err = s.union(ctx, dir, commits)
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("changed files: %w", context.Cause(ctx))
	}
	return files, err == nil, nil
}

// union collects the names that differ between neighbours in commits, newest
// first.
func (s *session) union(ctx context.Context, dir string, commits []string) ([]string, error) {
	seen := make(map[string]bool)
	for i := range len(commits) - 1 {
		names, err := s.diff(ctx, dir, commits[i+1], commits[i])
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// chain gives head and the commits of the builds up to the first success.
func chain(head string, ended []course.Build) ([]string, bool) {
	if !fullHash.MatchString(head) {
		return nil, false
	}
	commits := []string{head}
	for _, b := range ended {
		if !b.Status.Final() || b.Status == course.StatusSkipped {
			return nil, false
		}
		if !fullHash.MatchString(b.Commit) {
			return nil, false
		}
		commits = append(commits, b.Commit)
		if b.Status == course.StatusSuccess {
			return commits, true
		}
	}
	return nil, false
}

// clonedAt tells when the copy was cloned; zero for one that this package did
// not clone.
func clonedAt(dir string) (time.Time, error) {
	data, err := readSmall(filepath.Join(dir, ".git", clonedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data)))
}

func (s *session) diff(ctx context.Context, dir, from, to string) ([]string, error) {
	if from == to {
		return nil, nil
	}
	out, err := s.output(ctx, dir, "diff", "--name-only", "-z", "--no-ext-diff", from, to, "--")
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		switch {
		case name == "":
		case hasControl(name):
			// The list is handed on line by line.
			names = append(names, fmt.Sprintf("%q", name))
		default:
			names = append(names, name)
		}
	}
	return names, nil
}

// enter makes dir safe for git when the course's origin and branch are not at
// hand: they are taken from the copy itself.
func (s *session) enter(dir string) error {
	f, err := factsOf(dir)
	if err != nil {
		return err
	}
	head, err := readSmall(filepath.Join(dir, ".git", "HEAD"))
	if err != nil {
		return unfit("its HEAD does not read: %v", err)
	}
	if name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/"); ok && checkBranch(name) == nil {
		f.branch = name
	}
	return guard(dir, f)
}
