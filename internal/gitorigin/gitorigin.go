// Package gitorigin makes tiny bare repositories that the service itself fills,
// such as that of its canary course, and serves them over HTTP. It needs no git
// program. It is no place for courses of people. Start at Create.
package gitorigin

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Branch is the one branch of every repository.
const Branch = "main"

// Origin is a bare repository whose branch has one commit at a time. Histories
// are of no use here and would grow for ever.
type Origin struct {
	dir string

	mu     sync.Mutex
	repo   *git.Repository
	before []plumbing.Hash // objects of the commit before the present one
	now    []plumbing.Hash // objects of the present commit
}

// Create makes an empty repository in dir, in the place of what is there.
func Create(dir string) (*Origin, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("origin: %w", err)
	}
	repo, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{
		Bare: true, InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(Branch)},
	})
	if err != nil {
		return nil, fmt.Errorf("origin %s: %w", dir, err)
	}
	return &Origin{dir: dir, repo: repo}, nil
}

// Commit makes the files, slash-separated path to content, the whole content of
// the branch and gives the commit. Readers of the commit before it are not
// disturbed; those of earlier ones may be.
func (o *Origin) Commit(files map[string]string, message string, at time.Time) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := &writer{repo: o.repo}
	hash, err := w.commit(files, message, at)
	if err != nil {
		return "", fmt.Errorf("origin %s: %w", o.dir, err)
	}
	branch := plumbing.NewBranchReferenceName(Branch)
	if err := o.repo.Storer.SetReference(plumbing.NewHashReference(branch, hash)); err != nil {
		return "", fmt.Errorf("origin %s: %w", o.dir, err)
	}
	if err := o.announce(hash, branch); err != nil {
		return "", fmt.Errorf("origin %s: %w", o.dir, err)
	}
	gone := o.before
	o.before, o.now = o.now, w.made
	if err := o.remove(gone); err != nil {
		return "", fmt.Errorf("origin %s: %w", o.dir, err)
	}
	return hash.String(), nil
}

// announce writes what clients over plain HTTP look for, as git
// update-server-info does.
func (o *Origin) announce(hash plumbing.Hash, branch plumbing.ReferenceName) error {
	info := filepath.Join(o.dir, "info")
	if err := os.MkdirAll(info, 0o755); err != nil {
		return err
	}
	next := filepath.Join(info, ".refs")
	if err := os.WriteFile(next, []byte(hash.String()+"\t"+branch.String()+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(info, "refs"))
}

// remove removes objects that neither of the two newest commits has.
func (o *Origin) remove(objects []plumbing.Hash) error {
	storage, ok := o.repo.Storer.(*filesystem.Storage)
	if !ok {
		return errors.New("the repository is not on disk")
	}
	for _, h := range objects {
		if slices.Contains(o.before, h) || slices.Contains(o.now, h) {
			continue
		}
		if err := storage.DeleteLooseObject(h); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// writer writes the objects of one commit.
type writer struct {
	repo *git.Repository
	made []plumbing.Hash
}

// encoder is an object that can be stored.
type encoder interface {
	Encode(o plumbing.EncodedObject) error
}

func (w *writer) commit(files map[string]string, message string, at time.Time) (plumbing.Hash, error) {
	root, err := w.tree(files)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	who := object.Signature{Name: "Coursewright", Email: "coursewright@localhost", When: at}
	return w.store(&object.Commit{Author: who, Committer: who, Message: message, TreeHash: root})
}

// tree stores a folder with everything below it.
func (w *writer) tree(files map[string]string) (plumbing.Hash, error) {
	below := map[string]map[string]string{}
	var t object.Tree
	for name, content := range files {
		if folder, rest, nested := strings.Cut(name, "/"); nested {
			if below[folder] == nil {
				below[folder] = map[string]string{}
			}
			below[folder][rest] = content
			continue
		}
		h, err := w.blob(content)
		if err != nil {
			return h, err
		}
		t.Entries = append(t.Entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: h})
	}
	for folder, files := range below {
		h, err := w.tree(files)
		if err != nil {
			return h, err
		}
		t.Entries = append(t.Entries, object.TreeEntry{Name: folder, Mode: filemode.Dir, Hash: h})
	}
	slices.SortFunc(t.Entries, func(a, b object.TreeEntry) int { return strings.Compare(order(a), order(b)) })
	return w.store(&t)
}

// order is what git sorts the entries of a folder by.
func order(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (w *writer) blob(content string) (plumbing.Hash, error) {
	o := w.repo.Storer.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	out, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	_, err = out.Write([]byte(content))
	if err := errors.Join(err, out.Close()); err != nil {
		return plumbing.ZeroHash, err
	}
	return w.keep(o)
}

func (w *writer) store(e encoder) (plumbing.Hash, error) {
	o := w.repo.Storer.NewEncodedObject()
	if err := e.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return w.keep(o)
}

func (w *writer) keep(o plumbing.EncodedObject) (plumbing.Hash, error) {
	h, err := w.repo.Storer.SetEncodedObject(o)
	w.made = append(w.made, h)
	return h, err
}

// Handler serves the repositories below a folder by git's plain HTTP protocol,
// that of dir/NAME.git at /NAME.git. Nothing can be written through it.
func Handler(dir string) http.Handler {
	files := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead || strings.HasSuffix(r.URL.Path, "/") ||
			path.Clean(r.URL.Path) != r.URL.Path {
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
}
