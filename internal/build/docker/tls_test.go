package docker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/build/docker"
)

// certificates writes ca.pem, cert.pem and key.pem of one key that serves as
// authority, server and client, and returns it for the server.
func certificates(t *testing.T) (dir string, pair tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	dir = t.TempDir()
	for name, text := range map[string][]byte{"ca.pem": cert, "cert.pem": cert, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.X509KeyPair(cert, keyPEM); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return dir, pair, pool
}

// TestEngineBehindTLS reaches the engine through a proxy that asks for a
// certificate.
func TestEngineBehindTLS(t *testing.T) {
	t.Parallel()
	dial := needEngine(t).Dialer()
	dir, pair, pool := certificates(t)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.FlushInterval = -1
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	server := httptest.NewUnstartedServer(proxy)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of every refused client
	server.StartTLS()
	t.Cleanup(server.Close)
	host := "tcp://" + strings.TrimPrefix(server.URL, "https://")

	if got := mustRun(t, docker.Options{Host: host, CertPath: dir}, "echo built\n"); got != "built\n" {
		t.Errorf("output %q", got)
	}
	other, _, _ := certificates(t)
	for name, o := range map[string]docker.Options{
		"no certificate": {Host: host, Disk: disk},
		"a stranger's":   {Host: host, Disk: disk, CertPath: other},
	} {
		if err := newBuilder(t, o).Check(t.Context()); err == nil {
			t.Errorf("%s: the engine answers", name)
		}
	}
}
