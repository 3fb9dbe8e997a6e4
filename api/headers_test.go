package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
)

// strictHeaders are those that every answer has, but for the files of courses.
func strictHeaders() map[string]string {
	return map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for _, r := range a.routes(t) {
		if r.Path == "/static/*filepath" || r.Path == "/protected/:key/*filepath" {
			continue
		}
		for _, token := range []string{a.master, "", a.expired} {
			headers := []string{"X-Nothing", ""}
			if token != "" {
				headers = []string{"Authorization", "Bearer " + token}
			}
			w := a.send(t, r.Method, exampleOf(r.Path), "", headers...)
			h := w.Header()
			if r.Path == "/:key/aplus-json" {
				checkDataHeaders(t, w)
				continue
			}
			for name, want := range strictHeaders() {
				if name == "Cross-Origin-Resource-Policy" && isBadge(r.Path, w.Code) {
					want = "cross-origin" // git hosts show it
				}
				if got := h.Get(name); got != want {
					t.Errorf("%s %s (%d): %s is %q", r.Method, r.Path, w.Code, name, got)
				}
			}
			if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s %s (%d): policy %q", r.Method, r.Path, w.Code, policy)
			}
			if policy := h.Get("Referrer-Policy"); policy != "same-origin" && policy != "no-referrer" {
				t.Errorf("%s %s (%d): Referrer-Policy %q", r.Method, r.Path, w.Code, policy)
			}
			if keep := h.Get("Cache-Control"); keep == "" || strings.Contains(keep, "public") && !isBadge(r.Path, w.Code) {
				t.Errorf("%s %s (%d): Cache-Control %q", r.Method, r.Path, w.Code, keep)
			}
			if h.Get("Strict-Transport-Security") != "" {
				t.Errorf("%s %s: an answer by http promises https", r.Method, r.Path)
			}
		}
	}
}

// isBadge says whether an answer is a badge, which is for everybody.
func isBadge(route string, status int) bool {
	return route == "/gitmanager/:key/badge.svg" && status == http.StatusOK
}

// What A+ imports is no page: it has the headers that keep browsers from taking
// it for one, and none of those about pages.
func checkDataHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	if h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("aplus-json (%d): headers %v", w.Code, h)
	}
	if keep := h.Get("Cache-Control"); keep == "" || strings.Contains(keep, "public") {
		t.Errorf("aplus-json (%d): Cache-Control %q", w.Code, keep)
	}
}

// The files of courses are framed and loaded by A+ and run their own scripts:
// nothing of the strictness is for them.
func TestHeadersOfCourseFiles(t *testing.T) {
	t.Parallel()
	f, _ := published(t)
	g := protectedCourse(t, false)
	for target, from := range map[string]*fixture{"/static/intro/a.html": f, "/protected/intro/a.html": g} {
		w := from.send(t, "GET", target, "")
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d", target, w.Code)
		}
		for _, name := range []string{
			"X-Frame-Options", "X-Content-Type-Options", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Content-Security-Policy", "Referrer-Policy",
		} {
			if got := w.Header().Get(name); got != "" {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
	}
}

func TestHeadersByHTTPS(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, public, proxy, proto string
		want                       bool
	}{
		{"plain", "", "", "", false},
		{"public address", "https://gm.example.org", "", "", true},
		{"public address without", "http://gm.example.org", "192.0.2.0/24", "https", false},
		{"proxy", "", "192.0.2.1", "https", true},
		{"proxy without", "", "192.0.2.1", "http", false},
		{"not a proxy", "", "198.51.100.7", "https", false},
		{"nobody's word", "", "", "https", false},
	}
	for _, tt := range tests {
		var proxies []string
		if tt.proxy != "" {
			proxies = []string{tt.proxy}
		}
		f := newFixture(t, func(c *api.Config) {
			a, err := api.NewAddresses(tt.public, proxies)
			must(t, err)
			c.Addresses = a
		})
		for _, target := range []string{"/login", "/static/intro/none", "/api/v1/courses"} {
			w := f.send(t, "GET", target, "", "X-Forwarded-Proto", tt.proto)
			if got := w.Header().Get("Strict-Transport-Security") == "max-age=31536000"; got != tt.want {
				t.Errorf("%s: %s: promise of https %v, want %v", tt.name, target, got, tt.want)
			}
			if cookie := w.Header().Get("Set-Cookie"); target == "/login" && strings.Contains(cookie, "Secure") != tt.want {
				t.Errorf("%s: cookie %q", tt.name, cookie)
			}
		}
		distrusted := 0
		if tt.public == "" && tt.proto == "https" && !tt.want {
			distrusted = 1
		}
		if got := strings.Count(f.log.String(), "a proxy that is not trusted"); got != distrusted {
			t.Errorf("%s: the log tells %d times of a proxy that is not trusted, want %d", tt.name, got, distrusted)
		}
	}
}

// TestOtherSitesChangeNothing walks the router as the page of another site in
// the browser of a teacher.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	count := func() int {
		list, err := a.store.ListBuilds(t.Context(), "c5", course.Page{Limit: 100})
		must(t, err)
		return len(list)
	}
	before := count()
	for _, from := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://other.localhost:8080"},
		{"Origin", "https://evil.test"},
		{"Origin", "null"},
		{"Origin", "http://localhost:8080.evil.test"},
		{"Origin", "http://localhost:9999"},
	} {
		for _, r := range a.routes(t) {
			changes := r.Method != "GET" && r.Method != "HEAD" && r.Method != "OPTIONS"
			if r.Path == "/login" || !changes {
				continue
			}
			headers := append([]string{"Cookie", "AuthToken=" + a.writer, "Content-Type", "text/plain"}, from...)
			if w := a.send(t, r.Method, exampleOf(r.Path), `{"rollback": true}`, headers...); w.Code != http.StatusForbidden && w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s from %q: status %d", r.Method, r.Path, from, w.Code)
			}
		}
		// Publishing changes something although A+ does it with GET.
		if from[0] == "Sec-Fetch-Site" {
			at := "/c5/publish/STORE/" + version("s")
			if w := a.send(t, "GET", at, "", append([]string{"Cookie", "AuthToken=" + a.writer}, from...)...); w.Code != http.StatusForbidden {
				t.Errorf("GET %s from %q: status %d", at, from, w.Code)
			}
		}
	}
	if after := count(); after != before {
		t.Errorf("%d builds were started by other sites", after-before)
	}
	own := []string{"Cookie", "AuthToken=" + a.writer, "Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8080"}
	if w := a.send(t, "POST", "/gitmanager/c5/builds", "", own...); w.Code != http.StatusSeeOther {
		t.Errorf("the service's own page: status %d: %s", w.Code, w.Body)
	}
	older := []string{"Cookie", "AuthToken=" + a.writer, "Origin", "http://localhost:8080"}
	if w := a.send(t, "POST", "/gitmanager/c5/builds", "", older...); w.Code != http.StatusSeeOther {
		t.Errorf("the service's own page in an older browser: status %d: %s", w.Code, w.Body)
	}
}

// A proxy may call the service by another name than browsers do.
func TestOwnPagesBehindAProxyThatRenames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) {
		a, err := api.NewAddresses("https://gm.example.org/base", nil)
		must(t, err)
		c.Addresses = a
	})
	f.addCourse(t, "intro")
	for origin, want := range map[string]int{"https://gm.example.org": http.StatusAccepted, "https://evil.test": http.StatusForbidden} {
		if w := f.send(t, "POST", "/api/v1/courses/intro/builds", "", "Origin", origin); w.Code != want {
			t.Errorf("from %s: status %d, want %d", origin, w.Code, want)
		}
	}
}
