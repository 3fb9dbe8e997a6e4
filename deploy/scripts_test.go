package deploy_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/store/postgres/postgrestest"
)

// script runs a script of the Compose deployment.
func script(t *testing.T, environ []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{filepath.Join("compose", name)}, args...)...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// makeSecrets gives a folder with the secrets, owned by the test's user.
func makeSecrets(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"openssl", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program, program+" is not installed")
		}
	}
	dir := filepath.Join(t.TempDir(), "secrets")
	script(t, []string{"OWNER="}, "make-secrets.sh", dir)
	return dir
}

// Made again, secrets stay; and nobody but their readers reads them.
func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := makeSecrets(t)
	first := map[string]string{}
	for _, name := range []string{"database_url", "private_key", "public_key", "ssh_key", "postgres_password", "temporal_db_password"} {
		first[name] = string(read(t, filepath.Join(dir, name)))
		if first[name] == "" {
			t.Errorf("%s is empty", name)
		}
	}
	script(t, []string{"OWNER="}, "make-secrets.sh", dir)
	for name, text := range first {
		if string(read(t, filepath.Join(dir, name))) != text {
			t.Errorf("%s was made anew", name)
		}
	}
	for _, name := range []string{"", "private_key", "ssh_key", "database_url"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q has the mode %v", name, info.Mode())
		}
	}
}

// PostgreSQL gets the databases, each of its own user, and the service's address
// has that user's password.
func TestDatabasesAreMade(t *testing.T) {
	t.Parallel()
	dir := makeSecrets(t)
	server := postgrestest.Start(t)
	address, err := url.Parse(server.Address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	// The image's superuser is postgres; the test's may have a name that the
	// script gives.
	server.Exec("postgres", "CREATE ROLE postgres SUPERUSER LOGIN")
	rename := exec.CommandContext(t.Context(), server.Program("psql"), "--no-psqlrc", "--host="+server.Socket(), "--port="+address.Query().Get("port"),
		"--username=postgres", "--dbname=postgres", "--command=ALTER ROLE "+address.Query().Get("user")+" RENAME TO before")
	if out, err := rename.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script(t, []string{
		"SECRETS=" + dir, "PGHOST=" + server.Socket(), "PGPORT=" + address.Query().Get("port"), "POSTGRES_USER=postgres",
		"PATH=" + filepath.Dir(server.Program("psql")) + ":" + os.Getenv("PATH"),
	}, "databases.sh")
	got := strings.Fields(server.Exec("postgres", `
		SELECT datname || ':' || rolname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
		WHERE rolcanlogin AND NOT rolsuper ORDER BY datname`))
	for _, want := range []string{"coursewright:coursewright", "temporal:temporal", "temporal_visibility:temporal"} {
		if !slices.Contains(got, want) {
			t.Errorf("databases and owners are %q, lacking %s", got, want)
		}
	}
	service, err := url.Parse(strings.TrimSpace(string(read(t, filepath.Join(dir, "database_url")))))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := service.User.Password()
	if password == "" || password != strings.TrimSpace(string(read(t, filepath.Join(dir, "coursewright_db_password")))) {
		t.Errorf("the service's address has another password than its user")
	}
}

// nginx takes the configuration that the container makes, with and without
// certificates.
func TestNginxTakesTheConfiguration(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("nginx")
	if err != nil {
		missing(t, "nginx", "nginx is not installed, or not on PATH")
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl", "openssl is not installed")
	}
	tls := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=gm.example.net",
		"-keyout", filepath.Join(tls, "privkey.pem"), "-out", filepath.Join(tls, "fullchain.pem")).CombinedOutput()
	if err != nil {
		t.Fatalf("a certificate: %v: %s", err, out)
	}
	for name, c := range map[string]struct{ tls, listen string }{
		"without certificates": {"/nowhere", "listen 80;"},
		"with certificates":    {tls, "listen 443 ssl;"},
	} {
		dir := t.TempDir()
		script(t, []string{
			"CONF=nginx/coursewright.conf", "TLS=" + c.tls, "UPSTREAM=172.31.70.2:8070",
			"SERVER_NAME=gm.example.net", "FRONTEND_URL=https://aplus.example.net", "CONF_DIR=" + dir,
		}, "nginx.sh", "nginx", "-g", "daemon off;")
		text := string(read(t, filepath.Join(dir, "default.conf")))
		for _, want := range []string{c.listen, "server 172.31.70.2:8070;", "server_name gm.example.net;", `"https://aplus.example.net" $http_origin;`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the configuration lacks %q", name, want)
			}
		}
		if err := os.Symlink("/etc/nginx/mime.types", filepath.Join(dir, "mime.types")); err != nil {
			t.Fatal(err)
		}
		main := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(main, []byte("pid "+dir+"/pid;\nevents {}\nhttp {\ninclude "+dir+"/default*.conf;\ninclude "+dir+"/redirect*.conf;\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), program, "-t", "-p", dir, "-e", "stderr", "-c", main).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
