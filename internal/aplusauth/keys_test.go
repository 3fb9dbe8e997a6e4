package aplusauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"coursewright/internal/aplusauth"
)

func encodePEM(tb testing.TB, kind string, der []byte, err error) string {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func openSSHPrivate(tb testing.TB, key any) string {
	tb.Helper()
	block, err := ssh.MarshalPrivateKey(key, "a comment")
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func openSSHPublic(tb testing.TB, key any) string {
	tb.Helper()
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

// Every form of a private key signs what every form of its public half
// verifies.
func TestFormsOfKeys(t *testing.T) {
	t.Parallel()
	key := ownKey()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	private := map[string]string{
		"PKCS#1":  privatePEM(key),
		"PKCS#8":  encodePEM(t, "PRIVATE KEY", pkcs8, err),
		"OpenSSH": openSSHPrivate(t, key),
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	public := map[string]string{
		"PKCS#1":                 publicPEM(key),
		"SPKI":                   encodePEM(t, "PUBLIC KEY", spki, err),
		"OpenSSH":                openSSHPublic(t, &key.PublicKey),
		"OpenSSH with a comment": strings.TrimSpace(openSSHPublic(t, &key.PublicKey)) + " me@example\n",
		"after other text":       "subject: me\n" + publicPEM(key),
	}
	for privateForm, privateText := range private {
		for publicForm, publicText := range public {
			c := config(authenticator)
			c.PrivateKey, c.PublicKey = privateText, publicText
			s, err := aplusauth.New(c)
			if err != nil {
				t.Errorf("%s and %s: %v", privateForm, publicForm, err)
				continue
			}
			token, err := s.Sign(aplusauth.Claims{Subject: "admin", Audience: "gitmanager"})
			if err != nil {
				t.Fatal(err)
			}
			if id, err := s.Verify(bearer(token)); err != nil || !id.Master {
				t.Errorf("%s and %s: %+v, %v; want a master token", privateForm, publicForm, id, err)
			}
		}
	}
}

// The same public key in the three forms of the vectors.
func TestVectorsOfKeys(t *testing.T) {
	t.Parallel()
	var in incoming
	readVectors(t, "incoming-tokens.json", &in)
	var master string
	for _, v := range in.Vectors {
		if v.Name == "master-empty-permissions" {
			master = v.Token
		}
	}
	for _, file := range []string{"pem", "pkcs1.pem", "openssh"} {
		in.Settings.PublicKey = "TEST-ONLY-gitmanager.public." + file
		if id, err := in.service(t).Verify(bearer(master)); err != nil || !id.Master {
			t.Errorf("%s: %+v, %v; want a master token", file, id, err)
		}
	}
}

func TestErrorsOfSettings(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(ownKey(), "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	ecDER, ecErr := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	tests := []struct {
		name   string
		change func(c *aplusauth.Config)
		want   string
	}{
		{"no UID", func(c *aplusauth.Config) { c.UID = "" }, "UID is missing"},
		{"no private key", func(c *aplusauth.Config) { c.PrivateKey = "" }, "PRIVATE_KEY is missing"},
		{"no public key", func(c *aplusauth.Config) { c.PublicKey = "" }, "PUBLIC_KEY is missing"},
		{"no key of A+", func(c *aplusauth.Config) { c.RemoteAuthenticatorKey = "" }, "REMOTE_AUTHENTICATOR_KEY is missing"},
		{"no UID of A+", func(c *aplusauth.Config) { c.RemoteAuthenticatorUID = "" }, "REMOTE_AUTHENTICATOR_UID is missing"},
		{"garbage", func(c *aplusauth.Config) { c.PrivateKey = "hunter2" }, "PRIVATE_KEY is not the text of an RSA key"},
		{"cut off", func(c *aplusauth.Config) { c.PrivateKey = c.PrivateKey[:300] }, "PRIVATE_KEY is not the text of an RSA key"},
		{"public as private", func(c *aplusauth.Config) { c.PrivateKey = c.PublicKey }, "PRIVATE_KEY is a public key"},
		{"private as public", func(c *aplusauth.Config) { c.PublicKey = c.PrivateKey }, "PUBLIC_KEY is a private key"},
		{"locked", func(c *aplusauth.Config) { c.PrivateKey = string(pem.EncodeToMemory(locked)) }, "PRIVATE_KEY is locked with a passphrase"},
		{"locked PKCS#8", func(c *aplusauth.Config) { c.PrivateKey = encodePEM(t, "ENCRYPTED PRIVATE KEY", []byte("x"), nil) }, "PRIVATE_KEY is locked with a passphrase"},
		{"other pair", func(c *aplusauth.Config) { c.PublicKey = publicPEM(friendKey()) }, "PUBLIC_KEY does not belong to PRIVATE_KEY"},
		{"EC", func(c *aplusauth.Config) { c.PublicKey = encodePEM(t, "PUBLIC KEY", ecDER, ecErr) }, "PUBLIC_KEY holds a key of type *ecdsa.PublicKey"},
		{"Ed25519", func(c *aplusauth.Config) { c.PrivateKey = openSSHPrivate(t, edPrivate) }, "PRIVATE_KEY holds a key of type *ed25519.PrivateKey"},
		{"Ed25519 public", func(c *aplusauth.Config) { c.RemoteAuthenticatorKey = openSSHPublic(t, edPublic) }, "REMOTE_AUTHENTICATOR_KEY holds a key of type ed25519.PublicKey"},
		{"bad PEM", func(c *aplusauth.Config) { c.PublicKey = encodePEM(t, "PUBLIC KEY", []byte("x"), nil) }, "PUBLIC_KEY is not the text of an RSA key"},
		{"bad key of others", func(c *aplusauth.Config) { c.UIDToKey = map[string]string{"radar": "x"} }, `UID_TO_KEY, the key of "radar", is not the text of an RSA key`},
		{"address of A+", func(c *aplusauth.Config) { c.RemoteAuthenticatorURL = "plus" }, `REMOTE_AUTHENTICATOR_URL is "plus"`},
		{"empty prefix", func(c *aplusauth.Config) { c.TrustingRemotes = map[string]string{"": "x"} }, "TRUSTING_REMOTES has the entry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config(authenticator)
			tt.change(&c)
			_, err := aplusauth.New(c)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want one that begins with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestAllErrorsOfSettingsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := aplusauth.New(aplusauth.Config{RemoteAuthenticatorUID: "aplus", UIDToKey: map[string]string{"b": "", "a": ""}})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{"UID ", "PRIVATE_KEY ", `UID_TO_KEY, the key of "a"`, `UID_TO_KEY, the key of "b"`, "PUBLIC_KEY ", "REMOTE_AUTHENTICATOR_KEY "}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %q, want %q", lines[i], want[i])
		}
	}
}

func TestKeysOfTooFewBits(t *testing.T) {
	t.Parallel()
	half := make([]byte, 64) // 512 bits
	half[0], half[63] = 0x80, 1
	small := &rsa.PublicKey{N: new(big.Int).SetBytes(half), E: 65537}
	c := config(authenticator)
	c.RemoteAuthenticatorKey = encodePEM(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(small), nil)
	_, err := aplusauth.New(c)
	if want := "REMOTE_AUTHENTICATOR_KEY has 512 bits"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want one that begins with %q", err, want)
	}
}

func TestConfigShowsNoKeys(t *testing.T) {
	t.Parallel()
	c := config(authenticator)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", &c), fmt.Sprintf("%#v", c), log.String()} {
		if strings.Contains(text, "KEY") || !strings.Contains(text, "gitmanager") {
			t.Errorf("printed as %.200s", text)
		}
	}
}
