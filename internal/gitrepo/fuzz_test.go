package gitrepo_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"coursewright/internal/boundstest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// most is what reading a file of a repository may take. The fuzzer's counters
// make it several times as slow as it is.
var most = boundstest.Usage{Time: 5 * time.Second, Memory: 256 << 20}

// within holds a reader to the bounds, when they are asked for.
func within(t *testing.T, read func()) {
	t.Helper()
	if !boundstest.Asked() {
		read()
		return
	}
	if used := boundstest.Measure(t, most, read); !used.Within(most) {
		t.Error(used)
	}
}

func wantAuthor(t *testing.T, err error) {
	t.Helper()
	var author *course.AuthorError
	if !errors.As(err, &author) || author.Message == "" {
		t.Fatalf("got %v, want what the author has to mend", err)
	}
	if strings.ContainsAny(author.Message, "\n\r\x00") || !utf8.ValidString(author.Message) {
		t.Errorf("the message %q is not one line of text", author.Message)
	}
}

// FuzzOrigin reads addresses of repositories. What is accepted cannot be taken
// for an option or a remote helper by git, and its credentials are in nothing
// that is shown.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"https://host/course.git", "https://user:hunter22@host:8443/a/b.git", "https://token@host/course", "git@host:group/course.git",
		"ssh://git@host:22/course", "-oProxyCommand=x", "ext::sh -c touch", "--upload-pack=x", "host:-x", "/srv/git/course", "file:///srv/../course",
		"https://u:p@h@host/x", "https://%00@host/", "HTTPS://U:%61%2f@[::1]:1/x", "user:hunter22@host/course.git", "https://host/x?y#z", "\x00", "git://h/ö",
	} {
		f.Add(seed)
	}
	g, err := gitrepo.New(gitrepo.Config{AllowLocal: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := g.ParseOrigin(raw)
		if err != nil {
			wantAuthor(t, err)
			return
		}
		if strings.HasPrefix(o.URL, "-") || strings.HasPrefix(o.Host, "-") || strings.Contains(o.URL, "::") && !strings.Contains(o.URL, "[") && !strings.Contains(o.URL, "://") && !o.Local {
			t.Errorf("git would take %q for something else", o.URL)
		}
		if o.Local && !filepath.IsAbs(o.URL) {
			t.Errorf("%q is no absolute path", o.URL)
		}
		if o.Password == "" || len(o.Password) < 4 || strings.Contains(strings.Replace(raw, o.Password, "", 1), o.Password) {
			return // what is also a part of the rest is no secret
		}
		for name, shown := range map[string]string{"address": o.URL, "log": o.Hide("fatal: cannot open " + raw), "password": o.Hide(o.Password)} {
			if strings.Contains(shown, o.Password) {
				t.Errorf("the %s %q shows the password", name, shown)
			}
		}
	})
}

// FuzzBranch accepts nothing that git would refuse or take for an option.
func FuzzBranch(f *testing.F) {
	gitrepotest.Need(f, "git")
	for _, seed := range []string{
		"main", "feature/x", "-", "--upload-pack=x", "a..b", "a.lock", "a/.b", "@", "a@{1}", "ä", "a b", "a:b", "refs/heads/main", "HEAD", "a//b", "/a", "a/", "\x00", "a\\b", "a~1", "a^", "a?", "*", "[", "\xff", "a.",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := gitrepo.CheckBranch(name)
		if err != nil {
			wantAuthor(t, err)
			return
		}
		if strings.ContainsRune(name, 0) || strings.HasPrefix(name, "-") {
			t.Fatalf("%q is accepted", name)
		}
		if out, err := exec.CommandContext(t.Context(), "git", "check-ref-format", "--branch", name).CombinedOutput(); err != nil {
			t.Errorf("%q is accepted, git says %s", name, out)
		}
	})
}

// FuzzConfig reads the config files of submodules, which builds can change.
// What is kept of them names no program and no other file, as git itself reads
// it.
func FuzzConfig(f *testing.F) {
	gitrepotest.Need(f, "git")
	for _, seed := range []string{
		"[core]\n\tworktree = ../../../sub\n[remote \"origin\"]\n\turl = https://host/x\n",
		"[core]\n\tsshCommand = touch x\n[filter \"x\"]\n\tclean = touch y\n[include]\n\tpath = /etc/x\n",
		"[remote \"origin\"]\n\turl = \"a\\n[core]\\n\\tfsmonitor = touch x\"\n", "[core]worktree=\"a\\\"b\"", "[", "[a \"\x00\"]", "\ufeff[core]", "[remote \"origin\"]\nurl=a\\\nb;c#d",
	} {
		f.Add([]byte(seed))
	}
	allowed := map[string]bool{
		"core.repositoryformatversion": true, "core.filemode": true, "core.bare": true, "core.logallrefupdates": true,
		"core.worktree": true, "remote.origin.url": true, "remote.origin.fetch": true,
	}
	path := filepath.Join(f.TempDir(), "config")
	f.Fuzz(func(t *testing.T, data []byte) {
		var kept []byte
		var worktree string
		var err error
		within(t, func() { kept, worktree, err = gitrepo.RewriteConfig(data) })
		if err != nil {
			return
		}
		if again, where, err := gitrepo.RewriteConfig(kept); err != nil || where != worktree || string(again) != string(kept) {
			t.Fatalf("%q becomes %q, %v", kept, again, err)
		}
		if err := os.WriteFile(path, kept, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "git", "config", "--null", "--no-includes", "--file", path, "--list").Output()
		if err != nil {
			return // git refuses to run with it
		}
		for item := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if name, _, _ := strings.Cut(item, "\n"); !allowed[name] {
				t.Errorf("%q is kept as %q: git reads %q", data, kept, item)
			}
		}
	})
}

// FuzzModules reads .gitmodules. What git is let at has no name or path that
// leads elsewhere.
func FuzzModules(f *testing.F) {
	for _, seed := range []string{
		"[submodule \"a\"]\n\tpath = sub\n\turl = https://host/a\n", "[submodule \"../../x\"]\n\tpath = sub\n\turl = u\n",
		"[submodule \"a\"]\n\tpath = sub\n\turl = --upload-pack=touch x\n", "[submodule \"a\"]\n\tpath = sub\n\turl = u\n\tupdate = !touch x\n",
		"[submodule \"a\"]\n\tpath = -sub\n\turl = u\n", "[submodule]\n", "[submodule \"a\\\\..\\\\b\"]\npath=sub\nurl=u\n",
	} {
		f.Add([]byte(seed), "sub")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, link string) {
		if err := os.WriteFile(filepath.Join(dir, ".gitmodules"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		within(t, func() { err = gitrepo.CheckModules(dir, []string{link}) })
		if err != nil {
			wantAuthor(t, err)
		}
	})
}

// FuzzIndex reads the index of a working copy, which builds can change.
func FuzzIndex(f *testing.F) {
	gitrepotest.Need(f, "git")
	repo := gitrepotest.New(f)
	repo.Commit(map[string]string{"a": "1", "d/b": "2", "d/e/c": "3"}, "first")
	clone := filepath.Join(f.TempDir(), "clone")
	if out, err := exec.CommandContext(f.Context(), "git", "clone", "-q", repo.URL(), clone).CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	for _, version := range []string{"2", "3", "4"} {
		if out, err := exec.CommandContext(f.Context(), "git", "-C", clone, "update-index", "--index-version", version).CombinedOutput(); err != nil {
			f.Fatalf("%v: %s", err, out)
		}
		data, err := os.ReadFile(filepath.Join(clone, ".git", "index"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("DIRC\x00\x00\x00\x02\xff\xff\xff\xff"))
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x00TREE\xff\xff\xff\xf0"))
	path := filepath.Join(f.TempDir(), "index")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		within(t, func() {
			names, err := gitrepo.IndexNames(path)
			if err != nil {
				return
			}
			for _, name := range names {
				if !filepath.IsLocal(name) || strings.EqualFold(name, ".git") || strings.HasPrefix(strings.ToLower(name), ".git/") {
					t.Errorf("%q is accepted", name)
				}
			}
		})
	})
}
