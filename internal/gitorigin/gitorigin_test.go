package gitorigin_test

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"coursewright/internal/gitorigin"
	"coursewright/internal/gitrepo/gitrepotest"
)

// git clones what is committed, over HTTP and from the disk, and finds nothing
// wrong with it, however often something was committed.
func TestGitReadsAnOrigin(t *testing.T) {
	t.Parallel()
	program := gitrepotest.Need(t, "git")
	dir := t.TempDir()
	path := filepath.Join(dir, "course.git")
	o, err := gitorigin.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gitorigin.Handler(dir))
	t.Cleanup(server.Close)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = gitrepotest.Environment()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var objects []int
	for i := range 6 {
		content := strconv.Itoa(i)
		hash, err := o.Commit(map[string]string{
			"index.yaml": "same", "a.b": content, "a/deep/er.html": content, "a0": "same",
		}, "Change "+content, time.Unix(1_700_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{server.URL + "/course.git", "file://" + path} {
			copied := filepath.Join(t.TempDir(), "copy")
			git("clone", "-q", url, copied)
			git("-C", copied, "fsck", "--strict")
			if got := git("-C", copied, "rev-parse", gitorigin.Branch); got != hash+"\n" {
				t.Errorf("%s has commit %s, want %s", url, got, hash)
			}
			if got, err := os.ReadFile(filepath.Join(copied, "a/deep/er.html")); err != nil || string(got) != content {
				t.Errorf("%s: %q, %v", url, got, err)
			}
		}
		objects = append(objects, count(t, filepath.Join(path, "objects")))
	}
	if objects[5] != objects[2] {
		t.Errorf("the numbers of objects after each commit are %v: they grow", objects)
	}
}

func count(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Nothing but the repositories' files is served.
func TestHandlerServesFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o, err := gitorigin.Create(filepath.Join(dir, "in", "course.git"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Commit(map[string]string{"a": "b"}, "first", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := gitorigin.Handler(filepath.Join(dir, "in"))
	for path, want := range map[string]int{
		"/course.git/HEAD": 200, "/course.git/info/refs": 200, "/course.git/": 404, "/": 404,
		"/../secret": 404, "/course.git/../../secret": 404, "/course.git/nothing": 404,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/course.git/HEAD", nil))
	if w.Code != 404 {
		t.Errorf("POST: %d", w.Code)
	}
}
