package gitrepo_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"coursewright/internal/gitrepo/gitrepotest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// truncateObjects cuts every object and pack to a few bytes.
func truncateObjects(b *bench) {
	must(b.t, filepath.WalkDir(b.path(".git/objects"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return errors.Join(os.Chmod(path, 0o644), os.Truncate(path, 3))
	}))
}

// What a crash or a build can do to a working copy is mended by the next
// checkout, with a clone only where nothing else helps.
func TestDamagedCopies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(b *bench)
		fresh  bool
	}{
		"nothing":           {func(*bench) {}, false},
		"no HEAD":           {func(b *bench) { must(b.t, os.Remove(b.path(".git/HEAD"))) }, false},
		"HEAD garbage":      {func(b *bench) { b.write(".git/HEAD", "\x00\x01") }, false},
		"detached HEAD":     {func(b *bench) { b.write(".git/HEAD", strings.Repeat("a", 40)+"\n") }, false},
		"no index":          {func(b *bench) { must(b.t, os.Remove(b.path(".git/index"))) }, false},
		"index garbage":     {func(b *bench) { b.write(".git/index", "DIRC....") }, false},
		"index lock":        {func(b *bench) { b.write(".git/index.lock", "") }, false},
		"shallow lock":      {func(b *bench) { b.write(".git/shallow.lock", "") }, false},
		"config lock":       {func(b *bench) { b.write(".git/config.lock", "") }, false},
		"ref locks":         {refLocks, false},
		"branch garbage":    {func(b *bench) { b.write(".git/refs/heads/main", "zzz") }, true},
		"truncated objects": {truncateObjects, true},
		"no objects":        {func(b *bench) { must(b.t, os.RemoveAll(b.path(".git/objects"))) }, true},
		"no .git":           {func(b *bench) { must(b.t, os.RemoveAll(b.path(".git"))) }, true},
		"empty .git":        {emptyGit, true},
		"config garbage":    {func(b *bench) { b.write(".git/config", "[core\nx") }, true},
		"merge in progress": {func(b *bench) { b.write(".git/MERGE_HEAD", strings.Repeat("a", 40)+"\n") }, false},
		"folder for a file": {folderForFile, false},
		"pipe in .git":      {pipeInGit, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo := local(t), gitrepotest.New(t)
			repo.Commit(map[string]string{"a": "1", "d/b": "1"}, "First")
			b.checkout(repo.URL(), "main")
			second := repo.Commit(map[string]string{"a": "2"}, "Second")
			c.damage(b)
			got := b.checkout(repo.URL(), "main")
			if got.Commit != second || got.Fresh != c.fresh {
				t.Errorf("got %+v, want commit %s, fresh %v\nlog:\n%s", got, second, c.fresh, b.logged())
			}
			b.has("a", "2")
			b.has("d/b", "1")
			b.alone()
		})
	}
}

func refLocks(b *bench) {
	b.write(".git/HEAD.lock", "")
	b.write(".git/packed-refs.lock", "")
	b.write(".git/refs/remotes/origin/main.lock", "")
	b.write(".git/refs/heads/main.lock", "")
}

func emptyGit(b *bench) {
	must(b.t, os.RemoveAll(b.path(".git")))
	must(b.t, os.Mkdir(b.path(".git"), 0o755))
}

func folderForFile(b *bench) {
	must(b.t, os.Remove(b.path("a")))
	b.write("a/x", "x")
	must(b.t, os.RemoveAll(b.path("d")))
	b.write("d", "x")
}

func pipeInGit(b *bench) {
	gitrepotest.Need(b.t, "mkfifo")
	must(b.t, os.Remove(b.path(".git/HEAD")))
	must(b.t, exec.Command("mkfifo", b.path(".git/HEAD")).Run())
}

func TestFolderThatIsNoWorkingCopy(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	commit := repo.Commit(map[string]string{"a": "1"}, "First")
	for name, prepare := range map[string]func(b *bench){
		"other files": func(b *bench) { b.write("x", "x") },
		"a file":      func(b *bench) { must(b.t, os.WriteFile(b.dir, nil, 0o644)) },
		"a link":      func(b *bench) { must(b.t, os.Symlink(b.t.TempDir(), b.dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := local(t)
			must(t, os.MkdirAll(filepath.Dir(b.dir), 0o755))
			prepare(b)
			if got := b.checkout(repo.URL(), "main"); got.Commit != commit || !got.Fresh {
				t.Errorf("got %+v", got)
			}
			info, err := os.Lstat(b.dir)
			if err != nil || !info.IsDir() {
				t.Errorf("the working copy is %v, %v", info, err)
			}
			b.alone()
		})
	}
}

func TestLeftoversOfACrash(t *testing.T) {
	t.Parallel()
	b, repo := local(t), gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	other := filepath.Join(filepath.Dir(b.dir), ".demo2.clone-1")
	for _, dir := range []string{".demo.clone-123/.git/objects", ".demo.clone-5-old/sub"} {
		must(t, os.MkdirAll(filepath.Join(filepath.Dir(b.dir), dir), 0o755))
	}
	must(t, os.MkdirAll(other, 0o755))
	b.checkout(repo.URL(), "main")
	must(t, os.Remove(other)) // that of another course stays
	b.alone()
}

// A build owns the folder while it runs; whatever it writes into .git must not
// run a program here or reach files outside.
func TestHostileGitFolder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attack func(b *bench, victim string)
		fresh  bool
	}{
		"hooks":        {attackHooks, false},
		"config":       {attackConfig, false},
		"attributes":   {attackAttributes, false},
		"work tree":    {attackWorktree, false},
		"index":        {attackIndex, false},
		"git file":     {attackGitFile, true},
		"objects link": {attackObjectsLink, true},
		"alternates":   {attackAlternates, true},
		"common dir":   {attackCommonDir, true},
		"config link":  {attackConfigLink, true},
		"linked files": {attackTreeLinks, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo := local(t), gitrepotest.New(t)
			repo.Commit(map[string]string{"a": "1", "d/b": "1", ".gitattributes": "* filter=x\n"}, "First")
			b.checkout(repo.URL(), "main")
			victim := t.TempDir()
			must(t, os.WriteFile(filepath.Join(victim, "b"), []byte("mine"), 0o644))
			c.attack(b, victim)
			second := repo.Commit(map[string]string{"a": "2", "d/b": "2"}, "Second")
			cleanErr := b.git.Clean(t.Context(), b.dir, nil, b.line)
			if !c.fresh && cleanErr != nil {
				t.Errorf("clean: %v", cleanErr)
			}
			got := b.checkout(repo.URL(), "main")
			if got.Commit != second || got.Fresh != c.fresh {
				t.Errorf("got %+v, want commit %s, fresh %v\nlog:\n%s", got, second, c.fresh, b.logged())
			}
			b.has("d/b", "2")
			entries, err := os.ReadDir(victim)
			must(t, err)
			data, err := os.ReadFile(filepath.Join(victim, "b"))
			if err != nil || string(data) != "mine" || len(entries) != 1 {
				t.Errorf("files outside changed: %q, %v, %v", data, err, entries)
			}
		})
	}
}

func attackHooks(b *bench, victim string) {
	for _, hook := range []string{"post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"} {
		b.write(".git/hooks/"+hook, "#!/bin/sh\ntouch "+victim+"/evidence\n")
		must(b.t, os.Chmod(b.path(".git/hooks/"+hook), 0o755))
	}
}

func (b *bench) appendConfig(text string) {
	b.t.Helper()
	old, err := os.ReadFile(b.path(".git/config"))
	must(b.t, err)
	b.write(".git/config", string(old)+text)
}

func attackConfig(b *bench, victim string) {
	run := "touch " + victim + "/evidence"
	b.appendConfig("[core]\n\tfsmonitor = \"" + run + "; false\"\n\tsshCommand = " + run + "\n\tpager = " + run +
		"\n\thooksPath = hooks\n[remote \"origin\"]\n\tuploadpack = \"" + run + "; git-upload-pack\"\n" +
		"[filter \"x\"]\n\tsmudge = \"" + run + "; cat\"\n[diff]\n\texternal = " + run + "\n[alias]\n\tclean = \"!" + run + "\"\n")
}

func attackAttributes(b *bench, _ string) {
	b.write(".git/info/attributes", "* text eol=crlf\n")
}

func attackWorktree(b *bench, victim string) {
	b.appendConfig("[core]\n\tworktree = " + victim + "\n")
}

// attackIndex names a file outside as tracked: a reset would delete it.
func attackIndex(b *bench, victim string) {
	f, err := os.Open(b.path(".git/index"))
	must(b.t, err)
	var idx index.Index
	must(b.t, index.NewDecoder(f).Decode(&idx))
	must(b.t, f.Close())
	rel, err := filepath.Rel(b.dir, filepath.Join(victim, "b"))
	must(b.t, err)
	idx.Entries = append(idx.Entries, &index.Entry{Name: rel, Mode: filemode.Regular, Hash: idx.Entries[0].Hash})
	f, err = os.Create(b.path(".git/index"))
	must(b.t, err)
	must(b.t, index.NewEncoder(f).Encode(&idx))
	must(b.t, f.Close())
}

func attackGitFile(b *bench, victim string) {
	must(b.t, os.RemoveAll(b.path(".git")))
	b.write(".git", "gitdir: "+victim+"\n")
}

func attackObjectsLink(b *bench, victim string) {
	must(b.t, os.RemoveAll(b.path(".git/objects")))
	must(b.t, os.Symlink(victim, b.path(".git/objects")))
}

func attackAlternates(b *bench, victim string) {
	b.write(".git/objects/info/alternates", victim+"\n")
}

func attackCommonDir(b *bench, victim string) { b.write(".git/commondir", victim+"\n") }

func attackConfigLink(b *bench, victim string) {
	must(b.t, os.Rename(b.path(".git/config"), b.path("config")))
	must(b.t, os.Symlink("../config", b.path(".git/config")))
}

// attackTreeLinks puts a link to the outside in the place of a tracked folder.
func attackTreeLinks(b *bench, victim string) {
	must(b.t, os.RemoveAll(b.path("d")))
	must(b.t, os.Symlink(victim, b.path("d")))
}
