package api_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/nginxtest"
	"coursewright/internal/release"
)

// behindNginx is the API behind a real nginx with the shipped configuration.
type behindNginx struct {
	fixture         *fixture
	depot           *release.Depot
	source          string
	static, courses string
	base            string // where nginx listens
	service         string // host and port of the service behind it
	client          http.Client
}

// startNginx serves two published courses: all of "open" is public, of
// "closed" only the folder "free" and Sphinx's own.
func startNginx(t *testing.T) *behindNginx {
	t.Helper()
	program := gitrepotest.Need(t, "nginx")
	dir := t.TempDir()
	// Clients come from an address that is no trusted proxy's.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	b := &behindNginx{
		source: filepath.Join(dir, "source"), static: filepath.Join(dir, "static"), courses: filepath.Join(dir, "courses"),
		client: http.Client{
			Timeout:       20 * time.Second,
			Transport:     &http.Transport{DialContext: dialer.DialContext},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	var err error
	b.depot, err = release.Open(release.Config{StorePath: filepath.Join(dir, "store"), PublishPath: b.courses, StaticRoot: b.static})
	must(t, err)
	for name, body := range map[string]string{
		"html/page.html": "<p>one", "html/app.mjs": "export {}", "html/sub/index.html": "<p>sub", "html/sub dir/ä?%.html": "<p>odd",
		"html/_static/style.css": "p{}", "html/free/page.html": "<p>free", "index.yaml": "name: Intro",
	} {
		at := filepath.Join(b.source, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(at), 0o750))
		must(t, os.WriteFile(at, []byte(body), 0o600))
	}
	must(t, os.Symlink("../page.html", filepath.Join(b.source, "html", "sub", "link.html")))
	b.publish(t, "open", 1)
	b.publish(t, "closed", 2)
	b.fixture = newFixture(t, func(c *api.Config) {
		c.Auth = keys{"reader": {api.Read: true}, "writer": {api.Read: true, api.Write: true}}
		c.Releases, c.StaticRoot, c.CoursesPath, c.UseXSendfile = b.depot, b.static, b.courses, true
		c.Hosts = []string{"*"}
		c.Addresses, err = api.NewAddresses("", []string{"127.0.0.1"})
		must(t, err)
	})
	b.fixture.addCourse(t, "open")
	b.fixture.addCourse(t, "closed")
	service := httptest.NewServer(withLogin(b.fixture.handler))
	t.Cleanup(service.Close)
	b.service = service.Listener.Addr().String()
	b.base = "http://" + runNginx(t, program, map[string]string{
		"127.0.0.1:8070":             service.Listener.Addr().String(),
		"/srv/coursewright/static/":  b.static + "/",
		"/srv/coursewright/courses/": b.courses + "/",
	})
	return b
}

// withLogin answers /login with headers of its own, for whoever asks.
func withLogin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			h.ServeHTTP(w, r)
			return
		}
		for _, name := range []string{"Origin", "Credentials", "Headers", "Methods"} {
			w.Header().Set("Access-Control-Allow-"+name, "of the service")
		}
	})
}

// publish makes the source the published release of a course.
func (b *behindNginx) publish(t *testing.T, key string, build int64) {
	t.Helper()
	version := fmt.Sprintf("%0*d", course.VersionLength, build)
	r := release.StageRequest{
		Key: key, Version: version, BuildID: build, SourceDir: b.source, StaticDir: "html", Files: []string{"index.yaml"},
		Docs: map[string][]byte{"lms.json": []byte("{}")},
	}
	if key == "open" {
		r.RemoteID = new(int64(7))
	} else {
		r.HasUnprotected, r.UnprotectedPaths = true, []string{"free"}
	}
	_, err := b.depot.Stage(t.Context(), r)
	must(t, err)
	must(t, b.depot.Commit(t.Context(), key, version))
	_, err = b.depot.Publish(t.Context(), course.PublishRequest{Key: key, Version: version})
	must(t, err)
}

// runNginx starts nginx with the shipped configuration, in which texts are
// replaced, and gives its address.
func runNginx(t *testing.T, program string, replace map[string]string) string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join("..", "deploy", "nginx", "coursewright.conf"))
	must(t, err)
	conf := string(shipped)
	replace["listen 80;"] = "listen " + nginxtest.Listen + ";"
	for from, to := range replace {
		if !strings.Contains(conf, from) {
			t.Fatalf("the shipped configuration has no %q", from)
		}
		conf = strings.ReplaceAll(conf, from, to)
	}
	return nginxtest.Start(t, program, conf)
}

// ask sends a request through nginx. Headers are pairs.
func (b *behindNginx) ask(t *testing.T, method, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.base+target, strings.NewReader(body))
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := b.client.Do(r)
	must(t, err)
	text, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	return res, string(text)
}

// refused stands for the statuses by which a caller without a token is turned away.
const refused = -1

func TestNginxFiles(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	html, css, module := "text/html; charset=utf-8", "text/css; charset=utf-8", "text/javascript; charset=utf-8"
	tests := []struct {
		name, caller, target string
		status               int
		body, kind           string
	}{
		{"public", "", "/static/open/page.html", 200, "<p>one", html},
		{"public by remote id", "", "/static/7/page.html", 200, "<p>one", html},
		{"public module", "", "/static/open/app.mjs", 200, "export {}", module},
		{"public odd name", "", "/static/open/sub%20dir/%C3%A4%3F%25.html", 200, "<p>odd", html},
		{"public through a link", "", "/static/open/sub/link.html", 200, "<p>one", html},
		{"public index", "", "/static/open/sub", 200, "<p>sub", html},
		{"public index with slash", "", "/static/open/sub/", 200, "<p>sub", html},
		{"missing, unknown caller", "", "/static/open/none.html", refused, "", ""},
		{"missing", "reader", "/static/open/none.html", 404, "", ""},
		{"no course", "reader", "/static/nothing/page.html", 404, "", ""},
		{"not static", "reader", "/static/open/../index.yaml", 404, "", ""},
		{"not static, encoded", "reader", "/static/open/%2e%2e/%2e%2e/courses/open/index.yaml", 404, "", ""},
		{"another owner's", "reader", "/static/leak", 404, "", ""},
		{"unprotected", "", "/static/closed/free/page.html", 200, "<p>free", html},
		{"styles are public", "", "/static/closed/_static/style.css", 200, "p{}", css},
		{"protected, unknown caller", "", "/static/closed/page.html", refused, "", ""},
		{"protected, directly, unknown caller", "", "/protected/closed/page.html", refused, "", ""},
		{"protected", "reader", "/static/closed/page.html", 200, "<p>one", html},
		{"protected, directly", "reader", "/protected/closed/page.html?x=1", 200, "<p>one", html},
		{"protected module", "reader", "/static/closed/app.mjs", 200, "export {}", module},
		{"protected odd name", "reader", "/static/closed/sub%20dir/%C3%A4%3F%25.html?x=1", 200, "<p>odd", html},
		{"protected through a link", "reader", "/static/closed/sub/link.html", 200, "<p>one", html},
		{"protected folder", "reader", "/static/closed/sub", 404, "", ""},
		{"protected missing", "reader", "/static/closed/none.html", 404, "", ""},
		{"round the service", "reader", "/authorized_static/closed/html/page.html", 404, "", ""},
		{"robots", "", "/robots.txt", 200, "User-agent: *\nDisallow: /\n", "text/plain; charset=utf-8"},
		{"metrics", "reader", "/metrics", 404, "", ""},
	}
	leak(t, filepath.Join(b.static, "leak"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res, body := b.ask(t, "GET", tt.target, "", "X-Caller", tt.caller)
			if tt.status == refused {
				if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusFound || strings.Contains(body, "<p>one") {
					t.Errorf("status %d: %q", res.StatusCode, body)
				}
				return
			}
			if res.StatusCode != tt.status {
				t.Fatalf("status %d, want %d: %q", res.StatusCode, tt.status, body)
			}
			if tt.status == 200 && (body != tt.body || res.Header.Get("Content-Type") != tt.kind) {
				t.Errorf("%q of type %q", body, res.Header.Get("Content-Type"))
			}
			if got := res.Header.Values("Access-Control-Allow-Origin"); strings.HasPrefix(tt.target, "/static/") && fmt.Sprint(got) != "[*]" {
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
			if res.Header.Get("X-Accel-Redirect") != "" {
				t.Error("the internal address is shown")
			}
		})
	}
}

// leak makes a symbolic link whose target has another owner.
func leak(t *testing.T, at string) {
	t.Helper()
	target := "/etc/passwd"
	if os.Getuid() == 0 {
		const nobody = 65534
		target = filepath.Join(t.TempDir(), "secret")
		must(t, os.WriteFile(target, []byte("secret"), 0o644)) //nolint:gosec // nginx must be able to read it, were it not for the owner
		must(t, os.Chown(target, nobody, nobody))
	}
	must(t, os.Symlink(target, at))
}

func TestNginxConditions(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	for _, target := range []string{"/static/open/page.html", "/static/closed/page.html", "/protected/closed/page.html"} {
		res, _ := b.ask(t, "GET", target, "", "X-Caller", "reader")
		modified, tag := res.Header.Get("Last-Modified"), res.Header.Get("Etag")
		if modified == "" || tag == "" || !strings.Contains(res.Header.Get("Cache-Control"), "no-cache") {
			t.Errorf("%s: headers %v", target, res.Header)
		}
		for _, tt := range []struct {
			method, header, value string
			status                int
			body                  string
		}{
			{"GET", "If-Modified-Since", modified, 304, ""},
			{"GET", "If-Modified-Since", "Sat, 02 May 2037 10:00:00 GMT", 200, "<p>one"},
			{"GET", "If-None-Match", tag, 304, ""},
			{"GET", "Range", "bytes=1-2", 206, "p>"},
			{"HEAD", "Accept", "*/*", 200, ""},
		} {
			res, body := b.ask(t, tt.method, target, "", "X-Caller", "reader", tt.header, tt.value)
			if res.StatusCode != tt.status || body != tt.body {
				t.Errorf("%s %s with %s: %s: status %d, %q", tt.method, target, tt.header, tt.value, res.StatusCode, body)
			}
		}
	}
}

// Large files of courses are sent compressed to whoever takes that, and are known
// again by their tag.
func TestNginxCompresses(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	text := strings.Repeat("<p>all the same", 1000)
	must(t, os.WriteFile(filepath.Join(b.source, "html", "large.html"), []byte(text), 0o600))
	b.publish(t, "open", 10)
	b.publish(t, "closed", 11)
	for _, target := range []string{"/static/open/large.html", "/static/closed/large.html"} {
		res, body := b.ask(t, "GET", target, "", "X-Caller", "reader", "Accept-Encoding", "gzip")
		unzip, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v: headers %v", target, err, res.Header)
		}
		if got, err := io.ReadAll(unzip); err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, error %v", target, len(got), err)
		}
		if got := fmt.Sprint(res.Header.Values("Vary")); got != "[Accept-Encoding]" {
			t.Errorf("%s: Vary %s", target, got)
		}
		tag := res.Header.Get("Etag")
		if res, _ := b.ask(t, "GET", target, "", "X-Caller", "reader", "Accept-Encoding", "gzip", "If-None-Match", tag); res.StatusCode != 304 || tag == "" {
			t.Errorf("%s: status %d for the tag %q", target, res.StatusCode, tag)
		}
		if res, body := b.ask(t, "GET", target, "", "X-Caller", "reader", "Accept-Encoding", "identity"); body != text || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %q for a client that takes nothing compressed", target, res.Header.Get("Content-Encoding"))
		}
	}
}

func TestNginxShowsNewReleasesAtOnce(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	for build := range int64(3) {
		want := fmt.Sprintf("<p>build %d", build)
		must(t, os.WriteFile(filepath.Join(b.source, "html", "page.html"), []byte(want), 0o600))
		b.publish(t, "open", 10+build)
		b.publish(t, "closed", 20+build)
		for _, key := range []string{"open", "closed"} {
			if _, body := b.ask(t, "GET", "/static/"+key+"/page.html", "", "X-Caller", "reader"); body != want {
				t.Errorf("%s shows %q, want %q", key, body, want)
			}
		}
	}
}

func TestNginxCrossOrigin(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	const plus = "https://plus.example.org"
	for _, tt := range []struct {
		method, target, origin string
		status                 int
		want                   string
	}{
		{"OPTIONS", "/login", plus, 204, plus},
		{"POST", "/login", plus, 200, plus},
		{"OPTIONS", "/login", "https://plus.example.org.evil.example", 204, ""},
		{"POST", "/login", "", 200, ""},
		{"OPTIONS", "/static/open/page.html", "https://any.example", 204, "*"},
		{"OPTIONS", "/static/closed/page.html", "https://any.example", 204, "*"},
	} {
		res, _ := b.ask(t, tt.method, tt.target, "", "Origin", tt.origin, "Access-Control-Request-Method", "POST")
		if got := strings.Join(res.Header.Values("Access-Control-Allow-Origin"), " "); got != tt.want || res.StatusCode != tt.status {
			t.Errorf("%s %s from %q: status %d, allows %q", tt.method, tt.target, tt.origin, res.StatusCode, got)
		}
		if tt.target != "/login" {
			continue
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Headers": "[Authorization, Content-Type]", "Access-Control-Allow-Credentials": "[true]",
			"Access-Control-Allow-Methods": "[GET, POST, OPTIONS]", "Vary": "[Origin]",
		} {
			if got := fmt.Sprint(res.Header.Values(name)); got != want {
				t.Errorf("%s from %q: %s %s, want %s", tt.method, tt.origin, name, got, want)
			}
		}
	}
}

func TestNginxForwards(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	_, body := b.ask(t, "GET", "/open/aplus-json", "", "X-Caller", "reader", "Host", "gitmanager.example.org:8080")
	if want := `"build_log_url":"http://gitmanager.example.org:8080/gitmanager/open/build_log-json"`; !strings.Contains(body, want) {
		t.Errorf("%s is missing in %s", want, body)
	}
	// nginx's own limit for bodies is 1 MB, and git hosts send more.
	large := "key=" + strings.Repeat("x", 2<<20)
	res, body := b.ask(t, "POST", "/gitmanager/open/hook", large, "X-Caller", "writer", "X-Forwarded-For", "203.0.113.9")
	if res.StatusCode != 200 || body != "ok" {
		t.Errorf("hook: status %d: %s", res.StatusCode, body)
	}
	if _, body = b.ask(t, "GET", "/gitmanager/open/build_log-json", "", "X-Caller", "reader"); !strings.Contains(body, `"request_ip":"127.0.0.2"`) {
		t.Errorf("build log: %s", body)
	}
}

// TestNginxPassesEventsOn reads an event of a build that has not ended.
func TestNginxPassesEventsOn(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	build := b.fixture.endedBuild(t, "open", course.StatusRunning, "first\n")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/api/v1/courses/open/builds/%d/events", b.base, build.ID), nil)
	must(t, err)
	r.Header.Set("X-Caller", "reader")
	res, err := b.client.Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }() // it was read as far as needed
	in := bufio.NewScanner(res.Body)
	for in.Scan() {
		if strings.Contains(in.Text(), "first") {
			return
		}
	}
	t.Errorf("status %d, no event came: %v", res.StatusCode, in.Err())
}
