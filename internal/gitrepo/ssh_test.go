package gitrepo_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

// writeKey saves a private key in OpenSSH's format.
func writeKey(t *testing.T, path string, key crypto.PrivateKey) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
}

func rsaKey(t *testing.T, path string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	writeKey(t, path, key)
}

func ecdsaKey(t *testing.T, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	writeKey(t, path, key)
}

func ed25519Key(t *testing.T, path string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	writeKey(t, path, &key)
}

func TestSSHKeyTypes(t *testing.T) {
	t.Parallel()
	for name, makeKey := range map[string]func(*testing.T, string){
		"generated": func(*testing.T, string) {}, "rsa": rsaKey, "ecdsa": ecdsaKey, "ed25519": ed25519Key,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := filepath.Join(t.TempDir(), "it's a key % of $ours", "id")
			must(t, os.MkdirAll(filepath.Dir(key), 0o700))
			makeKey(t, key)
			public, err := gitrepo.EnsureKey(key)
			must(t, err)
			server := gitrepotest.ServeSSH(t, public)
			b, repo := newBench(t, gitrepo.Config{SSHKeyPath: key}), gitrepotest.New(t)
			first := repo.Commit(map[string]string{"a": "1"}, "First")
			if got := b.checkout(server.URL(repo), "main"); got.Commit != first {
				t.Errorf("got %+v", got)
			}
			second := repo.Commit(map[string]string{"a": "2"}, "Second")
			if got := b.checkout(server.URL(repo), "main"); got.Commit != second || got.Fresh {
				t.Errorf("got %+v", got)
			}
			b.refused(server.URL(repo), "none", "it has main")
			b.refused(server.URL(repo)+"x", "main", "no such repository")
		})
	}
}

func TestSSHAccessDenied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	public, err := gitrepo.EnsureKey(filepath.Join(dir, "known"))
	must(t, err)
	_, err = gitrepo.EnsureKey(filepath.Join(dir, "other"))
	must(t, err)
	server := gitrepotest.ServeSSH(t, public)
	repo := gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	newBench(t, gitrepo.Config{SSHKeyPath: filepath.Join(dir, "other")}).refused(server.URL(repo), "main", "deploy key")
	newBench(t, gitrepo.Config{KnownHostsFile: filepath.Join(dir, "hosts")}).refused(server.URL(repo), "main", "deploy key")
}

func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "id")
	public, err := gitrepo.EnsureKey(key)
	must(t, err)
	server := gitrepotest.ServeSSH(t, public)
	repo := gitrepotest.New(t)
	repo.Commit(map[string]string{"a": "1"}, "First")
	other := strings.Fields(public)
	wrong := strings.Fields(server.HostKey)[0] + " " + other[0] + " " + other[1] + "\n"
	for name, c := range map[string]struct {
		policy gitrepo.HostKeyPolicy
		known  string
		refuse bool
	}{
		"new, unknown host":    {"", "", false},
		"new, known host":      {gitrepo.HostKeysAcceptNew, server.HostKey, false},
		"new, other key":       {gitrepo.HostKeysAcceptNew, wrong, true},
		"strict, unknown host": {gitrepo.HostKeysStrict, "", true},
		"strict, known host":   {gitrepo.HostKeysStrict, server.HostKey, false},
		"off, other key":       {gitrepo.HostKeysOff, wrong, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts := filepath.Join(t.TempDir(), "known hosts")
			if c.known != "" {
				must(t, os.WriteFile(hosts, []byte(c.known), 0o600))
			}
			b := newBench(t, gitrepo.Config{SSHKeyPath: key, HostKeys: c.policy, KnownHostsFile: hosts})
			if c.refuse {
				b.refused(server.URL(repo), "main", "known_hosts")
				return
			}
			b.checkout(server.URL(repo), "main")
			data, err := os.ReadFile(hosts)
			if remembered := strings.Contains(string(data), strings.Fields(server.HostKey)[2]); c.policy != gitrepo.HostKeysOff && !remembered {
				t.Errorf("the host is not remembered: %q, %v", data, err)
			}
		})
	}
}

func TestEnsureKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "id_ecdsa")
	const n = 8
	var keys [n]string
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			key, err := gitrepo.EnsureKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		if key != keys[0] || !strings.HasPrefix(key, "ecdsa-sha2-nistp521 ") {
			t.Errorf("got %q and %q", keys[0], key)
		}
	}
	info, err := os.Stat(path)
	must(t, err)
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if info.Mode().Perm() != 0o600 || len(entries) != 1 {
		t.Errorf("mode %v, files %v", info.Mode(), entries)
	}
	must(t, os.Chmod(path, 0o644))
	again, err := gitrepo.EnsureKey(path)
	must(t, err)
	info, err = os.Stat(path)
	must(t, err)
	if again != keys[0] || info.Mode().Perm() != 0o600 {
		t.Errorf("an open key: %q, mode %v", again, info.Mode())
	}
}

func TestEnsureKeyRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "id")
	must(t, os.WriteFile(path, []byte("ssh-rsa AAAA"), 0o600))
	if _, err := gitrepo.EnsureKey(path); err == nil || !strings.Contains(err.Error(), "give a private") {
		t.Errorf("a public key: %v", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("x"))
	must(t, err)
	must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	if _, err := gitrepo.EnsureKey(path); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("a locked key: %v", err)
	}
	if _, err := gitrepo.EnsureKey(t.TempDir()); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder: %v", err)
	}
}
