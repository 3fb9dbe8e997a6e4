package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
	"coursewright/internal/web"
)

// tokens is an Authorizer that reads A+'s tokens.
type tokens struct{ service *aplusauth.Service }

func (a tokens) Caller(r *http.Request) (api.Caller, error) {
	id, err := a.service.Verify(r)
	var refused *aplusauth.TokenError
	if errors.As(err, &refused) {
		return api.Caller{}, &api.AuthError{Text: refused.Text, Cookie: refused.FromCookie, Account: refused.Account}
	}
	return api.Caller{ID: id.Subject, Issuer: id.Issuer, Open: id.Open, Grants: tokenGrants{id}}, err
}

type tokenGrants struct{ id aplusauth.Identity }

func (g tokenGrants) May(a api.Access, remoteID *int64, byDefault bool) bool {
	return g.id.May(map[api.Access]aplusauth.Access{api.Read: aplusauth.Read, api.Write: aplusauth.Write}[a], remoteID, byDefault)
}

// withTokens starts an API with its pages and the courses of the vectors.
func withTokens(t *testing.T, service *aplusauth.Service) *fixture {
	t.Helper()
	f := newFixture(t, func(c *api.Config) {
		c.Auth, c.Audit = tokens{service}, c.Courses.(api.AuditStore)
		c.FrontendURL = "https://plus.example.org/"
		hosts, ok := c.Courses.(api.BuildHosts)
		if !ok {
			t.Fatalf("%T keeps no build hosts", c.Courses)
		}
		c.BuildHosts = hosts
		sweeps, ok := c.Courses.(api.Sweeps)
		if !ok {
			t.Fatalf("%T knows no sweeper", c.Courses)
		}
		c.Sweeps, c.Origins, c.DeployKey = sweeps, origins{}, testDeployKey
		c.Metrics = http.NotFoundHandler()
		realPages(t, c)
	})
	for key, id := range map[string]int64{"c5": 5, "c6": 6, "noid": 0} {
		c := f.addCourse(t, key)
		if id != 0 {
			c.RemoteID = &id
			_, err := f.store.UpdateCourse(t.Context(), c)
			must(t, err)
		}
	}
	f.endedBuild(t, "c5", course.StatusSuccess, "built\n")
	_, err := f.store.ReportHost(t.Context(), course.HostReport{ID: "a", Name: "builder-1", Slots: 2})
	must(t, err)
	f.releases.stored = &course.Release{Key: "c5", Version: version("s"), Dir: "{}"}
	return f
}

// realPages gives an API its pages.
func realPages(t *testing.T, c *api.Config) {
	t.Helper()
	rows, ok := c.Rows.(web.BuildRows)
	if !ok {
		t.Fatalf("%T does not serve the pages", c.Rows)
	}
	ended := make(chan struct{}) // so that live pages end at once
	close(ended)
	cfg := web.Config{
		Log: c.Log, Courses: c.Courses, Rows: rows, Builds: c.Builds, Releases: c.Releases, BaseURL: c.Addresses.Base,
		May: api.PageAccess, Audit: api.Audit, Diffs: c.Diffs, Closing: ended,
	}
	if c.BuildHosts != nil {
		cfg.Hosts = c.BuildHosts
	}
	pages, err := web.New(cfg)
	must(t, err)
	c.Pages = pages
}

type keyTexts struct{ private, public string }

func newKeyTexts(t *testing.T) keyTexts {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return keyTexts{
		string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)})),
	}
}

// signers are the service and A+, whom it trusts. The same key plays both.
func signers(t *testing.T) (service, plus *aplusauth.Service) {
	t.Helper()
	k := newKeyTexts(t)
	service, err := aplusauth.New(aplusauth.Config{
		UID: "gitmanager", PrivateKey: k.private, PublicKey: k.public,
		RemoteAuthenticatorUID: "aplus", RemoteAuthenticatorKey: k.public,
	})
	must(t, err)
	plus, err = aplusauth.New(aplusauth.Config{UID: "aplus", PrivateKey: k.private, PublicKey: k.public})
	must(t, err)
	return service, plus
}

// accessRequests are the addresses of gitmanager and those of Coursewright.
func accessRequests() []string {
	return []string{
		"GET /api/gitmanager/c5/", "GET /api/gitmanager/id/5", "GET /api/gitmanager/c6/", "GET /api/gitmanager/noid/",
		"PUT /api/gitmanager/c5/ key=c5&git_branch=dev&remote_id=5", "PUT /api/gitmanager/id/5 key=c5&git_branch=dev&remote_id=5",
		"PUT /api/gitmanager/id/5 key=c5&git_branch=dev&remote_id=8", "PUT /api/gitmanager/c6/ key=c6&git_branch=dev&remote_id=5",
		"PUT /api/gitmanager/noid/ key=noid&git_branch=dev", "PUT /api/gitmanager/noid/ key=noid&git_branch=dev&remote_id=9",
		"POST /api/gitmanager/made/ key=made&git_branch=dev&remote_id=9", "POST /api/gitmanager/id/9 key=made&git_branch=dev&remote_id=9",
		"POST /api/gitmanager/made/ key=made&git_branch=dev&remote_id=8", "POST /api/gitmanager/made/ key=made&git_branch=dev",
		"GET /", "GET /c5/", "GET /noid/",
		"GET /c5/aplus-json", "GET /noid/aplus-json",
		"GET /c5/publish/STORE/" + version("s"), "GET /noid/publish/STORE/" + version("s"),
		"GET /model/c5/exercise/file.py", "GET /exercise_template/c5/exercise/file.py", "GET /protected/c5/file.html",
		"GET /static/c5/file.html", "GET /assets/style.css", "GET /healthz",
		"GET /login", "POST /login", "OPTIONS /login",
		"GET /gitmanager/", "GET /gitmanager/new/", "POST /gitmanager/new/ key=made&git_branch=main", "POST /gitmanager/new/ key=made6&git_branch=main&remote_id=7",
		"GET /gitmanager/c5/", "GET /gitmanager/noid/", "POST /gitmanager/c5/ key=c5&git_branch=main&remote_id=5", "POST /gitmanager/c5/ key=c5&git_branch=main&remote_id=8",
		"POST /gitmanager/noid/ key=noid&git_branch=main",
		"GET /gitmanager/c5/updates", "GET /gitmanager/noid/updates", "GET /gitmanager/c5/builds/1", "GET /gitmanager/c5/builds/1/lines?q=x", "GET /gitmanager/c5/webhook", "GET /gitmanager/c5/changes", "POST /gitmanager/new/origin git_origin=x", "POST /gitmanager/new/origin key=c5&git_origin=x",
		"POST /gitmanager/c5/builds", "POST /gitmanager/c5/webhook-secret", "POST /gitmanager/c5/delete",
		"POST /gitmanager/c5/hook", "POST /gitmanager/noid/hook", "GET /gitmanager/c5/hook",
		"GET /gitmanager/c5/badge.svg", "GET /gitmanager/none/badge.svg", "GET /gitmanager/c5/build_log-json", "GET /gitmanager/noid/build_log-json",
		"GET /robots.txt",
		"GET /api/v1/courses", `POST /api/v1/courses {"key": "made7", "git_branch": "main"}`, "GET /api/v1/courses/c5", "GET /api/v1/courses/noid",
		`PATCH /api/v1/courses/c5 {"git_branch": "main"}`, "POST /api/v1/courses/c5/webhook-secret",
		"GET /api/v1/courses/c5/builds", "POST /api/v1/courses/c5/builds", "GET /api/v1/courses/c5/builds/1/log",
		"PUT /api/v1/courses/noid " + `{"key": "noid", "git_branch": "main"}`, "DELETE /api/v1/courses/noid",
		"GET /api/v1/courses/c5/builds/1", "GET /api/v1/courses/c5/builds/1/events", "POST /api/v1/courses/c5/builds/1/cancel",
		"GET /api/v1/courses/c5/deliveries", "POST /api/v1/courses/c5/deliveries/1/redeliver",
		"GET /api/v1/courses/c5/releases", "POST /api/v1/courses/c5/releases/" + version("s") + "/publish",
		"GET /api/v1/courses/c5/releases/" + version("s") + "/diff", "POST /api/v1/courses/c5/releases/" + version("s") + "/approve",
		"GET /api/v1/courses/c5/previews", "GET /api/v1/courses/noid/previews",
		"GET /preview/c5/" + version("s"), "GET /preview/c5/" + version("s") + "/", "GET /preview/c5/" + version("s") + "/aplus-json",
		"GET /preview/noid/" + version("s") + "/aplus-json", "GET /preview/c6/" + version("s") + "/aplus-json",
		"GET /preview/c5/" + version("s") + "/static/index.html", "GET /preview/c5/" + version("s") + "/model/exercise/file.py",
		"GET /preview/c5/" + version("s") + "/exercise_template/exercise/file.py",
		"GET /gitmanager/c5/releases/" + version("s") + "/diff", "POST /gitmanager/c5/releases/" + version("s") + "/approve",
		"GET /api/v1/audit", "GET /readyz", "GET /metrics",
		"POST /", "POST /gitmanager/", "POST /gitmanager/c5/updates", "GET /c5", "POST /c5/", "GET /c5/publish/STORE", "GET /model/c5/exercise", "GET /exercise_template/c5/exercise",
		"OPTIONS /static/c5/file.html", "GET /gitmanager", "GET /gitmanager/new", "GET /gitmanager/c5",
		"POST /gitmanager/c5/builds/1/cancel", "POST /gitmanager/c5/releases/" + version("s") + "/publish", "POST /gitmanager/c5/deliveries/1/redeliver",
		"GET /api/v1/hosts", "GET /api/v1/hosts/a", "POST /api/v1/hosts/a/drain", "POST /api/v1/hosts/a/resume",
		"GET /admin/hosts", "GET /admin/sweeper", "POST /admin/hosts/a/drain", "POST /admin/hosts/a/resume", "DELETE /api/v1/hosts/a", "POST /admin/hosts/a/forget",
		"GET /api/v1/schema/index", "GET /api/v1/schema/exercise", "GET /api/v1/schema/nosuch",
		"GET /api/v1/whoami", "GET /api/v1/builds", "GET /api/v1/fleet", "GET /api/v1/reconciler", "GET /api/v1/openapi.json", "GET /api/v1/openapi.yaml", "GET /api/v1/docs",
		"POST /api/v1/courses/c5/builds/1/retry", "GET /api/v1/courses/c5/deliveries/1", "GET /api/v1/courses/c5/releases/" + version("s"), "GET /api/v1/courses/c5/deploy-key",
		`POST /api/v1/origins/check {"git_origin": "https://git.example.org/a.git"}`, `POST /api/v1/origins/check {"git_origin": "https://git.example.org/a.git", "course": "c5"}`,
		`POST /api/v1/origins/check {"git_origin": "https://git.example.org/a.git", "remote_id": 5}`, `POST /api/v1/origins/check {"git_origin": "https://git.example.org/a.git", "course": "c6"}`,
		"GET /nothing/at/all",
	}
}

// TestAccess asks every address as everybody; the statuses are in a file to
// read.
func TestAccess(t *testing.T) {
	t.Parallel()
	service, plus := signers(t)
	sign := func(by *aplusauth.Service, expires time.Time, p ...aplusauth.Permission) string {
		token, err := by.Sign(aplusauth.Claims{Subject: "user:jdoe", Audience: "gitmanager", Expires: expires, Permissions: p})
		must(t, err)
		return token
	}
	read, write := aplusauth.ForInstance(aplusauth.Read, 5), aplusauth.ForInstance(aplusauth.Write, 5)
	writeNew := aplusauth.ForInstance(aplusauth.Write, 9) // which no course has
	var never time.Time
	past := time.Unix(1600000000, 0)
	callers := []struct{ name, header, value string }{
		{"no token", "X-Nothing", ""},
		{"no rights", "Authorization", "Bearer " + sign(plus, never)},
		{"read", "Authorization", "Bearer " + sign(plus, never, read)},
		{"write", "Authorization", "Bearer " + sign(plus, never, write, writeNew)},
		{"both", "Authorization", "Bearer " + sign(plus, never, read, write, writeNew)},
		{"cookie", "Cookie", "AuthToken=" + sign(plus, never, read, write, writeNew)},
		{"master", "Authorization", "Bearer " + sign(service, never)},
		{"expired", "Authorization", "Bearer " + sign(plus, past, read, write)},
		{"old cookie", "Cookie", "AuthToken=" + sign(plus, past, read, write)},
	}
	requests := accessRequests()
	asked := map[string]bool{}
	lines := make([]string, len(requests)+1)
	lines[0] = fmt.Sprintf("%-80s", "course c5 has id 5, c6 has 6, noid has none; who may write, may write 9 too")
	for i, target := range requests {
		lines[i+1] = fmt.Sprintf("%-80s", target)
	}
	for _, caller := range callers {
		f := withTokens(t, service)
		before := f.courses(t)
		lines[0] += fmt.Sprintf("  %-11s", caller.name)
		for i, target := range requests {
			method, path, _ := strings.Cut(target, " ")
			path, body, _ := strings.Cut(path, " ")
			headers := []string{caller.header, caller.value, "If-Match", "*"}
			settings := strings.HasPrefix(path, "/api/gitmanager/")
			if strings.HasPrefix(body, "key=") {
				headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
			}
			w := f.send(t, method, path, body, headers...)
			asked[method+" "+f.routeOf(t, method, path)] = true
			outcome := fmt.Sprint(w.Code)
			if settings && w.Code == http.StatusOK { // as is everything that A+ has to understand
				done := !strings.Contains(w.Body.String(), `"error"`)
				outcome += map[bool]string{true: " done", false: " refused"}[done]
				if done && method != http.MethodGet {
					f.restore(t, before) // what one changes is nothing to the next
				}
			}
			lines[i+1] += fmt.Sprintf("  %-11s", outcome)
		}
	}
	checkAllAsked(t, withTokens(t, service), asked)
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ") + "\n"
	}
	compareFile(t, filepath.Join("testdata", "access.txt"), strings.Join(lines, ""))
}

// courses are all rows of courses.
func (f *fixture) courses(t *testing.T) []course.Course {
	t.Helper()
	list, err := f.store.ListCourses(t.Context(), course.Page{Limit: 99})
	must(t, err)
	return list
}

// restore gives the courses the settings that they had, and removes new ones.
func (f *fixture) restore(t *testing.T, before []course.Course) {
	t.Helper()
	for _, now := range f.courses(t) {
		i := slices.IndexFunc(before, func(c course.Course) bool { return c.ID == now.ID })
		if i < 0 {
			must(t, f.store.DeleteCourse(t.Context(), now.Key))
			continue
		}
		was := before[i]
		was.Revision = now.Revision
		_, err := f.store.UpdateCourse(t.Context(), was)
		must(t, err)
	}
}

// checkAllAsked walks the router: every route must have been asked for, by the
// method that it takes or, if it takes any, by one of them. HEAD is GET's twin.
func checkAllAsked(t *testing.T, f *fixture, asked map[string]bool) {
	t.Helper()
	methods := map[string][]string{}
	for _, r := range f.routes(t) {
		methods[r.Path] = append(methods[r.Path], r.Method)
	}
	for route, list := range methods {
		one := slices.ContainsFunc(list, func(m string) bool { return asked[m+" "+route] })
		for _, method := range list {
			if !asked[method+" "+route] && method != http.MethodHead && (!one || len(list) < 7) {
				t.Errorf("the matrix lacks %s %s", method, route)
			}
		}
	}
}

// compareFile compares a text with a golden file.
func compareFile(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got), write it again with -update:\n%s", file, diff)
	}
}

// TestVectorsOfTokens sends the tokens of the vectors, and compares the answers
// with the reference's.
func TestVectorsOfTokens(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "internal", "aplusauth", "testdata", "auth-vectors")
	key := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, "TEST-ONLY-"+name+".public.pem"))
		must(t, err)
		return string(text)
	}
	service, err := aplusauth.New(aplusauth.Config{
		UID: "gitmanager", PublicKey: key("gitmanager"), DisableJWTSigning: true,
		RemoteAuthenticatorUID: "aplus", RemoteAuthenticatorKey: key("aplus"),
		UIDToKey: map[string]string{"radar": key("radar"), "outsider": key("outsider")}, TrustedUIDs: []string{"radar", "aplus"},
	})
	must(t, err)
	f := withTokens(t, service)
	text, err := os.ReadFile(filepath.Join(folder, "incoming-tokens.json"))
	must(t, err)
	var vectors struct {
		Vectors []struct {
			Name      string `json:"name"`
			Token     string `json:"token"`
			Required  string `json:"required_of_new_implementation"`
			Reference struct {
				Login struct {
					Status int    `json:"status"`
					Body   string `json:"body"`
				} `json:"post_login"`
				Requests map[string]any `json:"requests"`
			} `json:"reference_result"`
		} `json:"vectors"`
	}
	must(t, json.Unmarshal(text, &vectors))
	for _, v := range vectors.Vectors {
		want, login := v.Reference.Requests, v.Reference.Login
		if strings.HasPrefix(v.Required, "reject: 401") {
			login.Status, login.Body = http.StatusUnauthorized, "Invalid token"
			want = map[string]any{"GET /gitmanager/c5/": 401.0, "POST /gitmanager/c5/hook": 401.0, "GET /api/gitmanager/c5/": 401.0}
		}
		w := f.send(t, "POST", "/login", "", "Authorization", "Bearer "+v.Token)
		if w.Code != login.Status || w.Body.String() != login.Body {
			t.Errorf("%s: login gives %d %q, want %d %q", v.Name, w.Code, w.Body, login.Status, login.Body)
		}
		for target, status := range want {
			method, path, _ := strings.Cut(target, " ")
			w := f.send(t, method, path, "", "Authorization", "Bearer "+v.Token)
			if got := answerKind(w); got != status {
				t.Errorf("%s: %s gives %v, want %v: %s", v.Name, target, got, status, w.Body)
			}
		}
	}
}

// answerKind gives a status, or what the settings API said, in the words of the
// vectors.
func answerKind(w *httptest.ResponseRecorder) any {
	body := w.Body.String()
	switch {
	case w.Code == http.StatusOK && strings.Contains(body, "No access to instance"):
		return "denied"
	case w.Code == http.StatusOK && strings.Contains(body, `"webhook_secret"`):
		return "granted, with webhook_secret"
	case w.Code == http.StatusOK && strings.Contains(body, `"git_hook"`):
		return "granted, without webhook_secret"
	}
	return float64(w.Code)
}
