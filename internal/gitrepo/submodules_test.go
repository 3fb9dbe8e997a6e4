package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

func TestSubmodules(t *testing.T) {
	t.Parallel()
	b := remote(t)
	course, lib, inner, moved := gitrepotest.New(t), gitrepotest.New(t), gitrepotest.New(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, course, lib, inner, moved)
	innerCommit := inner.Commit(map[string]string{"i": "inner 1"}, "Inner")
	lib.Commit(map[string]string{"l": "lib 1"}, "Lib")
	libCommit := lib.AddSubmodule("deep/inner", base+"/2.git", innerCommit)
	course.Commit(map[string]string{"a": "1"}, "First")
	course.AddSubmodule("lib", "../1.git", libCommit)
	b.checkout(base+"/0.git", "main")
	b.has("lib/l", "lib 1")
	b.has("lib/deep/inner/i", "inner 1")

	t.Log("changed by a build")
	b.write("lib/l", "changed")
	b.write("lib/deep/inner/i", "changed")
	b.write("lib/_build/out", "output")
	if got := b.checkout(base+"/0.git", "main"); got.Fresh {
		t.Error("an update cloned anew")
	}
	b.has("lib/l", "lib 1")
	b.has("lib/deep/inner/i", "inner 1")
	b.has("lib/_build/out", "output")

	t.Log("new commits at all levels, the inner one at a new address")
	innerCommit = moved.Commit(map[string]string{"i": "inner 2"}, "Moved")
	lib.Git("config", "-f", filepath.Join(lib.Tree(), ".gitmodules"), "submodule.deep/inner.url", base+"/3.git")
	lib.Git("update-index", "--cacheinfo", "160000,"+innerCommit+",deep/inner")
	lib.Git("add", ".gitmodules")
	lib.Git("commit", "-q", "-m", "Move inner")
	course.Git("update-index", "--cacheinfo", "160000,"+lib.Head()+",lib")
	course.Git("commit", "-q", "-m", "Newer lib")
	if got := b.checkout(base+"/0.git", "main"); got.Fresh {
		t.Errorf("an update cloned anew:\n%s", b.logged())
	}
	b.has("lib/deep/inner/i", "inner 2")

	t.Log("clean")
	b.write("lib/_build/out", "output")
	b.write("lib/deep/inner/x", "output")
	b.write("_build/out", "output")
	must(t, b.git.Clean(t.Context(), b.dir, []string{"_build"}, b.line))
	b.has("_build/out", "output")
	b.has("lib/_build/out", "")
	b.has("lib/deep/inner/x", "")
	b.has("lib/l", "lib 1")

	t.Log("damaged")
	b.write(".git/modules/lib/index.lock", "")
	must(t, os.Remove(b.path(".git/modules/lib/modules/deep/inner/HEAD")))
	if got := b.checkout(base+"/0.git", "main"); got.Fresh {
		t.Errorf("an update cloned anew:\n%s", b.logged())
	}
	b.has("lib/deep/inner/i", "inner 2")
}

func TestSubmoduleMistakes(t *testing.T) {
	t.Parallel()
	b := remote(t)
	course, lib := gitrepotest.New(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, course, lib)
	libCommit := lib.Commit(map[string]string{"l": "1"}, "Lib")
	first := course.Commit(map[string]string{"a": "1"}, "First")
	course.AddSubmodule("lib", "../1.git", strings.Repeat("1", 40))
	b.refused(base+"/0.git", "main", "In a submodule", "commit that its repository does not have")

	course.Reset(first)
	course.AddSubmodule("lib", withUser(base, "somebody", "theirsecret")+"/9.git", libCommit)
	b.refused(base+"/0.git", "main", "In a submodule", "no such repository")
	b.noSecret("theirsecret")

	course.Reset(first)
	course.AddSubmodule("lib", "../1.git", libCommit)
	course.Git("update-index", "--add", "--cacheinfo", "160000,"+libCommit+",extra")
	course.Git("commit", "-q", "-m", "No entry for extra")
	b.refused(base+"/0.git", "main", `"extra" has no entry`)

	course.Git("rm", "-q", "--cached", "extra")
	course.Git("commit", "-q", "-m", "Mend")
	b.checkout(base+"/0.git", "main")
	b.has("lib/l", "1")

	course.Git("rm", "-q", "--cached", ".gitmodules")
	course.Git("commit", "-q", "-m", "No file")
	b.refused(base+"/0.git", "main", `"lib" has no entry`)
}

func TestRepositoryThatContainsItself(t *testing.T) {
	t.Parallel()
	b, repo := remote(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, repo)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	repo.Switch("loop")
	// Each commit holds the one before as its submodule.
	commit := first
	for i := range 10 {
		if i == 0 {
			commit = repo.AddSubmodule("self", "../0.git", commit)
			continue
		}
		repo.Git("update-index", "--cacheinfo", "160000,"+commit+",self")
		repo.Git("commit", "-q", "-m", "Self")
		commit = repo.Head()
	}
	b.refused(base+"/0.git", "loop", "nested more than 8 levels")
	b.alone()
}

// What a repository can put into .gitmodules must not start programs, read
// folders of the server or write elsewhere.
func TestHostileSubmodules(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(victim string) (path, name, url string){
		"option as url": func(v string) (string, string, string) { return "lib", "lib", "--upload-pack=touch " + v + "/evidence" },
		"helper":        func(v string) (string, string, string) { return "lib", "lib", "ext::sh -c touch% " + v + "/evidence" },
		"local folder":  func(v string) (string, string, string) { return "lib", "lib", "file://" + v },
		"local path":    func(v string) (string, string, string) { return "lib", "lib", v },
		"ssh option": func(v string) (string, string, string) {
			return "lib", "lib", "ssh://-oProxyCommand=touch%20evidence/x"
		},
		"name that leads": func(v string) (string, string, string) { return "lib", "../../../evidence", "../0.git" },
		"path as option":  func(v string) (string, string, string) { return "-lib", "lib", "../0.git" },
		"line break":      func(v string) (string, string, string) { return "lib", "lib", "http://127.0.0.1:1/%0a/x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo := remote(t), gitrepotest.New(t)
			base := gitrepotest.ServeHTTP(t, repo)
			victim := gitrepotest.New(t)
			first := victim.Commit(map[string]string{"secret": "of another course"}, "Secret")
			repo.Commit(map[string]string{"a": "1"}, "First")
			path, module, url := set(victim.Path())
			modules := fmt.Sprintf("[submodule %q]\n\tpath = %s\n\turl = %s\n", module, path, url)
			must(t, os.WriteFile(filepath.Join(repo.Tree(), ".gitmodules"), []byte(modules), 0o644))
			repo.Git("add", ".gitmodules")
			repo.Git("update-index", "--add", "--cacheinfo", "160000,"+first+","+path)
			repo.Git("commit", "-q", "-m", "Hostile")
			if _, err := b.try(t.Context(), base+"/0.git", "main"); err == nil {
				t.Errorf("it was accepted:\n%s", b.logged())
			}
			b.alone()
			for _, place := range []string{victim.Path(), filepath.Dir(b.dir), filepath.Dir(filepath.Dir(b.dir))} {
				if _, err := os.Lstat(filepath.Join(place, "evidence")); err == nil {
					t.Errorf("there is evidence in %s", place)
				}
			}
		})
	}
}

// A build can put a repository or a link where a submodule is, or will be.
func TestPlantedSubmodules(t *testing.T) {
	t.Parallel()
	evil := "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = \"touch %[1]s/evidence; false\"\n\tsshCommand = touch %[1]s/evidence\n" +
		"\tworktree = %[1]s\n[filter \"evil\"]\n\tsmudge = \"touch %[1]s/evidence; cat\"\n[remote \"origin\"]\n\turl = ssh://host.invalid/x\n"
	plantRepo := func(b *bench, dir, victim string) {
		b.write(dir+"/config", fmt.Sprintf(evil, victim))
		b.write(dir+"/HEAD", "ref: refs/heads/main\n")
		must(b.t, os.MkdirAll(b.path(dir+"/objects"), 0o755))
		must(b.t, os.MkdirAll(b.path(dir+"/refs"), 0o755))
	}
	for name, plant := range map[string]func(b *bench, victim string){
		"folder .git": func(b *bench, victim string) {
			must(b.t, os.RemoveAll(b.path("lib/.git")))
			plantRepo(b, "lib/.git", victim)
		},
		"file .git to own folder": func(b *bench, victim string) {
			plantRepo(b, "_build/git", victim)
			b.write("lib/.git", "gitdir: ../_build/git\n")
		},
		"file .git to a planted module": func(b *bench, victim string) {
			plantRepo(b, ".git/modules/evil", victim)
			b.write("lib/.git", "gitdir: ../.git/modules/evil\n")
		},
		"config of the module": func(b *bench, victim string) {
			b.write(".git/modules/lib/config", fmt.Sprintf(evil, victim))
		},
		"added to the config": func(b *bench, victim string) {
			data, err := os.ReadFile(b.path(".git/modules/lib/config"))
			must(b.t, err)
			b.write(".git/modules/lib/config", string(data)+"[filter \"evil\"]\n\tsmudge = \"touch "+victim+"/evidence; cat\"\n")
		},
		"link": func(b *bench, victim string) {
			must(b.t, os.RemoveAll(b.path("lib")))
			must(b.t, os.Symlink(victim, b.path("lib")))
		},
		"link as parent": func(b *bench, victim string) {
			must(b.t, os.Symlink(victim, b.path("next")))
		},
		"nested in a new place": func(b *bench, victim string) {
			plantRepo(b, "next/deep/.git", victim)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo, lib := remote(t), gitrepotest.New(t), gitrepotest.New(t)
			base := gitrepotest.ServeHTTP(t, repo, lib)
			libCommit := lib.Commit(map[string]string{"l": "1", ".gitattributes": "* filter=evil\n"}, "Lib")
			repo.Commit(map[string]string{"a": "1"}, "First")
			repo.AddSubmodule("lib", "../1.git", libCommit)
			b.checkout(base+"/0.git", "main")
			b.write("lib/l", "changed by a build")
			victim := t.TempDir()
			must(t, os.WriteFile(filepath.Join(victim, "mine"), []byte("mine"), 0o644))
			plant(b, victim)
			must(t, b.git.Clean(t.Context(), b.dir, []string{"_build", "next"}, b.line))
			repo.AddSubmodule("next/deep", "../1.git", libCommit)
			b.checkout(base+"/0.git", "main")
			b.has("lib/l", "1")
			b.has("next/deep/l", "1")
			entries, err := os.ReadDir(victim)
			if err != nil || len(entries) != 1 {
				t.Errorf("files outside changed: %v, %v", entries, err)
			}
		})
	}
}

// Where local origins are allowed, their submodules may be local as well.
func TestLocalSubmodules(t *testing.T) {
	t.Parallel()
	b, repo, lib := local(t), gitrepotest.New(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	repo.AddSubmodule("lib", lib.URL(), lib.Commit(map[string]string{"l": "1"}, "Lib"))
	b.checkout(repo.URL(), "main")
	b.has("lib/l", "1")

	allowed := newBench(t, gitrepo.Config{AllowLocal: true})
	allowed.refused(gitrepotest.ServeHTTP(t, repo)+"/0.git", "main", "In a submodule", "not allowed")
}
