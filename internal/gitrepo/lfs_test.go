package gitrepo_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// pointer is what git keeps of a file in Git LFS.
func pointer(content string) (text, oid string) {
	sum := sha256.Sum256([]byte(content))
	oid = hex.EncodeToString(sum[:])
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(content)), oid
}

// lfsServer answers the batch request of one file in front of next.
func lfsServer(t *testing.T, content string, next http.Handler) http.Handler {
	t.Helper()
	_, oid := pointer(content)
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST /0.git/info/lfs/objects/batch", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
		err := json.NewEncoder(w).Encode(map[string]any{"objects": []any{map[string]any{
			"oid": oid, "size": len(content),
			"actions": map[string]any{"download": map[string]any{"href": "http://" + r.Host + "/file"}},
		}}})
		if err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(content))
	})
	return mux
}

func TestLFS(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git-lfs")
	const content = "a large picture"
	b, repo := remote(t), gitrepotest.New(t)
	text, _ := pointer(content)
	repo.Commit(map[string]string{".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "a.png": text}, "First")
	server := httptest.NewServer(gitrepotest.RequireAuth("reader", "hunter2secret",
		lfsServer(t, content, gitrepotest.Handler(t, repo))))
	t.Cleanup(server.Close)
	address := withUser(server.URL, "reader", "hunter2secret") + "/0.git"
	b.checkout(address, "main")
	b.has("a.png", content)
	b.write("a.png", "changed by a build")
	if got := b.checkout(address, "main"); got.Fresh {
		t.Errorf("an update cloned anew:\n%s", b.logged())
	}
	b.has("a.png", content)
	b.noSecret("hunter2secret")

	lost, _ := pointer("never uploaded")
	repo.Commit(map[string]string{"a.png": lost}, "Lost")
	b.refused(address, "main", "Git LFS")
}

// .lfsconfig may name another store; a folder of the server must not be one.
func TestLFSFromAFolderOfTheServer(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git-lfs")
	const secret = "a file of another course"
	text, oid := pointer(secret)
	victim := gitrepotest.New(t)
	victim.Commit(nil, "Other course")
	store := filepath.Join(victim.Path(), "lfs", "objects", oid[:2], oid[2:4], oid)
	must(t, os.MkdirAll(filepath.Dir(store), 0o755))
	must(t, os.WriteFile(store, []byte(secret), 0o644))
	b, repo := remote(t), gitrepotest.New(t)
	base := gitrepotest.ServeHTTP(t, repo)
	for _, address := range []string{victim.URL(), victim.Path()} {
		repo.Commit(map[string]string{
			".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "a.png": text,
			".lfsconfig": "[lfs]\n\turl = " + address + "\n",
		}, "First")
		b.refused(base+"/0.git", "main", "Git LFS")
	}
}

func TestLFSWithoutTheProgram(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git-lfs"); err == nil {
		t.Skip("git-lfs is installed")
	}
	b, repo := local(t), gitrepotest.New(t)
	text, _ := pointer("a large picture")
	repo.Commit(map[string]string{"img/.gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "img/a.png": text}, "First")
	b.checkout(repo.URL(), "main")
	b.has("img/a.png", text)
	if !strings.Contains(b.logged(), "Warning: this repository keeps files in Git LFS") {
		t.Errorf("no warning:\n%s", b.logged())
	}
}

// TestLFSBomb fetches a file from Git LFS that is small on the wire and large on
// the disk, without end if its server wants so.
func TestLFSBomb(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	gitrepotest.Need(t, "git-lfs")
	const limit, claimed = 8 << 20, 1 << 40
	for name, size := range map[string]int64{"as it says": claimed, "more than it says": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo := newBench(t, gitrepo.Config{Limits: gitrepo.Limits{Bytes: limit}}), gitrepotest.New(t)
			oid := strings.Repeat("0a", 32)
			repo.Commit(map[string]string{
				".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
				"a.bin":          fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, size),
			}, "First")
			var sent atomic.Int64
			mux := http.NewServeMux()
			mux.Handle("/", gitrepotest.Handler(t, repo))
			mux.HandleFunc("POST /0.git/info/lfs/objects/batch", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
				fmt.Fprintf(w, `{"objects": [{"oid": %q, "size": %d, "actions": {"download": {"href": "http://%s/bomb"}}}]}`, oid, size, r.Host)
			})
			mux.HandleFunc("GET /bomb", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				for zeros := make([]byte, 1<<20); sent.Load() < 100*limit; sent.Add(int64(len(zeros))) {
					if _, err := z.Write(zeros); err != nil {
						return
					}
				}
				_ = z.Close()
			})
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			_, err := b.try(t.Context(), server.URL+"/0.git", "main")
			var author *course.AuthorError
			if !errors.As(err, &author) || !strings.Contains(author.Message, "LFS") {
				t.Fatalf("got %v\n%s", err, b.logged())
			}
			err = filepath.WalkDir(filepath.Dir(b.dir), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				if info, err := d.Info(); err != nil || info.Size() > limit {
					t.Errorf("%s is left: %v, %v", path, info, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
