package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostileCourses are tried by TestHostileCourses.
func hostileCourses() map[string]hostile {
	out := map[string]hostile{}
	for _, list := range []map[string]hostile{hostileLinks(), oddFiles(), hostileSizes(), hostileRepositories(), hostileConfigs()} {
		for name, c := range list {
			out[name] = c
		}
	}
	return out
}

func hostileLinks() map[string]hostile {
	return map[string]hostile{
		"link to etc":        {build: "ln -s /etc/passwd x\n", refused: []string{"_build/x", "absolute path"}},
		"link to the other":  {build: "ln -s $VICTIM/secret x\n", refused: []string{"_build/x", "absolute path"}},
		"link up":            {build: "ln -s ../../../../../../etc/passwd x\n", refused: []string{"_build/x", "leads out of the course"}},
		"folder link":        {build: "ln -s / root\n", refused: []string{"_build/root", "absolute path"}},
		"link loop":          {build: "ln -s b a; ln -s a b\n", refused: []string{"_build/a", "never ends"}},
		"link into itself":   {build: "ln -s self/x self\n", refused: []string{"_build/self", "never ends"}},
		"static dir is link": {build: "cd ..; rm -r _build; ln -s $VICTIM _build\n", refused: []string{"index.yaml:2:13", "_build", "leads out of the course"}},
		"links within":       {build: "ln -s index.html x; ln -s . dot\n", harmless: serves("dot/dot/x", "<p>Hostile</p>\n")},
		"tracked link": {repo: func(r *hostileRepo) {
			must(r.t, os.Symlink(r.victim, filepath.Join(r.Tree(), "extra")))
			r.CommitAll("link")
		}, refused: []string{"extra", "absolute path"}},
		// git must not write through a link that the same commit makes.
		"written through a link": {repo: func(r *hostileRepo) {
			blob, link := r.Git("hash-object", "-w", r.file("evil")), r.Git("hash-object", "-w", r.file(r.victim))
			r.commitTree(r.Git("ls-tree", "HEAD") + "\n120000 blob " + link + "\tx\n040000 tree " + r.mktree("100644 blob "+blob+"\tsecret\n") + "\tx\n")
		}, harmless: serves("index.html", "<p>Hostile</p>\n")},
	}
}

// oddFiles are files of odd kinds, names and modes.
func oddFiles() map[string]hostile {
	return map[string]hostile{
		"pipe":   {build: "mkfifo p\n", refused: []string{"_build/p", "named pipe", "remove it"}},
		"socket": {build: "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"s\", Listen => 1)'\n", refused: []string{"_build/s", "socket", "remove it"}},
		"device": {root: true, build: "mknod zero c 1 5\n", refused: []string{"_build/zero", "device", "remove it"}},
		"odd names": {build: `printf odd > "$(printf 'a\nb')"; printf odd > '...'; printf odd > '..x'; printf odd > "$(printf '\033[31m')"` + "\n", harmless: func(t *testing.T, h *harness, key string) {
			t.Helper()
			for _, name := range []string{"a\nb", "...", "..x", "\x1b[31m"} {
				serves(escaped(name), "odd")(t, h, key)
			}
		}},
		"name that is not text": {build: `ln -s /x "$(printf 'a\nb\377')"` + "\n", refused: []string{`a\nb\xff`}},
		"hard link": {build: "ln ../index.yaml h\ncp -l $VICTIM/secret stolen 2>/dev/null || cp $VICTIM/secret stolen\n", harmless: func(t *testing.T, h *harness, key string) {
			t.Helper()
			// A local build may read what the service can. But its release has a
			// file of its own: later changes of the other one do not show in it.
			info, err := os.Stat(filepath.Join(h.system.settings.CoursesPath, key, "_build", "stolen"))
			must(t, err)
			if info.Mode().Perm()&0o222 != 0 {
				t.Errorf("the released file has mode %s", info.Mode())
			}
			serves("h", tiny("Hostile")["index.yaml"])(t, h, key)
		}},
		"set-uid": {build: "cp /bin/sh s; chmod 6755 s\n", harmless: func(t *testing.T, h *harness, key string) {
			t.Helper()
			info, err := os.Stat(filepath.Join(h.system.settings.CoursesPath, key, "_build", "s"))
			must(t, err)
			if info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
				t.Errorf("the released file has mode %s", info.Mode())
			}
		}},
		"case collisions": {repo: func(r *hostileRepo) {
			r.Commit(map[string]string{"Extra.txt": "1", "extra.txt": "2", "EXTRA.TXT": "3", "build.sh": tiny("Hostile")["build.sh"] + "cp *xtra.txt *XTRA.TXT _build\n"}, "case")
		}, harmless: func(t *testing.T, h *harness, key string) {
			t.Helper()
			for name, text := range map[string]string{"Extra.txt": "1", "extra.txt": "2", "EXTRA.TXT": "3"} {
				serves(name, text)(t, h, key)
			}
		}},
		"unreadable": {build: "echo x > u; chmod 0 u; mkdir d; echo x > d/y; chmod 0 d\n", harmless: func(*testing.T, *harness, string) {}},
	}
}

func hostileSizes() map[string]hostile {
	return map[string]hostile{
		"sparse terabyte":  {build: "truncate -s 1T big\n", refused: []string{"_build/big with 1 TiB", hostileSize[:2], "COURSE_SIZE"}},
		"sparse elsewhere": {build: "truncate -s 1T ../big\n", harmless: serves("index.html", "<p>Hostile</p>\n")},
		"very many files":  {build: fmt.Sprintf("seq %d | xargs touch\n", hostileFiles+1), refused: []string{"_build", fmt.Sprint(hostileFiles), "COURSE_FILES"}},
		"very deep":        {build: "for i in $(seq 150); do mkdir d; cd d; done\n", refused: []string{"_build/d/d", "100 folders deep"}},
		"long line":        {build: "head -c 100000000 /dev/zero | tr '\\0' x; echo; head -c 1000000 /dev/urandom\n", harmless: serves("index.html", "<p>Hostile</p>\n")},
		"folders in folders": {repo: func(r *hostileRepo) { r.bomb(9, "x") }, refused: []string{
			fmt.Sprint(hostileFiles), "COURSE_FILES",
		}},
		"large files in git": {repo: func(r *hostileRepo) { r.bomb(2, strings.Repeat("0", 1<<20)) }, refused: []string{"bomb/f", "COURSE_SIZE"}},
		"large history": {repo: func(r *hostileRepo) {
			r.Commit(map[string]string{"noise": noise(70 << 20)}, "large")
		}, refused: []string{"COURSE_SIZE"}},
	}
}

// noise is text that does not compress.
func noise(size int) string {
	out := make([]byte, size)
	x := uint64(88172645463325252)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte(x)
	}
	return string(out)
}

func hostileRepositories() map[string]hostile {
	return map[string]hostile{
		"upload-pack": {repo: func(r *hostileRepo) {
			r.Commit(map[string]string{".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch " + r.victim + "/evidence\n"}, "modules")
			r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Head()+",x")
			r.Git("commit", "-q", "-m", "submodule")
		}, refused: []string{".gitmodules", `"x"`, "git rm --cached"}},
		"tracked git folder": {repo: func(r *hostileRepo) {
			hook := r.Git("hash-object", "-w", r.file("#!/bin/sh\ntouch "+r.victim+"/evidence\n"))
			hooks := r.mktree("100755 blob " + hook + "\tpost-checkout\n")
			r.commitTree(r.Git("ls-tree", "HEAD") + "\n040000 tree " + r.mktree("040000 tree "+hooks+"\thooks\n") + "\t.git\n")
		}, refused: []string{".git/hooks/post-checkout", "Remove it"}},
		"tracked dot dot": {repo: func(r *hostileRepo) {
			blob := r.Git("hash-object", "-w", r.file("evil"))
			r.commitTree(r.Git("ls-tree", "HEAD") + "\n040000 tree " + r.mktree("100644 blob "+blob+"\tevil\n") + "\t..\n")
		}, refused: []string{"../evil", "Remove it"}},
		"long name in git": {repo: func(r *hostileRepo) {
			blob := r.Git("hash-object", "-w", r.file("evil"))
			r.commitTree(r.Git("ls-tree", "HEAD") + "\n100644 blob " + blob + "\t" + strings.Repeat("n", 300) + "\n")
		}, refused: []string{"300 bytes", "nnnn", "shorter"}},
		"hooks and filters": {build: `cd ..
for hook in post-checkout reference-transaction post-index-change; do
	printf '#!/bin/sh\ntouch %s/evidence\n' "$VICTIM" > .git/hooks/$hook 2>/dev/null || { mkdir -p .git/hooks; printf '#!/bin/sh\ntouch %s/evidence\n' "$VICTIM" > .git/hooks/$hook; }
	chmod +x .git/hooks/$hook
done
printf '[core]\n\tfsmonitor = touch %s/evidence\n[filter "x"]\n\tsmudge = touch %s/evidence\n' "$VICTIM" "$VICTIM" >> .git/config
echo '* filter=x' > .git/info/attributes
`, harmless: buildsAgain},
		"git file": {build: "cd ..; rm -rf .git; echo \"gitdir: $VICTIM\" > .git\n", harmless: buildsAgain},
	}
}

// buildsAgain builds a course once more: what its last build left in .git has
// no effect.
func buildsAgain(t *testing.T, h *harness, key string) {
	t.Helper()
	b := h.succeed(h.push(key))
	h.published(key, b.Version)
}

func hostileConfigs() map[string]hostile {
	replaced := func(script string) hostile {
		return hostile{build: "cd ..; rm index.yaml; " + script + "\n", refused: []string{"index.yaml"}}
	}
	return map[string]hostile{
		"index is a pipe":     replaced("mkfifo index.yaml"),
		"index is a folder":   replaced("mkdir index.yaml"),
		"index is endless":    replaced("ln -s /dev/zero index.yaml"),
		"index is a terabyte": replaced("truncate -s 1T index.yaml"),
		"index is of another": replaced("ln -s $VICTIM/secret index.yaml"),
		"exercise is a pipe":  {build: "cd ..; rm ex1.yaml; mkfifo ex1.yaml\n", refused: []string{"ex1.yaml", "a pipe"}},
		"meta is a pipe":      {build: "cd ..; mkfifo apps.meta\n", refused: []string{"apps.meta"}},
	}
}
