package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"coursewright/internal/course"
)

// CleanRequest asks to remove what a build left behind.
type CleanRequest struct {
	Dir     string            // absolute path of the working copy
	Exclude []string          // patterns of gitignore(5): what stays, see SplitWords
	Log     func(line string) // as in CheckoutRequest
}

// Clean removes all files that git does not track, ignored ones included, but
// not those that match a pattern; submodules are cleaned without patterns. The
// kind of the error is course.ErrNotFound when req.Dir itself is not the root
// of a working copy: a repository further up is never touched. It also packs
// the repository when it has become untidy.
func (g *Git) Clean(ctx context.Context, req CleanRequest) error {
	dir, err := filepath.Abs(req.Dir)
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
	s := g.newSession(origin{}, req.Log)
	s.hide(dir, ".")
	if err := s.enter(dir); err != nil {
		if errors.Is(err, errUnfit) {
			return fmt.Errorf("clean: %w: %w", course.ErrNotFound, err)
		}
		return fmt.Errorf("clean: %w", err)
	}
	args := []string{"clean", "-xfd"}
	for _, pattern := range req.Exclude {
		if pattern != "" {
			args = append(args, "--exclude="+pattern)
		}
	}
	if err := s.run(ctx, dir, args...); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	if err := s.cleanSubmodules(ctx, tree{dir: dir, gitDir: filepath.Join(dir, ".git")}); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	return s.tidy(ctx, dir)
}

func (s *session) cleanSubmodules(ctx context.Context, t tree) error {
	links, err := s.links(t)
	if err != nil || t.depth >= maxDepth {
		return err
	}
	for _, link := range links {
		sub, err := t.submodule(link, false)
		if err != nil {
			return err
		}
		if sub.gitDir == "" {
			continue
		}
		if err := s.run(ctx, sub.dir, "clean", "-xfd"); err != nil {
			return err
		}
		if err := s.cleanSubmodules(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

// SplitWords splits a text such as the exclude_patterns of apps.meta into
// words, as a POSIX shell does: quotes and backslashes count, nothing is
// expanded. An open quote is an *course.AuthorError.
func SplitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'' && i+1 < len(runes):
			i++
			if quote == '"' && !strings.ContainsRune("\"\\$`", runes[i]) {
				word.WriteRune('\\')
			}
			word.WriteRune(runes[i])
			inWord = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && strings.ContainsRune(" \t\r\n", r):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, course.Authorf("In %q the quote %c is not closed.", text, quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// tidy packs the repository when git finds it worth it; fetches leave that out
// since a build waits for them.
func (s *session) tidy(ctx context.Context, dir string) error {
	if _, err := s.output(ctx, dir, "gc", "--auto", "--quiet"); err != nil {
		return fmt.Errorf("tidy: %w", err)
	}
	return nil
}
