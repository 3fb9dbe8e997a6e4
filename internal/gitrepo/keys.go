package gitrepo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// EnsureKey makes sure that there is a private ssh key at path and gives its
// public half as one line of an authorized_keys file. A missing key is made:
// ECDSA P-521, in OpenSSH's format, mode 0600; when several processes do that
// at once, all get the same one. RSA, ECDSA and Ed25519 keys are read in every
// format that ssh accepts; one with a passphrase is an error, since nobody
// could type it.
func EnsureKey(path string) (publicKey string, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return "", fmt.Errorf("ssh key %s: %w", path, err)
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("ssh key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return "", fmt.Errorf("ssh key %s: it has a passphrase; remove it with ssh-keygen -p, or give a key without", path)
	}
	if err != nil {
		return "", fmt.Errorf("ssh key %s: %w; give a private RSA, ECDSA or Ed25519 key, or remove the file to get a new key", path, err)
	}
	if err := protectKey(path); err != nil {
		return "", fmt.Errorf("ssh key %s: %w", path, err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	return line + " coursewright", nil
}

// makeKey writes a new key, unless another process is faster.
func makeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "coursewright")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-key-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(pem.EncodeToMemory(block))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		// A link, unlike a rename, does not replace the key of another process.
		err = os.Link(tmp.Name(), path)
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(tmp.Name()))
}

// protectKey takes the key from everybody else, as ssh ignores it otherwise.
func protectKey(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm()&0o077 == 0 || !ok || int(owner.Uid) != os.Getuid() {
		return nil // ssh checks the mode of keys that are ours only
	}
	if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
		return fmt.Errorf("others can read it, so that ssh would ignore it, and its mode cannot be changed: %w; mount it with mode 0400", err)
	}
	return nil
}
