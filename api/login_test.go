package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
)

// oneToken is an Authorizer that knows one token.
type oneToken struct{}

func (oneToken) Caller(r *http.Request) (api.Caller, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		if h == "Bearer good.token.x" {
			return api.Caller{ID: "user:jdoe"}, nil
		}
		return api.Caller{}, &api.AuthError{Text: "Expired token"}
	}
	switch c, err := r.Cookie("AuthToken"); {
	case err != nil:
		return api.Caller{}, nil
	case c.Value == "good.token.x":
		return api.Caller{ID: "user:jdoe"}, nil
	}
	return api.Caller{}, &api.AuthError{Text: "Expired token", Cookie: true}
}

func newLoginFixture(t *testing.T, publicURL string) *fixture {
	t.Helper()
	return newFixture(t, func(c *api.Config) {
		c.Auth, c.FrontendURL, c.Pages, c.Hosts = oneToken{}, "https://PLUS.example.org:443/", pages(), []string{"*"}
		a, err := api.NewAddresses(publicURL, nil)
		must(t, err)
		c.Addresses = a
	})
}

func TestLoginCookie(t *testing.T) {
	t.Parallel()
	const cleared = "AuthToken=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
	plain, secure := newLoginFixture(t, ""), newLoginFixture(t, "https://gm.example.org")
	for _, f := range []*fixture{plain, secure} {
		f.addCourse(t, "intro")
	}
	tests := []struct {
		name, target, header, value string
		f                           *fixture
		status                      int
		cookie, body                string
	}{
		{"login", "POST /login", "Authorization", "Bearer good.token.x", plain, 200, "AuthToken=good.token.x; Path=/; HttpOnly; SameSite=Lax", ""},
		{"login by https", "POST /login", "Authorization", "Bearer good.token.x", secure, 200, "AuthToken=good.token.x; Path=/; HttpOnly; Secure; SameSite=Lax", ""},
		{"login by cookie", "POST /login", "Cookie", "AuthToken=good.token.x", plain, 200, "", ""},
		{"login with nothing", "POST /login", "X-Nothing", "", plain, 401, "", "Invalid token"},
		{"login with a bad token", "POST /login", "Authorization", "Bearer bad", plain, 401, "", "Expired token"},
		{"login with a bad cookie", "POST /login", "Cookie", "AuthToken=bad", plain, 401, cleared, "Expired token"},
		{"logout", "GET /login", "Cookie", "AuthToken=good.token.x", plain, 200, cleared, "<!DOCTYPE html>"},
		{"logout by https", "GET /login", "Cookie", "AuthToken=good.token.x", secure, 200, strings.Replace(cleared, "HttpOnly;", "HttpOnly; Secure;", 1), "<!DOCTYPE html>"},
		{"login page with a bad cookie", "GET /login", "Cookie", "AuthToken=bad", plain, 200, cleared, "<!DOCTYPE html>"},
		{"login page with a bad token", "GET /login", "Authorization", "Bearer bad", plain, 401, "", "Expired token"},
		{"hook with a bad cookie", "POST /gitmanager/intro/hook", "Cookie", "AuthToken=bad", plain, 400, "", "Unknown git service"},
		{"hook with a bad token", "POST /gitmanager/intro/hook", "Authorization", "Bearer bad", plain, 401, "", "Expired token"},
		{"page with a bad cookie", "GET /gitmanager/", "Cookie", "AuthToken=bad", plain, 401, cleared, "Expired token"},
		{"page with a cookie", "GET /gitmanager/", "Cookie", "AuthToken=good.token.x", plain, 200, "", "page /gitmanager/"},
		{"assets with a bad cookie", "GET /assets/style.css", "Cookie", "AuthToken=bad", plain, 200, "", "page /assets/style.css"},
		{"protected file with a bad cookie", "GET /static/intro/nosuch.html", "Cookie", "AuthToken=bad", plain, 401, cleared, "Expired token"},
		{"protected file with a bad token", "GET /static/intro/nosuch.html", "Authorization", "Bearer bad", plain, 401, "", "Expired token"},
		{"API with a bad cookie", "GET /api/v1/courses", "Cookie", "AuthToken=bad", plain, 401, cleared, `{"type":"urn:coursewright:problem:unauthenticated","title":"Unauthorized","status":401,"detail":"Expired token"}`},
		{"anonymous page", "GET /gitmanager/intro/updates?x=1", "X-Nothing", "", plain, 302, "", `<a href="/login?referer=%2Fgitmanager%2Fintro%2Fupdates">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(tt.target, " ")
			w := tt.f.send(t, method, path, "", tt.header, tt.value)
			if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.body) || tt.body == "" && w.Body.Len() > 0 {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, tt.status, tt.body)
			}
			if diff := cmp.Diff(tt.cookie, strings.Join(w.Header().Values("Set-Cookie"), "|")); diff != "" {
				t.Errorf("cookie (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLoginFromPagesOfAplus walks what a browser does for A+'s link to the
// service.
func TestLoginFromPagesOfAplus(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t, "")
	const plus, evil = "https://plus.example.org", "https://plus.example.org.evil.test"
	tests := []struct {
		name, method, origin, token string
		status                      int
		allowed                     bool
	}{
		{"question", "OPTIONS", plus, "", 204, true},
		{"login", "POST", plus, "Bearer good.token.x", 200, true},
		{"refused login", "POST", plus, "Bearer bad", 401, true},
		{"another site's question", "OPTIONS", evil, "", 204, false},
		{"another site's login", "POST", evil, "Bearer good.token.x", 200, false},
		{"another scheme", "OPTIONS", "http://plus.example.org", "", 204, false},
		{"another port", "OPTIONS", plus + ":8443", "", 204, false},
		{"no origin", "OPTIONS", "null", "", 204, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			headers := []string{"Origin", tt.origin, "Sec-Fetch-Site", "cross-site"}
			if tt.token != "" {
				headers = append(headers, "Authorization", tt.token)
			}
			w := f.send(t, tt.method, "/login", "", headers...)
			if w.Code != tt.status || w.Header().Get("Vary") != "Origin" {
				t.Errorf("status %d, Vary %q; want %d, Origin", w.Code, w.Header().Get("Vary"), tt.status)
			}
			want := map[string]string{}
			if tt.allowed {
				want = map[string]string{
					"Access-Control-Allow-Origin":      plus,
					"Access-Control-Allow-Credentials": "true",
					"Access-Control-Allow-Headers":     "Authorization, Content-Type",
					"Access-Control-Allow-Methods":     "GET, POST, OPTIONS",
				}
			}
			got := map[string]string{}
			for name, values := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					got[name] = strings.Join(values, "|")
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
	f.addCourse(t, "intro")
	w := f.send(t, "POST", "/gitmanager/intro/hook", "", "Origin", plus, "Sec-Fetch-Site", "cross-site", "Cookie", "AuthToken=good.token.x")
	if w.Code != http.StatusForbidden {
		t.Errorf("a page of A+ starts a build with the browser's cookie: status %d", w.Code)
	}
}

func TestLoginLeadsBackToThisServiceOnly(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t, "")
	for referer, want := range map[string]string{
		"":                                "/",
		"%2Fgitmanager%2Fintro%2Fupdates": "/gitmanager/intro/updates",
		"/a%3Fx%3D1%26y%3D2":              "/a?x=1&amp;y=2",
		"/%22%3E%3Cscript%3E":             "/%22%3E%3Cscript%3E",
		"gitmanager/":                     "/",
		"//evil.test/":                    "/",
		"/%5Cevil.test/":                  "/",
		"%5C%5Cevil.test":                 "/",
		"/%09/evil.test":                  "/",
		"/%0A/evil.test":                  "/",
		"https:evil.test":                 "/",
		"https://evil.test/":              "/",
		"javascript:alert(1)":             "/",
		"/%2F/evil.test":                  "/",
		"%252F%252Fevil.test":             "/",
	} {
		body := f.send(t, "GET", "/login?referer="+referer, "").Body.String()
		_, rest, _ := strings.Cut(body, `data-next="`)
		if got, _, _ := strings.Cut(rest, `"`); got != want {
			t.Errorf("referer %s leads to %q, want %q", referer, got, want)
		}
	}
}

// Browsers run the page's script only if its hash is the policy's.
func TestLoginPageAllowsItsScript(t *testing.T) {
	t.Parallel()
	w := newLoginFixture(t, "").send(t, "GET", "/login", "")
	_, rest, _ := strings.Cut(w.Body.String(), "<script>")
	script, _, ended := strings.Cut(rest, "</script>")
	hash := sha256.Sum256([]byte(script))
	want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	policy := w.Header().Get("Content-Security-Policy")
	if !ended || !strings.Contains(script, `fetch("/login"`) || !strings.Contains(policy, want) {
		t.Errorf("policy %q lacks %q for script %q", policy, want, script)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestFrontendURLMustBeAnAddress(t *testing.T) {
	t.Parallel()
	a, err := api.NewAddresses("", nil)
	must(t, err)
	for _, bad := range []string{"plus.example.org", "ftp://plus.example.org", "https://", ":"} {
		if _, err := api.New(api.Config{Addresses: a, FrontendURL: bad}); err == nil || !strings.Contains(err.Error(), "FRONTEND_URL") {
			t.Errorf("%q: error %v, want one that names FRONTEND_URL", bad, err)
		}
	}
}
