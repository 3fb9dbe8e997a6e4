package postgres_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// TLS is the address's affair: the server's certificate is checked as it says.
func TestTLS(t *testing.T) {
	t.Parallel()
	server, port, certificate := postgrestest.StartTLS(t)
	name := server.Database(t)
	other := filepath.Join(t.TempDir(), "other.crt")
	_, _, stranger := postgrestest.StartTLS(t)
	text, err := os.ReadFile(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	address := func(host string, more ...string) string {
		return server.Address(name, append([]string{"host=" + host, "port=" + port}, more...)...)
	}
	s := open(t, postgres.Options{URL: address("127.0.0.1", "sslmode=verify-full", "sslrootcert="+certificate, "application_name=over-tls"), Migrate: true})
	newCourse(t, s, "a")
	if got := server.Exec(name, `SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'over-tls'`); got != "t" {
		t.Errorf("connections are encrypted: %q", got)
	}
	for what, c := range map[string]struct{ url, want string }{
		"another's certificate": {address("127.0.0.1", "sslmode=verify-full", "sslrootcert="+other), "certificate"},
		"another name":          {address("localhost", "sslmode=verify-full", "sslrootcert="+certificate), "certificate"},
		"without TLS":           {address("127.0.0.1", "sslmode=disable"), "pg_hba.conf"},
	} {
		s, err := postgres.Open(t.Context(), postgres.Options{URL: c.url})
		if err == nil {
			err = s.Close()
			t.Errorf("%s: Open succeeds; Close = %v", what, err)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want an error about %q", what, err, c.want)
		}
	}
}
