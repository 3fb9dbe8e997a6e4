package aplusauth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// minKeyBits is the least size that crypto/rsa works with.
const minKeyBits = 1024

var (
	errMissingKey = errors.New("is missing: give an RSA key as PEM or OpenSSH text")
	errNotPublic  = errors.New("is a private key: give its public half")
	errNotPrivate = errors.New("is a public key: give the private half")
	errLocked     = errors.New("is locked with a passphrase: give a key without one, and let only the service read it")
	errForm       = errors.New("is not the text of an RSA key: give PEM (-----BEGIN ... KEY-----) or OpenSSH text, with its line ends")
)

// parsePrivate reads a private key in PKCS#1, PKCS#8 or OpenSSH form. Its errors
// go after the name of a setting.
func parsePrivate(text string) (*rsa.PrivateKey, error) {
	key, err := ssh.ParseRawPrivateKey([]byte(text))
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked), strings.Contains(text, "BEGIN ENCRYPTED PRIVATE KEY"):
		return nil, errLocked
	case err != nil:
		if _, public := parsePublic(text); public == nil {
			return nil, errNotPrivate
		}
		return nil, errForm
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("holds a key of type %T: A+'s services use RSA keys only", key)
	}
	return private, checkSize(&private.PublicKey)
}

// parsePublic reads a public key in SPKI, PKCS#1 or OpenSSH form. Its errors
// go after the name of a setting.
func parsePublic(text string) (*rsa.PublicKey, error) {
	key, err := publicKey(text)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("holds a key of type %T: A+'s services use RSA keys only", key)
	}
	return public, checkSize(public)
}

func publicKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return nil, errForm
		}
		if crypto, ok := key.(ssh.CryptoPublicKey); ok {
			return crypto.CryptoPublicKey(), nil
		}
		return key, nil
	}
	var key any
	var err error
	switch {
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errNotPublic
	case block.Type == "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, errForm
	}
	return key, nil
}

func checkSize(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minKeyBits {
		return fmt.Errorf("has %d bits: give a key of at least %d, better 2048", bits, minKeyBits)
	}
	return nil
}
