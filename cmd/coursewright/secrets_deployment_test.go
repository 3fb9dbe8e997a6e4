package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coursewright/internal/aplusauth"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/coursetest"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/temporaldev"
)

// secretive is a deployment at the most talkative log level in which every secret
// is a planted one, and all partners answer with what they were sent.
type secretive struct {
	*vault
	t        *testing.T
	dir      string
	database *postgrestest.Server
	name     string // of the database
	front    *front
	partners partners
	environ  []string
	api      *program
	worker   *program
	admin    string // a token
	reader   string // a token that may read all courses
	courses  int    // that were added
}

// partners are the addresses of those whom the deployment talks to, without
// credentials.
type partners struct {
	aplus, tokens, grader, stranger, graderThatWorks, git, gitInTrouble, registry, statuses, collector string

	password string // of git
}

// newPartners serves the repositories, and partners in trouble.
func (v *vault) newPartners(t *testing.T, public string, repos ...*gitrepotest.Repo) partners {
	t.Helper()
	p := partners{
		password: v.plant("git password"), aplus: v.echo(t, "A+", http.StatusInternalServerError).URL,
		tokens: v.echo(t, "token server", http.StatusForbidden).URL, grader: v.echo(t, "grader", http.StatusForbidden).URL,
		stranger: v.echo(t, "strange grader", http.StatusForbidden).URL, gitInTrouble: v.echo(t, "git host", http.StatusInternalServerError).URL,
		registry: v.echo(t, "registry", http.StatusForbidden).URL, statuses: v.echo(t, "commit statuses", http.StatusForbidden).URL,
		collector: v.echo(t, "collector", http.StatusForbidden).URL,
	}
	git := httptest.NewServer(http.StripPrefix("/org", gitrepotest.RequireAuth("reader", p.password, gitrepotest.Handler(t, repos...))))
	t.Cleanup(git.Close)
	p.git = git.URL
	block, _ := pem.Decode([]byte(public))
	key, err := x509.ParsePKCS1PublicKey(block.Bytes)
	must(t, err)
	working := coursetest.NewFakeGrader("grader")
	working.Trust("gitmanager", key)
	grader := httptest.NewServer(v.listen("grader that works", working))
	t.Cleanup(grader.Close)
	p.graderThatWorks = grader.URL
	return p
}

// withUser puts credentials into an address.
func withUser(address, user string) string { return strings.Replace(address, "://", "://"+user+"@", 1) }

func hostOfAddress(address string) string { return strings.TrimPrefix(address, "http://") }

func inJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return string(text)
}

// newSecretive starts the deployment. Its git host has the repositories.
func newSecretive(t *testing.T, repos ...*gitrepotest.Repo) *secretive {
	t.Helper()
	s := &secretive{vault: newVault(), t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			log := s.at("log")
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	auth := setKeys(t)
	private := auth.PrivateKey.Reveal()
	s.knowKey("private key", private, strings.Count(private, "\n")/2)
	s.partners = s.newPartners(t, auth.PublicKey, repos...)
	s.front = newFront(t, s.plant("Temporal API key"))
	clientKey, err := os.ReadFile(s.front.path("client.key"))
	must(t, err)
	s.knowKey("client key", string(clientKey), 2)
	s.database = postgrestest.Start(t)
	s.name = s.database.Database(t)
	config := newDeploymentSettings(t, s.dir)
	for _, more := range []map[string]string{s.settings(), {
		"PRIVATE_KEY": private, "PUBLIC_KEY": auth.PublicKey, "REMOTE_AUTHENTICATOR_KEY": auth.PublicKey,
		"SSH_KEY_PATH": s.sshKey(), "BUILD_REGISTRY_LOGINS": s.registryLogins(),
	}} {
		for name, value := range more {
			config.set(name, value)
		}
	}
	s.environ = config.environ("AWS_SECRET_ACCESS_KEY="+s.plant("environment of the service"),
		"OTEL_EXPORTER_OTLP_HEADERS=x-tenant=1,authorization=Bearer%20"+s.plant("header for the collector"))
	e := runProgram(t, s.environ, "migrate")
	s.saw("output of migrate", e.out+e.errOut)
	if e.status != 0 {
		t.Fatalf("migrate: %s", e.errOut)
	}
	s.api = startProgram(logged{t, s.vault}, s.environ, "api")
	s.worker = s.startWorker("docker")
	token, _, err := makeToken(t, "[]", "admin", "1h")
	must(t, err)
	s.admin = strings.TrimSpace(token)
	s.know("token of an administrator", s.admin)
	s.reader = s.tokenOfReader(auth.PublicKey, private)
	return s
}

// settings are those that hold secrets, and those that lead to partners.
func (s *secretive) settings() map[string]string {
	p := s.partners
	return map[string]string{
		"LOG_LEVEL": "debug", "DISABLE_LOGIN_CHECKS": "false", "DISABLE_JWT_SIGNING": "false",
		"DATABASE_URL":     s.database.Address(s.name, "password="+s.plant("database password")),
		"TEMPORAL_ADDRESS": s.front.address, "TEMPORAL_NAMESPACE": temporaldev.Namespace,
		"TEMPORAL_TLS_CA": s.front.path("ca.pem"), "TEMPORAL_TLS_SERVER_NAME": frontName,
		"TEMPORAL_TLS_CERT": s.front.path("client.pem"), "TEMPORAL_TLS_KEY": s.front.path("client.key"),
		"TEMPORAL_API_KEY": s.plant("Temporal API key"),
		"BUILDER":          "docker", "DEFAULT_IMAGE": dockertest.Image, "BUILD_MODULE_SETTINGS": `{"x": "` + s.plant("module settings") + `"}`,
		"GIT_OPTIONS":              inJSON(s.t, []string{"-c", "http." + p.gitInTrouble + "/.extraHeader=X-Key: " + s.plant("header for a git host")}),
		"COMMIT_STATUS":            inJSON(s.t, map[string]any{hostOfAddress(p.git): map[string]string{"kind": "gitea", "token": s.plant("token for commit statuses"), "api": p.statuses + "/api/v1"}}),
		"FRONTEND_URL":             withUser(p.aplus, "u:"+s.plant("password in A+ address")),
		"REMOTE_AUTHENTICATOR_UID": "aplus", "REMOTE_AUTHENTICATOR_URL": withUser(p.tokens+"/get-token/", "u:"+s.plant("password in token address")),
		"TRUSTING_REMOTES":   inJSON(s.t, map[string]string{hostOfAddress(p.aplus): "aplus", hostOfAddress(p.grader): "grader", hostOfAddress(p.graderThatWorks): "grader"}),
		"DEFAULT_GRADER_URL": withUser(p.grader+"/configure", "u:"+s.plant("password in grader address")), "REQUIRE_GRADERS": "true",
		"TRACES_ENDPOINT": withUser(p.collector, "u:"+s.plant("password in collector address")),
	}
}

// sshKey makes a key in the one form in which a whole line is private.
func (s *secretive) sshKey() string {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	der, err := x509.MarshalECPrivateKey(key)
	must(s.t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	s.knowKey("ssh key", string(text), 1)
	path := filepath.Join(s.dir, "ssh_key")
	must(s.t, os.WriteFile(path, text, 0o600))
	return path
}

// registryLogins makes a file with a login to the registry.
func (s *secretive) registryLogins() string {
	s.t.Helper()
	path := filepath.Join(s.dir, "logins.json")
	login := base64.StdEncoding.EncodeToString([]byte("reader:" + s.plant("registry password")))
	must(s.t, os.WriteFile(path, fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, hostOfAddress(s.partners.registry), login), 0o600))
	return path
}

// tokenOfReader is one that A+ gives to somebody who may read the courses.
func (s *secretive) tokenOfReader(public, private string) string {
	s.t.Helper()
	plus, err := aplusauth.New(aplusauth.Config{UID: "aplus", PrivateKey: private, PublicKey: public})
	must(s.t, err)
	var may []aplusauth.Permission
	for id := range int64(20) {
		may = append(may, aplusauth.ForInstance(aplusauth.Read, id+1))
	}
	token, err := plus.Sign(aplusauth.Claims{Subject: "user:reader", Audience: "gitmanager", Expires: time.Now().Add(time.Hour), Permissions: may})
	must(s.t, err)
	s.know("token of a reader", token)
	return token
}

// startWorker starts a worker with a builder, on a build folder of its own.
func (s *secretive) startWorker(builder string, more ...string) *program {
	s.t.Helper()
	return startProgram(logged{s.t, s.vault}, slices.Concat(s.environ, []string{
		"COURSEWRIGHT_BUILD_PATH=" + filepath.Join(s.dir, "build of "+builder), "COURSEWRIGHT_BUILDER=" + builder,
		"COURSEWRIGHT_COURSES_PATH=/dev/null/none", "COURSEWRIGHT_STATIC_ROOT=/dev/null/static",
	}, more), "worker")
}

// ask makes a request and keeps the answer.
func (s *secretive) ask(method, path, body string, header map[string]string) (status int, answer string) {
	s.t.Helper()
	status, answer, answered := s.send(method, s.api.base+path, body, header)
	who := map[string]string{"Bearer " + s.admin: "administrator: ", "Bearer " + s.reader: "reader: "}[header["Authorization"]]
	for _, c := range (&http.Response{Header: answered}).Cookies() {
		if c.Value != "" {
			s.know("cookie", c.Value)
		}
	}
	answered.Del("Set-Cookie")
	s.saw(who+method+" "+path, fmt.Sprint(status, answered, answer))
	return status, answer
}

// send makes a request.
func (s *secretive) send(method, address, body string, header map[string]string) (status int, answer string, answered http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	must(s.t, err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	must(s.t, err)
	defer res.Body.Close() //nolint:errcheck // only read
	var from io.Reader = res.Body
	if strings.HasSuffix(address, "/changes") {
		from = io.LimitReader(from, int64(len("retry: 1000"))) // it goes on for as long as the page is open
	}
	text, err := io.ReadAll(from)
	must(s.t, err)
	return res.StatusCode, string(text), res.Header
}

func (s *secretive) asAdmin(method, path, body string) (status int, answer string) {
	s.t.Helper()
	return s.ask(method, path, body, map[string]string{"Authorization": "Bearer " + s.admin, "Content-Type": "application/json"})
}

// get reads JSON as an administrator, and keeps nothing of it.
func (s *secretive) get(path string, into any) {
	s.t.Helper()
	status, text, _ := s.send(http.MethodGet, s.api.base+path, "", map[string]string{"Authorization": "Bearer " + s.admin})
	if err := json.Unmarshal([]byte(text), into); err != nil || status != http.StatusOK {
		s.t.Fatalf("%s: %d %s: %v", path, status, text, err)
	}
}

// addCourse adds a course by the API and gives it a webhook secret of its own.
func (s *secretive) addCourse(key, origin string) {
	s.t.Helper()
	s.courses++
	fields, err := json.Marshal(map[string]any{"key": key, "git_origin": origin, "git_branch": "main", "remote_id": s.courses})
	must(s.t, err)
	// The answer is the creator's own course, with its webhook secret.
	status, text, _ := s.send(http.MethodPost, s.api.base+"/api/v1/courses", string(fields), map[string]string{"Authorization": "Bearer " + s.admin, "Content-Type": "application/json"})
	if status != http.StatusCreated {
		s.t.Fatalf("add %s: %d %s", key, status, text)
	}
	s.database.Exec(s.name, fmt.Sprintf("update courses set webhook_secret = '%s' where key = '%s'", s.plant("webhook secret of "+key), key))
}

// push asks for a build by GitLab's hook.
func (s *secretive) push(key string) {
	s.t.Helper()
	status, text := s.ask(http.MethodPost, "/gitmanager/"+key+"/hook", `{"object_kind": "push", "ref": "refs/heads/main"}`, map[string]string{
		"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": s.plant("webhook secret of " + key), "Content-Type": "application/json", "Authorization": "Basic " + s.plant("header of a hook"),
	})
	if status != http.StatusOK {
		s.t.Fatalf("hook of %s: %d %s", key, status, text)
	}
}

// newest is the newest build of a course with its log.
func (s *secretive) newest(key string) (build buildJSON, log string) {
	s.t.Helper()
	var list struct{ Items []buildJSON }
	s.get("/api/v1/courses/"+key+"/builds", &list)
	if len(list.Items) == 0 {
		return build, ""
	}
	_, log, _ = s.send(http.MethodGet, fmt.Sprintf("%s/api/v1/courses/%s/builds/%d/log", s.api.base, key, list.Items[0].ID), "", map[string]string{"Authorization": "Bearer " + s.admin})
	return list.Items[0], log
}

// await waits until the newest build of a course has a status, if one is given, and
// its reason or log all texts, in whatever letters.
func (s *secretive) await(key, status string, texts ...string) buildJSON {
	s.t.Helper()
	var b buildJSON
	var log string
	for end := time.Now().Add(time.Minute); ; {
		b, log = s.newest(key)
		said := strings.ToLower(b.Reason + log)
		if (b.Status == status || status == "") && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(said, text) }) {
			return b
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s is %s, want %s and %q: %s\n%s", key, b.Status, status, texts, b.Reason, log)
		}
		must(s.t, waitShortly(s.t.Context()))
	}
}
