package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coursewright/internal/course"
)

// Clean removes all files that git does not track from the working copy in
// dir, ignored ones included, but not those that match a pattern of exclude
// (as in gitignore(5)); submodules are cleaned without patterns. The kind of
// the error is course.ErrNotFound when dir itself is not the root of a working
// copy: a repository further up is never touched. It also packs the repository
// when it has become untidy. log is used as in CheckoutRequest.
func (g *Git) Clean(ctx context.Context, dir string, exclude []string, log func(line string)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	ctx, cancel := g.limit(ctx)
	defer cancel()
	unlock, err := g.folder.lock(ctx, dir)
	if err != nil {
		return fmt.Errorf("clean: wait for the folder: %w", err)
	}
	defer unlock()
	s := g.newSession(origin{}, log)
	s.hide(dir, ".")
	if err := s.enter(dir); err != nil {
		if errors.Is(err, errUnfit) {
			return fmt.Errorf("clean: %w: %w", course.ErrNotFound, err)
		}
		return fmt.Errorf("clean: %w", err)
	}
	args := []string{"clean", "-xfd"}
	for _, pattern := range exclude {
		if pattern != "" {
			args = append(args, "--exclude="+pattern)
		}
	}
	if err := s.runWritable(ctx, dir, args...); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	if err := s.cleanSubmodules(ctx, tree{dir: dir, gitDir: filepath.Join(dir, ".git")}); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	s.tidy(ctx, dir)
	return nil
}

func (s *session) cleanSubmodules(ctx context.Context, t tree) error {
	links, err := gitlinks(t.gitDir)
	if err != nil || t.depth >= maxDepth {
		return err
	}
	for _, link := range links {
		sub, err := t.submodule(link.path, false)
		if err != nil {
			return err
		}
		if sub.gitDir == "" {
			continue
		}
		if err := s.runWritable(ctx, sub.dir, "clean", "-xfd"); err != nil {
			return err
		}
		if err := s.cleanSubmodules(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

// tidy packs the repository when git finds it worth it; fetches leave that out
// since a build waits for them. An untidy copy still works.
func (s *session) tidy(ctx context.Context, dir string) {
	if !untidy(filepath.Join(dir, ".git")) {
		return
	}
	if _, err := s.output(ctx, dir, "gc", "--auto", "--quiet"); err != nil {
		s.log(s.clean("The repository could not be packed: " + err.Error()))
	}
}

// untidy says whether git may find a repository worth packing. Git guesses the
// number of loose objects by those of one folder as well; its limits are 27 and
// 50. Looking here saves starting a program after every build.
func untidy(gitDir string) bool {
	const loose, packs = 20, 40
	objects, _ := os.ReadDir(filepath.Join(gitDir, "objects", "17"))
	files, _ := os.ReadDir(filepath.Join(gitDir, "objects", "pack"))
	packed := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".pack") {
			packed++
		}
	}
	return len(objects) >= loose || packed >= packs
}
