package aplusauth_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"coursewright/internal/aplusauth"
)

// Key pairs of the services that tests play, made once per run.
var (
	ownKey    = sync.OnceValue(newKey)
	aplusKey  = sync.OnceValue(newKey)
	friendKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // never, says crypto/rand
	}
	return key
}

func privatePEM(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func publicPEM(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}))
}

// config is a service named gitmanager beside an A+ at the given address.
func config(authenticator string) aplusauth.Config {
	return aplusauth.Config{
		UID:                    "gitmanager",
		PrivateKey:             privatePEM(ownKey()),
		PublicKey:              publicPEM(ownKey()),
		RemoteAuthenticatorUID: "aplus",
		RemoteAuthenticatorURL: authenticator,
		RemoteAuthenticatorKey: publicPEM(aplusKey()),
	}
}

func newService(tb testing.TB, c aplusauth.Config) *aplusauth.Service {
	tb.Helper()
	s, err := aplusauth.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// sign makes a token with any claims.
func sign(tb testing.TB, key *rsa.PrivateKey, claims map[string]any) string {
	tb.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims)).SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func readVectors(tb testing.TB, name string, into any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(readVector(tb, name)), into); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
}

func readVector(tb testing.TB, name string) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "auth-vectors", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// encode gives a part of a token.
func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// body reads an HTTP answer from a connection.
func body(tb testing.TB, from io.Reader) string {
	tb.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(from), nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer closing(tb, resp.Body)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func closing(tb testing.TB, c io.Closer) {
	tb.Helper()
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}
