package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"coursewright/api"
	"coursewright/internal/course"
)

// TestEveryKeyRoutes asks gitmanager's addresses for keys that begin like, or
// equal, words of other routes. Of the keys that no course gets any more, a
// number goes on working, and so does "new" but for its settings page.
func TestEveryKeyRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { realPages(t, c) })
	for _, key := range []string{
		"a", "ap", "n", "ne", "api2", "apix", "g", "gitmanager2", "gitmanage", "static_", "static-1", "s", "stat", "new", "new2", "id", "hook", "publish",
		"aplus-json", "h", "healthy", "m", "metric", "readyz1", "assets_", "v1", "courses", "builds", "-", "_", "0", strings.Repeat("k", 50),
	} {
		made := f.addCourse(t, key)
		if old := key == "new" || key == "0"; (made.Validate() != nil) != old {
			t.Errorf("a course with the key %s: %v", key, made.Validate())
		}
		f.releases.stored = &course.Release{Key: key, Version: version("s"), Dir: "{}"}
		b, err := f.store.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerHook})
		must(t, err)
		for target, want := range map[string]string{
			"GET /" + key + "/aplus-json":                          "publish_url",
			"GET /" + key + "/publish/STORE/" + version("s"):       `"success":true`,
			"GET /" + key + "/publish/BUILD":                       `"success":false`,
			"GET /" + key + "/":                                    "/" + key + "/aplus-json",
			"POST /gitmanager/" + key + "/hook":                    "ok",
			"GET /gitmanager/" + key + "/build_log-json":           "PENDING",
			"GET /gitmanager/" + key + "/updates":                  "<h1>" + key + "</h1>",
			"GET /gitmanager/" + key + "/":                         `name="key" value="` + key + `"`,
			fmt.Sprintf("GET /gitmanager/%s/builds/%d", key, b.ID): `<a href="/gitmanager/` + key + `/updates">`,
			"POST /gitmanager/" + key + "/builds":                  "/gitmanager/" + key + "/builds/",
			"GET /api/v1/courses/" + key:                           `"key":"` + key + `"`,
			"GET /api/v1/courses/" + key + "/builds?limit=1":       `"items":[`,
		} {
			method, path, _ := strings.Cut(target, " ")
			w := f.send(t, method, path, "")
			if key == "new" && path == "/gitmanager/new/" {
				want = `name="key" value=""`
			}
			if body := w.Header().Get("Location") + " " + w.Body.String(); !strings.Contains(body, want) {
				t.Errorf("%s: %d %.300s", target, w.Code, body)
			}
		}
	}
}

func pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "page %s", r.URL.Path) })
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Pages = pages() })
	f.addCourse(t, "intro")
	for target, want := range map[string]int{
		"GET /":                               200,
		"DELETE /":                            405,
		"GET /intro":                          301,
		"DELETE /intro":                       301,
		"GET /unknown":                        301,
		"GET /gitmanager":                     301,
		"GET /gitmanager/new":                 301,
		"GET /api":                            404,
		"GET /api/":                           404,
		"GET /api/v1":                         404,
		"GET /login":                          200,
		"PUT /login":                          405,
		"GET /login/":                         404,
		"GET /static":                         404,
		"GET /a%2fb/aplus-json":               404,
		"GET /a%20b/aplus-json":               404,
		"GET /intro/aplus-json/":              404,
		"GET //intro/aplus-json":              404,
		"GET /intro//aplus-json":              404,
		"GET /gitmanager/gitmanager/updates":  404,
		"GET /api/v1/courses/intro/":          404,
		"PUT /gitmanager/intro/hook":          405,
		"PATCH /api/v1/courses":               405,
		"POST /api/v1/courses/intro/releases": 405,
		"GET /assets/style.css":               200,
		"POST /assets/style.css":              405,
		"GET /metrics":                        404,
		"HEAD /intro/aplus-json":              200,
		"GET /" + strings.Repeat("k", 51):     404,
	} {
		method, path, _ := strings.Cut(target, " ")
		if w := f.send(t, method, path, ""); w.Code != want {
			t.Errorf("%s: status %d, want %d", target, w.Code, want)
		}
	}
}

func TestBrowsersGetPagesForErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Pages = pages() })
	for target, want := range map[string]string{
		"GET /a/b/c":          "page /a/b/c",
		"GET /gitmanager/a b": "page /gitmanager/a b",
		"GET /api/v2":         `{"type":"urn:coursewright:problem:not-found"`,
		"POST /a/b/c":         "There is nothing at this address.",
	} {
		method, path, _ := strings.Cut(target, " ")
		w := f.send(t, method, strings.ReplaceAll(path, " ", "%20"), "", "Accept", "text/html,*/*")
		if !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	open := newFixture(t, func(c *api.Config) { c.Hosts = []string{"*"} })
	named := newFixture(t, func(c *api.Config) { c.Hosts = []string{"gm.example.org"} })
	public := newFixture(t, func(c *api.Config) {
		a, err := api.NewAddresses("https://courses.example.org:8443", nil)
		must(t, err)
		c.Addresses = a
	})
	tests := []struct {
		f      *fixture
		host   string
		status int
	}{
		{named, "localhost", 200},
		{named, "LOCALHOST:8080", 200},
		{named, "127.0.0.1:1", 200},
		{named, "[::1]:8080", 200},
		{named, "[::1]", 200},
		{named, "courses.localhost:80", 200},
		{named, "gm.example.org", 200},
		{named, "GM.example.org.:443", 200},
		{named, "evil.example.org", 421},
		{named, "127.0.0.1.example.org", 421},
		{named, "notlocalhost", 421},
		{named, "192.0.2.1", 421},
		{named, "", 421},
		{open, "anything.example.org", 200},
		{public, "courses.example.org", 200},
		{public, "gm.example.org", 421},
	}
	for _, tt := range tests {
		if w := tt.f.send(t, "GET", "/api/v1/courses", "", "Host", tt.host); w.Code != tt.status {
			t.Errorf("%q: status %d, want %d", tt.host, w.Code, tt.status)
		}
	}
	if w := named.send(t, "GET", "/healthz", "", "Host", "192.0.2.1"); w.Code != 200 {
		t.Errorf("a probe by address: status %d", w.Code)
	}
}

func TestBaseAddress(t *testing.T) {
	t.Parallel()
	of := func(public string, proxies ...string) *fixture {
		f := newFixture(t, func(c *api.Config) {
			a, err := api.NewAddresses(public, proxies)
			must(t, err)
			c.Addresses = a
		})
		f.addCourse(t, "intro")
		f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"url": "\ue0c0base\ue0c1/static/intro/a.html"}`}
		return f
	}
	tests := []struct {
		name    string
		f       *fixture
		headers []string
		want    string
	}{
		{"of the request", of(""), nil, "http://localhost:8080"},
		{"another host", of(""), []string{"Host", "127.0.0.1:9000"}, "http://127.0.0.1:9000"},
		{"setting", of("https://gm.example.org/"), nil, "https://gm.example.org"},
		{"unknown proxy", of(""), []string{"X-Forwarded-Proto", "https"}, "http://localhost:8080"},
		{"trusted proxy", of("", "192.0.2.0/24"), []string{"X-Forwarded-Proto", "https"}, "https://localhost:8080"},
		{"trusted address", of("", "192.0.2.1"), []string{"X-Forwarded-Proto", "https"}, "https://localhost:8080"},
	}
	for _, tt := range tests {
		for range 2 { // the second answer comes from the cache
			want := `{"url": "` + tt.want + `/static/intro/a.html", "build_log_url":"` + tt.want +
				`/gitmanager/intro/build_log-json","errors":[],"publish_url":"` + tt.want + `/intro/publish/STORE/` + version("s") + `"}`
			if diff := cmp.Diff(want, tt.f.send(t, "GET", "/intro/aplus-json", "", tt.headers...).Body.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
	if _, err := api.NewAddresses("", []string{"a proxy"}); err == nil {
		t.Error("a proxy that is no address was accepted")
	}
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "203.0.113.5:1", nil, "203.0.113.5"},
		{"forged", "203.0.113.5:1", []string{"198.51.100.1"}, "203.0.113.5"},
		{"through a proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"forged through a proxy", "10.0.0.1:1", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		{"through two proxies", "10.0.0.1:1", []string{"1.2.3.4", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"nonsense", "10.0.0.1:1", []string{"198.51.100.1, <b>"}, "10.0.0.1"},
		{"nothing", "10.0.0.1:1", nil, "10.0.0.1"},
		{"mapped", "[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"no port", "pipe", []string{"198.51.100.1"}, "pipe"},
	}
	a, err := api.NewAddresses("", []string{"10.0.0.0/8"})
	must(t, err)
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
		if got := a.ClientIP(r); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDocumentSources(t *testing.T) {
	t.Parallel()
	stored := &course.Release{Key: "intro", Version: version("s"), Dir: `{"name": "new"}`}
	live := &course.Release{Key: "intro", Version: version("p"), Dir: `{}`}
	unreadable := &course.Release{Key: "intro", Version: version("x")}
	tests := []struct {
		name              string
		stored, published *course.Release
		err               error
		want              []string // parts of the answer
	}{
		{"stored", stored, live, nil, []string{`"name": "new"`, "/publish/STORE/sss", `"errors":[]`}},
		{"published", nil, live, nil, []string{`{"build_log_url"`, "/publish/PUBLISH/ppp", `"errors":[]`}},
		{"stored is unreadable", unreadable, live, nil, []string{"/publish/PUBLISH/ppp", `"errors":["The stored version`}},
		{"stored is no object", &course.Release{Key: "intro", Version: version("y"), Dir: "[]"}, live, nil, []string{"/publish/PUBLISH/ppp"}},
		{"nothing", nil, nil, nil, []string{`"success":false`, "has no version yet"}},
		{"both are unreadable", unreadable, unreadable, nil, []string{`"success":false`, "The stored version", "The published version"}},
		{"disk is broken", stored, live, errUnreadable, []string{`"success":false`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.addCourse(t, "intro")
			f.releases.stored, f.releases.published, f.releases.err = tt.stored, tt.published, tt.err
			w := f.send(t, "GET", "/intro/aplus-json", "")
			if w.Code != 200 || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
				t.Errorf("status %d, length %q", w.Code, w.Header().Get("Content-Length"))
			}
			for _, part := range tt.want {
				if !strings.Contains(w.Body.String(), part) {
					t.Errorf("%q is missing in %s", part, w.Body)
				}
			}
			if strings.Contains(w.Body.String(), "/secret/path") {
				t.Errorf("the answer shows a server path: %s", w.Body)
			}
		})
	}
}

func TestPublishAnswers(t *testing.T) {
	t.Parallel()
	target := "/intro/publish/PUBLISH/" + version("p")
	tests := []struct {
		name   string
		err    error
		result course.PublishResult
		want   string
	}{
		{"fine", nil, course.PublishResult{}, `{"errors":[],"success":true}`},
		{"graders complain", nil, course.PublishResult{Errors: []string{"g: down"}}, `{"errors":["g: down"],"success":true}`},
		{"a newer one is live", fmt.Errorf("a newer release is published: %w", course.ErrConflict), course.PublishResult{}, `{"errors":"a newer release is published","success":false}`},
		{"the authors' fault", course.Authorf("the course has no remote id"), course.PublishResult{}, `{"errors":"the course has no remote id","success":false}`},
		{"gone", course.ErrNotFound, course.PublishResult{}, `Import the course again.","success":false}`},
		{"broken", errUnreadable, course.PublishResult{}, `could not be published now`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.addCourse(t, "intro")
			f.releases.published = &course.Release{Key: "intro", Version: version("p"), Dir: "{}"}
			f.builds.err, f.builds.result = tt.err, tt.result
			w := f.send(t, "GET", target, "")
			if w.Code != 200 || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "/secret/path") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestOutline(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	f.releases.published = &course.Release{Key: "intro", Version: version("p")}
	f.releases.compiled = `{"name": {"en": "Intro"}, "exercises": [{"key": "ex", "title": "Ex"}, {"key": "e2", "title": null}]}`
	ajax := []string{"X-Requested-With", "XMLHttpRequest"}
	if got := f.send(t, "GET", "/", "", ajax...).Body.String(); !strings.Contains(got, `{"key":"intro","name":{"en":"Intro"}}`) {
		t.Errorf("index %s", got)
	}
	want := `{"course_name":{"en":"Intro"},"exercises":[{"key":"ex","title":"Ex"},{"key":"e2","title":null}],"ready":true}`
	if diff := cmp.Diff(want, strings.TrimSpace(f.send(t, "GET", "/intro/", "", ajax...).Body.String())); diff != "" {
		t.Errorf("course (-want +got):\n%s", diff)
	}
}

func TestTroubleStaysInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) {
		c.Ready = func(context.Context) (string, error) { return "", errUnreadable }
		c.Pages = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret cause") })
	})
	f.addCourse(t, "intro")
	f.builds.err = errUnreadable
	f.releases.err = errUnreadable
	b := f.endedBuild(t, "intro", course.StatusRunning, "")
	for target, want := range map[string]int{
		"GET /readyz":                                503,
		"GET /gitmanager/":                           500,
		"GET /api/v1/courses/intro/releases":         500,
		"DELETE /api/v1/courses/intro?confirm=intro": 500,
		fmt.Sprintf("POST /api/v1/courses/intro/builds/%d/cancel", b.ID): 500,
		"GET /api/v1/courses/intro":                                      200, // releases that cannot be read do not hide the course
	} {
		method, path, _ := strings.Cut(target, " ")
		w := f.send(t, method, path, "")
		if w.Code != want || strings.Contains(w.Body.String(), "secret") && want != 200 {
			t.Errorf("%s: status %d, want %d: %s", target, w.Code, want, w.Body)
		}
	}
	for _, cause := range []string{"secret cause", "/secret/path"} {
		if !strings.Contains(f.log.String(), cause) {
			t.Errorf("the log lacks %q", cause)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	f := newFixture(t, func(c *api.Config) {
		c.Registry, c.Metrics = reg, promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	})
	f.addCourse(t, "intro")
	f.send(t, "GET", "/api/v1/courses/intro", "")
	f.send(t, "BREW", "/pot", "")
	got := f.send(t, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`coursewright_http_request_duration_seconds_count{method="GET",route="/api/v1/courses/:key",status="200"} 1`,
		`coursewright_http_request_duration_seconds_count{method="other",route="none",status="405"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
}

// keys is an Authorizer of tests: the name in the header X-Caller may do what
// its grants say.
type keys map[string]grants

type grants map[api.Access]bool

func (g grants) May(a api.Access, _ *int64, byDefault bool) bool { return g[a] || byDefault }

func (k keys) Caller(r *http.Request) (api.Caller, error) {
	name := r.Header.Get("X-Caller")
	if name == "" {
		return api.Caller{}, nil
	}
	g, ok := k[name]
	if !ok {
		return api.Caller{}, &api.AuthError{Text: "Invalid token"}
	}
	return api.Caller{ID: name, Grants: g}, nil
}

func TestRights(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) {
		c.Auth = keys{"reader": {api.Read: true}, "writer": {api.Read: true, api.Write: true}, "nobody": {}}
	})
	f.addCourse(t, "intro")
	tests := []struct {
		caller, target string
		status         int
		text           string
	}{
		{"", "GET /api/v1/courses", 401, "Authorization: Bearer"},
		{"forger", "GET /api/v1/courses", 401, "Invalid token"},
		{"nobody", "GET /api/v1/courses", 200, `"items":[]`},
		{"reader", "GET /api/v1/courses", 200, `"key":"intro"`},
		{"nobody", "GET /api/v1/courses/intro", 403, "No access to course intro"},
		{"reader", "GET /api/v1/courses/intro", 200, `"created_at"`},
		{"writer", "GET /api/v1/courses/intro", 200, `"webhook_secret":"s3cret-for-tests-intro"`},
		{"reader", "POST /api/v1/courses/intro/builds", 403, "No access"},
		{"reader", "POST /api/v1/courses/intro/webhook-secret", 403, "No access"},
		{"reader", "DELETE /api/v1/courses/intro?confirm=intro", 403, "No access"},
		{"reader", "PATCH /api/v1/courses/intro", 403, "No access"},
		{"", "GET /intro/aplus-json", 302, "/login?referer=%2Fintro%2Faplus-json"},
		{"forger", "GET /intro/aplus-json", 401, "Invalid token"},
		{"forger", "GET /nothing/at/all", 401, "Invalid token"},
		{"nobody", "GET /intro/aplus-json", 200, "no version yet"}, // A+ does not know the course: open by default
		{"", "POST /gitmanager/intro/hook", 400, "Unknown git service"},
		{"reader", "POST /gitmanager/intro/hook", 403, "No access to course intro"},
		{"writer", "POST /gitmanager/intro/hook", 200, "ok"},
		{"", "GET /healthz", 200, "ok"},
	}
	for _, tt := range tests {
		method, path, _ := strings.Cut(tt.target, " ")
		w := f.send(t, method, path, "", "X-Caller", tt.caller)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.text) {
			t.Errorf("%s as %q: status %d, want %d with %q: %s", tt.target, tt.caller, w.Code, tt.status, tt.text, w.Body)
		}
		if tt.caller != "writer" && strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s as %q shows the secret", tt.target, tt.caller)
		}
	}
}

func TestNoTwoRegistrations(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	newFixture(t, func(c *api.Config) { c.Registry = reg })
	a, err := api.NewAddresses("", nil)
	must(t, err)
	var already prometheus.AlreadyRegisteredError
	if _, err := api.New(api.Config{Registry: reg, Addresses: a}); !errors.As(err, &already) {
		t.Errorf("a second API on one registry gave %v", err)
	}
}
