package postgrestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// StartTLS runs a server that takes nothing but TLS on a port of the loopback
// address, and gives the file of the certificate that it shows, which is for
// 127.0.0.1 and signed by itself.
func StartTLS(tb testing.TB) (s *Server, port, certificate string) {
	tb.Helper()
	s = Start(tb)
	s.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		tb.Fatal(err)
	}
	port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	certificate = filepath.Join(s.dir, "server.crt")
	if err := s.makeCertificate(certificate, filepath.Join(s.dir, "server.key")); err != nil {
		tb.Fatal(err)
	}
	access := "hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n"
	if err := os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(access), 0o644); err != nil {
		tb.Fatal(err)
	}
	s.settings = append(s.settings, "listen_addresses=127.0.0.1", "port="+port, "ssl=on",
		"ssl_cert_file="+certificate, "ssl_key_file="+filepath.Join(s.dir, "server.key"))
	s.port = port
	s.Resume()
	return s, port, certificate
}

// makeCertificate writes a certificate and its key, which only the server may
// read.
func (s *Server) makeCertificate(certificate, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "PostgreSQL of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	err = errors.Join(
		os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
	if err == nil && s.attr.Credential != nil {
		err = os.Chown(keyFile, int(s.attr.Credential.Uid), int(s.attr.Credential.Gid))
	}
	return err
}
