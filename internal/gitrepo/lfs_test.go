package gitrepo_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// store is a git host whose Git LFS answers every request with the same bytes.
type store struct {
	t    *testing.T
	body []byte
	sent atomic.Int64 // bytes of files in Git LFS, uncompressed
}

// serve puts the store in front of repositories.
func (s *store) serve(repos ...*gitrepotest.Repo) (base string) {
	mux := http.NewServeMux()
	mux.Handle("/", gitrepotest.Handler(s.t, repos...))
	mux.HandleFunc("POST /{repo}/info/lfs/objects/batch", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Objects []map[string]any `json:"objects"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			s.t.Error(err)
		}
		for _, o := range asked.Objects {
			o["actions"] = map[string]any{"download": map[string]any{"href": "http://" + r.Host + "/file"}}
		}
		w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
		if err := json.NewEncoder(w).Encode(asked); err != nil {
			s.t.Error(err)
		}
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		const piece = 1 << 20
		for rest := s.body; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			n, err := z.Write(rest[:min(piece, len(rest))])
			if s.sent.Add(int64(n)); err != nil {
				return // the caller has had enough
			}
		}
		_ = z.Close()
	})
	server := httptest.NewServer(mux)
	s.t.Cleanup(server.Close)
	return server.URL
}

// pointers are a commit's files: n pointers to content, which claim a size.
func pointers(n int, content []byte, claimed int64) map[string]string {
	files := map[string]string{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}
	for i := range n {
		files[fmt.Sprintf("%d.bin", i)] = fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n", sha256.Sum256(content), claimed)
	}
	return files
}

// TestLFSBomb fetches files from Git LFS that are small on the wire and large on
// the disk, one by one or together, and whose pointers say so or lie.
func TestLFSBomb(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git-lfs")
	const limit = 8 << 20
	zeros := make([]byte, 20*limit)
	for name, c := range map[string]struct {
		files      int
		body, oid  []byte
		claimed    int64
		says       string
		mostIsSent int64
	}{
		"as it says":              {1, zeros, zeros[:1], 1 << 40, `"0.bin"`, 0},
		"many as they say":        {10, zeros[:6<<20], zeros[:6<<20], 6 << 20, `"1.bin"`, 0},
		"more than it says":       {1, zeros[:limit*3/2], zeros[:limit*3/2], 10, "a file or a history of more than 8 MiB", 12 * limit},
		"without end":             {1, zeros, zeros[:1], 10, "more than 8 MiB", 12 * limit},
		"many more than they say": {10, zeros[:6<<20], zeros[:6<<20], 10, "larger than their pointers say", 20 * limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo := newBench(t, gitrepo.Config{Limits: gitrepo.Limits{Bytes: limit}}), gitrepotest.New(t)
			host := &store{t: t, body: c.body}
			address := host.serve(repo) + "/0.git"
			repo.Commit(map[string]string{"a": "1"}, "First")
			b.checkout(address, "main")
			repo.Commit(pointers(c.files, c.oid, c.claimed), "Bomb")
			for range 2 { // what the first one left must not help the second
				b.refused(address, "main", c.says, "COURSE_SIZE")
			}
			// Git LFS may try again what it cannot write.
			if sent := host.sent.Load(); sent > 2*c.mostIsSent {
				t.Errorf("%d bytes were fetched in vain", sent)
			}
			b.noLarge(limit)
		})
	}
}

// noLarge expects no file of more than most bytes, and not many that come near.
func (b *bench) noLarge(most int64) {
	b.t.Helper()
	var total int64
	err := filepath.WalkDir(filepath.Dir(b.dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() > most {
			b.t.Errorf("%s is left: %v, %v", path, info, err)
			return err
		}
		total += info.Size()
		return nil
	})
	if err != nil || total > 8*most {
		b.t.Errorf("%d bytes are left, %v", total, err)
	}
}

// A course may have what the limit says and not a byte more, in Git LFS too.
func TestLFSAtTheLimit(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git-lfs")
	content := []byte(strings.Repeat("x", 100_000))
	repo, lib := gitrepotest.New(t), gitrepotest.New(t)
	files := pointers(2, content, int64(len(content)))
	libCommit := lib.Commit(files, "Lib")
	repo.Commit(files, "First")
	repo.AddSubmodule("lib", "../1.git", libCommit)
	modules, err := os.ReadFile(filepath.Join(repo.Tree(), ".gitmodules"))
	must(t, err)
	exact := int64(4*len(content) + 2*len(files[".gitattributes"]) + len(modules))
	base := (&store{t: t, body: content}).serve(repo, lib)
	b := newBench(t, gitrepo.Config{Limits: gitrepo.Limits{Bytes: exact}})
	b.checkout(base+"/0.git", "main")
	for _, name := range []string{"0.bin", "1.bin", "lib/0.bin", "lib/1.bin"} {
		b.has(name, string(content))
	}
	less := newBench(t, gitrepo.Config{Limits: gitrepo.Limits{Bytes: exact - 1}})
	less.refused(base+"/0.git", "main", `submodule "lib"`, `"lib/1.bin"`, "COURSE_SIZE")
}

// A build must not turn texts of the course, whose sizes were not counted, into
// pointers of Git LFS.
func TestLFSByAttributesOfABuild(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git-lfs")
	content := []byte("of another size")
	b, repo := remote(t), gitrepotest.New(t)
	base := (&store{t: t, body: content}).serve(repo)
	repo.Commit(map[string]string{"a": "1"}, "First")
	b.checkout(base+"/0.git", "main")
	planted := pointers(1, content, int64(len(content)))
	b.write(".gitattributes", planted[".gitattributes"])
	repo.Commit(map[string]string{"0.bin": planted["0.bin"]}, "Text")
	b.checkout(base+"/0.git", "main")
	b.has("0.bin", planted["0.bin"])
}
