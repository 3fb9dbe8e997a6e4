package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"coursewright/internal/course"
)

// CheckoutRequest asks for a working copy of a branch.
type CheckoutRequest struct {
	Dir    string            // absolute path of the working copy; its parent is made when missing
	Origin string            // as the course's GitOrigin
	Branch string            // as the course's GitBranch
	Log    func(line string) // gets commands and their output, line by line, credentials hidden; may be nil
}

// Checkout is what a checkout has found.
type Checkout struct {
	Commit string // 40 hexadecimal digits
	Fresh  bool   // the copy was cloned, so earlier build output is gone
	Info   Commit // the commit's data
	// Received is about how many bytes came from the origin, also of a checkout
	// that failed.
	Received int64
}

// clonedFile in .git holds the time of the clone: builds before it left no
// output here.
const clonedFile = "coursewright-cloned"

// Checkout makes req.Dir a working copy of the newest commit of the branch,
// submodules included. Files that git does not track survive; changes to
// tracked ones do not. A copy of another origin, a damaged one or a folder that
// is none is replaced by a new clone; the old one stays until that is complete.
//
// *course.AuthorError tells what is wrong with origin, branch or submodules.
// When the context ends, all processes are killed and its cause is returned.
func (g *Git) Checkout(ctx context.Context, req CheckoutRequest) (Checkout, error) {
	o, err := g.parseOrigin(req.Origin)
	if err != nil {
		return Checkout{}, err
	}
	if err := checkBranch(req.Branch); err != nil {
		return Checkout{}, err
	}
	dir, err := filepath.Abs(req.Dir)
	if err != nil {
		return Checkout{}, fmt.Errorf("checkout: %w", err)
	}
	ctx, cancel := g.limit(ctx)
	defer cancel()
	unlock, err := g.folder.lock(ctx, dir)
	if err != nil {
		return Checkout{}, fmt.Errorf("checkout: wait for the folder: %w", err)
	}
	defer unlock()
	s := g.newSession(o, req.Log)
	s.hide(dir, ".")
	// File systems keep times less exactly than clocks.
	began := time.Now().Add(-10 * time.Millisecond)
	fresh, err := s.checkout(ctx, dir, req.Branch)
	got := Checkout{Received: received(dir, began)}
	if err != nil {
		return got, s.explain(ctx, req.Branch, err)
	}
	info, err := headCommit(dir)
	if err != nil {
		return got, fmt.Errorf("checkout: %w", err)
	}
	for _, line := range info.Lines() {
		s.log(line)
	}
	got.Commit, got.Fresh, got.Info = info.Hash, fresh, info
	return got, nil
}

// limit bounds an operation by the configured time.
func (g *Git) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	cause := fmt.Errorf("not done after %s: %w", g.cfg.Timeout, context.DeadlineExceeded)
	return context.WithTimeoutCause(ctx, g.cfg.Timeout, cause)
}

func (s *session) hide(path, shown string) { s.hidden[path] = shown }

// checkout updates the copy in dir, or clones when that is not possible.
func (s *session) checkout(ctx context.Context, dir, branch string) (fresh bool, err error) {
	removeLeftovers(dir, s.log)
	facts := repoFacts{url: s.origin.url, branch: branch}
	err = s.fits(dir)
	if err == nil {
		err = guard(dir, facts)
	}
	if err == nil {
		err = s.update(ctx, dir, branch)
	}
	switch {
	case err == nil:
		return false, nil
	case ctx.Err() != nil, isDiskFull(err), remoteTrouble(err):
		return false, err
	}
	if _, statErr := os.Lstat(dir); statErr == nil {
		s.log(s.clean("The working copy is cloned anew: " + err.Error()))
	}
	return true, s.replace(ctx, dir, facts)
}

// fits says whether dir is a working copy of the origin.
func (s *session) fits(dir string) error {
	f, err := factsOf(dir)
	if err != nil {
		return err
	}
	if f.url != s.origin.url {
		return unfit("it belongs to another origin")
	}
	return nil
}

// update fetches the branch and makes the work tree equal to it.
func (s *session) update(ctx context.Context, dir, branch string) error {
	remote := "refs/remotes/origin/" + branch
	args := []string{"fetch", "--progress", "--no-auto-maintenance"}
	args = append(args, s.localOptions()...)
	args = append(args, "origin", "+refs/heads/"+branch+":"+remote)
	if err := s.run(ctx, dir, args...); err != nil {
		return err
	}
	t := tree{dir: dir, gitDir: filepath.Join(dir, ".git")}
	s.spent = &budget{limits: s.git.cfg.Limits}
	lfs, err := s.checkTree(ctx, t, remote)
	if err != nil {
		return err
	}
	if err := s.write(ctx, t, lfs, "reset", "-q", "--hard", remote); err != nil {
		return err
	}
	idx, err := readIndex(filepath.Join(t.gitDir, "index"))
	if err != nil {
		return err
	}
	if !s.git.lfs {
		warnPointers(dir, idx, s.log)
	}
	if err := s.updateSubmodules(ctx, t, linksIn(idx)); err != nil {
		return &submoduleError{err}
	}
	return nil
}

// localOptions lets git serve a local origin that belongs to another user, as
// is common when a developer's folder is mounted into a container.
func (s *session) localOptions() []string {
	if !s.origin.local {
		return nil
	}
	return []string{"--upload-pack", "git -c 'safe.directory=*' upload-pack"}
}

// replace clones beside dir and then puts the clone in its place.
func (s *session) replace(ctx context.Context, dir string, f repoFacts) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	// The umask decides who else may read the copy, as in all of it.
	tmp := filepath.Join(parent, leftoverPrefix(dir)+strconv.FormatUint(rand.Uint64(), 36))
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	s.hide(tmp, ".")
	if err := s.clone(ctx, tmp, f); err != nil {
		return errors.Join(err, removeAll(tmp))
	}
	old := tmp + "-old"
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("clone: set the old copy aside: %w", err), removeAll(tmp))
	}
	if err := os.Rename(tmp, dir); err != nil {
		return errors.Join(fmt.Errorf("clone: %w", err), os.Rename(old, dir))
	}
	if err := removeAll(old); err != nil {
		s.log(s.clean("The old working copy could not be removed completely: " + err.Error()))
	}
	return nil
}

// clone fills the empty folder dir. It is an update of an empty repository, so
// that both take the same path; other branches are not fetched.
func (s *session) clone(ctx context.Context, dir string, f repoFacts) error {
	for _, sub := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, ".git", filepath.FromSlash(sub)), 0o777); err != nil {
			return fmt.Errorf("clone: %w", err)
		}
	}
	cloned := time.Now().UTC().Format(time.RFC3339Nano) + "\n"
	if err := ensureContent(filepath.Join(dir, ".git", clonedFile), []byte(cloned)); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	if err := guard(dir, f); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	s.log("Cloning into a new working copy.")
	return s.update(ctx, dir, f.branch)
}

// leftoverPrefix begins the names of the folders that a clone of dir makes.
// Course keys have no dots, so it never is a part of another course's.
func leftoverPrefix(dir string) string { return "." + filepath.Base(dir) + ".clone-" }

// removeLeftovers removes what a crash in the middle of a clone left.
func removeLeftovers(dir string, log func(string)) {
	parent, prefix := filepath.Dir(dir), leftoverPrefix(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // the parent is not there yet, or the clone will tell
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := removeAll(filepath.Join(parent, e.Name())); err != nil {
			log("A leftover of an earlier clone could not be removed: " + e.Name())
		}
	}
}

func isDiskFull(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	var failed *gitError
	return errors.As(err, &failed) && failed.says("No space left on device", "Disk quota exceeded")
}

// checkBranch refuses names that git could take for something else.
func checkBranch(branch string) error {
	if why := course.CheckBranch(branch); why != "" {
		return course.Authorf("The branch %q cannot be used: %s", branch, why)
	}
	return nil
}
