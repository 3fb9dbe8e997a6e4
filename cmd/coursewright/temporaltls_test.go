package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/settings"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

const frontName = "temporal.example"

// front is a Temporal as others operate it: a development server behind TLS that
// asks for a client certificate and an API key.
type front struct {
	dir     string
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	address string
	behind  string // address of the server itself
}

func newFront(t *testing.T, apiKey string) *front {
	t.Helper()
	f := &front{dir: t.TempDir()}
	f.ca, f.caKey = newCA(t)
	writePEM(t, f.path("ca.pem"), "CERTIFICATE", f.ca.Raw)
	f.issue(t, "server", frontName)
	f.issue(t, "client", "coursewright")
	pair, err := tls.LoadX509KeyPair(f.path("server.pem"), f.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(f.ca)
	f.behind = temporaltest.Start(t).Address()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: f.behind})
	var clear http.Protocols
	clear.SetUnencryptedHTTP2(true)
	proxy.Transport = &http.Transport{Protocols: &clear}
	proxy.FlushInterval = -1
	silent := log.New(io.Discard, "", 0)
	proxy.ErrorLog = silent // polls that end with the system
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          silent, // handshakes that the test makes fail
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+apiKey {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			proxy.ServeHTTP(w, r)
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = l.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return f
}

func (f *front) path(name string) string { return filepath.Join(f.dir, name) }

// issue makes a certificate NAME.pem with its key NAME.key.
func (f *front) issue(t *testing.T, name, host string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := certificate(t, host)
	template.DNSNames = []string{host}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	text, err := x509.CreateCertificate(rand.Reader, template, f.ca, &key.PublicKey, f.caKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.path(name+".pem"), "CERTIFICATE", text)
	writePEM(t, f.path(name+".key"), "PRIVATE KEY", secret)
}

func newCA(t *testing.T) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := certificate(t, "authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	text, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	return ca, key
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func writePEM(t *testing.T, path, kind string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: text}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A Temporal behind TLS, client certificates and API keys is used with the
// settings for it; what is wrong is told with the setting that mends it.
func TestTemporalByTLSAndAPIKey(t *testing.T) {
	t.Parallel()
	f := newFront(t, "right-key")
	other, _ := newCA(t)
	writePEM(t, f.path("other.pem"), "CERTIFICATE", other.Raw)
	right := map[string]string{
		"TEMPORAL_ADDRESS": f.address, "TEMPORAL_NAMESPACE": temporaldev.Namespace,
		"TEMPORAL_TLS_CA": f.path("ca.pem"), "TEMPORAL_TLS_SERVER_NAME": frontName,
		"TEMPORAL_TLS_CERT": f.path("client.pem"), "TEMPORAL_TLS_KEY": f.path("client.key"),
		"TEMPORAL_API_KEY": "right-key",
	}
	migrate := func(changes map[string]string) ended {
		environ := []string{"COURSEWRIGHT_DATA=" + t.TempDir(), "COURSEWRIGHT_LOG_LEVEL=error"}
		for name, value := range right {
			if changed, ok := changes[name]; ok {
				value = changed
			}
			environ = append(environ, "COURSEWRIGHT_"+name+"="+value)
		}
		return runProgram(t, environ, "migrate")
	}
	if e := migrate(nil); e.status != 0 || !strings.Contains(e.out, "CoursewrightCourse") {
		t.Fatalf("the right settings: status %d\n%s%s", e.status, e.out, e.errOut)
	}
	for name, c := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"another authority":     {map[string]string{"TEMPORAL_TLS_CA": f.path("other.pem")}, "TEMPORAL_TLS_CA"},
		"another name":          {map[string]string{"TEMPORAL_TLS_SERVER_NAME": "elsewhere.example"}, "TEMPORAL_TLS_SERVER_NAME"},
		"no client certificate": {map[string]string{"TEMPORAL_TLS_CERT": "", "TEMPORAL_TLS_KEY": ""}, "TEMPORAL_TLS_CERT"},
		"a wrong API key":       {map[string]string{"TEMPORAL_API_KEY": "wrong-key"}, "TEMPORAL_API_KEY"},
		"a missing file":        {map[string]string{"TEMPORAL_TLS_KEY": f.path("none")}, "TEMPORAL_TLS_KEY"},
		"no certificate inside": {map[string]string{"TEMPORAL_TLS_CA": f.path("client.key")}, "holds no certificate"},
		"no TLS": {map[string]string{
			"TEMPORAL_TLS_CA": "", "TEMPORAL_TLS_SERVER_NAME": "", "TEMPORAL_TLS_CERT": "", "TEMPORAL_TLS_KEY": "", "TEMPORAL_API_KEY": "",
		}, "TEMPORAL_TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := migrate(c.changes)
			if e.status != 1 || !strings.Contains(e.errOut, c.want) || strings.Contains(e.errOut, "wrong-key") {
				t.Errorf("status %d, want 1 and an error that names %s:\n%s", e.status, c.want, e.errOut)
			}
		})
	}
}

// A client certificate may be renewed under a running service.
func TestClientCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	f := &front{dir: t.TempDir()}
	f.ca, f.caKey = newCA(t)
	f.issue(t, "client", "coursewright")
	c, err := tlsConfig(settings.TemporalTLS{CertPath: f.path("client.pem"), KeyPath: f.path("client.key")})
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		pair, err := c.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.String()
	}
	before := serial()
	f.issue(t, "client", "coursewright")
	if serial() == before {
		t.Error("the renewed certificate is not used")
	}
}
