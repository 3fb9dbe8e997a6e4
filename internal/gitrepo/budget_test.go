package gitrepo_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// limited is a bench for repositories of at most 100 files and 1 MiB.
func limited(t *testing.T) *bench {
	t.Helper()
	gitrepotest.Need(t, "git")
	return newBench(t, gitrepo.Config{Limits: gitrepo.Limits{Files: 100, Bytes: 1 << 20}})
}

// bomb commits folders in folders, ten each, that share all their objects.
func bomb(r *gitrepotest.Repo, levels int, content string) (commit string) {
	hash := r.GitInput(content, "hash-object", "-w", "--stdin")
	mode := "100644 blob "
	for range levels {
		var entries strings.Builder
		for i := range 10 {
			fmt.Fprintf(&entries, "%s%s\t%d\n", mode, hash, i)
		}
		hash, mode = r.GitInput(entries.String(), "mktree"), "040000 tree "
	}
	commit = r.Git("commit-tree", "-m", "Bomb", hash)
	r.Git("update-ref", "refs/heads/main", commit)
	return commit
}

// A submodule counts like the course's own files, before any of it is written.
func TestSubmodulesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fill func(r *gitrepotest.Repo) (commit string)
		says []string
	}{
		"folders in folders": {
			func(r *gitrepotest.Repo) string { return bomb(r, 5, "x") },
			[]string{`submodule "lib"`, "more than 100 files", "COURSE_FILES"},
		},
		"large files": {
			func(r *gitrepotest.Repo) string { return bomb(r, 1, strings.Repeat("0", 200_000)) },
			[]string{`submodule "lib"`, `"lib/5"`, "more than 1 MiB", "COURSE_SIZE"},
		},
		"branch that is gone": {
			func(r *gitrepotest.Repo) string {
				defer r.Git("symbolic-ref", "HEAD", "refs/heads/gone")
				return bomb(r, 3, "x")
			},
			[]string{`submodule "lib"`, "COURSE_FILES"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo, lib := limited(t), gitrepotest.New(t), gitrepotest.New(t)
			base := gitrepotest.ServeHTTP(t, repo, lib)
			first := repo.Commit(map[string]string{"a": "1"}, "First")
			b.checkout(base+"/0.git", "main")
			repo.AddSubmodule("lib", "../1.git", c.fill(lib))
			for range 2 { // what the first one left must not help the second
				b.refused(base+"/0.git", "main", c.says...)
				entries, err := os.ReadDir(b.path("lib"))
				if err != nil || len(entries) > 1 {
					t.Errorf("it was written: %v, %v", entries, err)
				}
			}
			repo.Reset(first)
			if got := b.checkout(base+"/0.git", "main"); got.Fresh {
				t.Errorf("an update cloned anew:\n%s", b.logged())
			}
		})
	}
}

// The submodules of a course share its limits, those in submodules too, and may
// have exactly what is left.
func TestSubmodulesShareTheLimits(t *testing.T) {
	t.Parallel()
	b, repo, lib, inner := limited(t), gitrepotest.New(t), gitrepotest.New(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, repo, lib, inner)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	many := bomb(inner, 1, "x")
	lib.Commit(map[string]string{"l": "1"}, "Lib")
	libCommit := lib.AddSubmodule("deep/inner", "../2.git", many) // l, .gitmodules, inner
	use := func(times, files int) {
		t.Helper()
		repo.Reset(first)
		more := make(map[string]string)
		for i := range files {
			more[fmt.Sprintf("f%d", i)] = "1"
		}
		repo.Commit(more, "Files")
		for i := range times {
			repo.AddSubmodule(fmt.Sprintf("lib%d", i), "../1.git", libCommit)
		}
	}
	// The course has a, .gitmodules and two submodules; each of them 3 and 10 files.
	use(2, 70)
	b.checkout(base+"/0.git", "main")
	b.has("lib1/deep/inner/9", "x")
	use(2, 71)
	b.refused(base+"/0.git", "main", `submodule "lib1/deep/inner"`, "COURSE_FILES")
}

// What .gitmodules says about updates neither lets a submodule in unseen nor
// fetches one that its authors leave out.
func TestSubmoduleUpdates(t *testing.T) {
	t.Parallel()
	for update, bombed := range map[string]bool{"merge": true, "rebase": true, "checkout\n\tupdate = none": true, "none": false, "none\n\tupdate = checkout": false} {
		t.Run(update, func(t *testing.T) {
			t.Parallel()
			b, repo, lib := limited(t), gitrepotest.New(t), gitrepotest.New(t)
			base := gitrepotest.ServeHTTP(t, repo, lib)
			small := lib.Commit(map[string]string{"l": "1"}, "Lib")
			repo.Commit(map[string]string{"a": "1", ".gitmodules": "[submodule \"x.y\"]\n\tpath = lib\n\turl = ../1.git\n\tupdate = " + update + "\n"}, "First")
			repo.Git("update-index", "--add", "--cacheinfo", "160000,"+small+",lib")
			repo.Git("commit", "-q", "-m", "Lib")
			b.checkout(base+"/0.git", "main")
			if bombed {
				b.has("lib/l", "1")
			}
			repo.Git("update-index", "--cacheinfo", "160000,"+bomb(lib, 5, "x")+",lib")
			repo.Git("commit", "-q", "-m", "Bomb")
			if !bombed {
				b.checkout(base+"/0.git", "main")
				b.has("lib/l", "")
				return
			}
			b.refused(base+"/0.git", "main", "COURSE_FILES")
			b.has("lib/l", "1")
		})
	}
}

func TestTooManySubmodules(t *testing.T) {
	t.Parallel()
	b, repo := remote(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, repo)
	commit := repo.Commit(map[string]string{"a": "1"}, "First")
	var modules, index strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&modules, "[submodule \"%d\"]\n\tpath = m/%d\n\turl = ../0.git\n", i, i)
		fmt.Fprintf(&index, "160000 %s\tm/%d\n", commit, i)
	}
	repo.Commit(map[string]string{".gitmodules": modules.String()}, "Modules")
	repo.GitInput(index.String(), "update-index", "--index-info")
	repo.Git("commit", "-q", "-m", "Many")
	b.refused(base+"/0.git", "main", "more than 1000 submodules")
}
