package api_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"coursewright/api"
	"coursewright/internal/course"
)

// instances are the grants of tests that tell courses apart: an access and the
// ids in A+ for which it is given.
type instances map[api.Access][]int64

func (i instances) May(a api.Access, remoteID *int64, byDefault bool) bool {
	if remoteID == nil {
		return byDefault
	}
	return slices.Contains(i[a], *remoteID)
}

// tokenless is an Authorizer that believes the name in the header X-Caller.
type tokenless struct{}

func (tokenless) Caller(r *http.Request) (api.Caller, error) {
	const intro, made = 5, 6
	grants := map[string]instances{
		"nobody": {}, "reader": {api.Read: {intro}}, "writer": {api.Write: {intro}},
		"owner": {api.Read: {intro, made}, api.Write: {intro, made}},
	}
	name := r.Header.Get("X-Caller")
	given, known := grants[name]
	switch {
	case name == "":
		return api.Caller{}, nil
	case !known:
		return api.Caller{}, &api.AuthError{Text: "Invalid token"}
	}
	return api.Caller{ID: name, Grants: given}, nil
}

// knownToAPlus is the course intro, with the id 5 in A+, published with the
// files of the conversation about files.
func knownToAPlus(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, func(c *api.Config) { c.Auth, c.Pages = tokenless{}, pages() })
	c := f.addCourse(t, "intro")
	c.RemoteID = new(int64(5))
	_, err := f.store.UpdateCourse(t.Context(), c)
	must(t, err)
	archive, err := txtar.ParseFile(filepath.Join("testdata", "files.txtar"))
	must(t, err)
	for _, file := range archive.Files {
		publish(t, f, file)
	}
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{}`}
	return f
}

// TestAddresses asks every address of gitmanager with every method and every
// right. A string of statuses is for nobody known (refused: 401 or the way to
// the login), a caller without rights, with Read, with Write, a forger. A script
// asks, so that the pages answer as well.
func TestAddresses(t *testing.T) {
	t.Parallel()
	const refusal = "refused"
	every := "GET HEAD POST PUT PATCH DELETE OPTIONS"
	callers := []string{"", "nobody", "reader", "writer", "forger"}
	tests := []struct{ target, methods, statuses, others string }{
		{"/", "GET HEAD POST", "refused 200 200 200 401", "405"},
		{"/intro/", "GET HEAD POST", "refused 403 200 403 401", "405"},
		{"/intro/aplus-json", every, "refused 403 200 403 401", ""},
		{"/intro/publish/STORE/" + version("s"), every, "refused 403 403 200 401", ""},
		{"/intro/publish/PUBLISH", every, "refused 403 403 200 401", ""},
		{"/intro/publish/BUILD/x", every, "refused 403 403 200 401", ""},
		{"/intro/publish/OTHER", every, "404 404 404 404 404", ""},
		{"/model/intro/e1/model.py?lang=en", every, "refused 403 200 403 401", ""},
		{"/exercise_template/intro/e1/pohja.py?lang=fi", every, "refused 403 200 403 401", ""},
		{"/protected/intro/page.html", every, "refused 403 200 403 401", ""},
		{"/static/intro/page.html", "GET HEAD", "refused 403 200 403 401", "405"},
		{"/gitmanager/intro/hook", "POST", "400 403 403 200 401", "405"},
		{"/gitmanager/intro/build_log-json", every, "refused 403 200 403 401", ""},
		{"/api/gitmanager/intro/", "GET HEAD POST PUT", "401 200 200 200 401", "405"},
		{"/api/gitmanager/id/5", "GET HEAD POST PUT", "401 200 200 200 401", "405"},
		{"/robots.txt", every, "200 200 200 200 200", ""},

		{"/intro", every, "301 301 301 301 301", ""},
		{"/gitmanager", every, "301 301 301 301 301", ""},
		{"/gitmanager/new", every, "301 301 301 301 301", ""},
		{"/gitmanager/intro", every, "301 301 301 301 301", ""},
		{"/api/gitmanager/intro", every, "301 301 301 301 301", ""},
		{"/model/intro/e1", every, "301 301 301 301 301", ""},
		{"/exercise_template/intro/e1", every, "301 301 301 301 301", ""},

		{"/intro/aplus-json/", every, "404 404 404 404 404", ""},
		{"/intro/publish/STORE/" + version("s") + "/", every, "404 404 404 404 404", ""},
		{"/gitmanager/intro/hook/", every, "404 404 404 404 404", ""},
		{"/gitmanager/intro/build_log-json/", every, "404 404 404 404 404", ""},
		{"/api/gitmanager/id/5/", every, "404 404 404 404 404", ""},
		{"/protected/intro", every, "404 404 404 404 404", ""},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			t.Parallel()
			f := knownToAPlus(t)
			for _, method := range strings.Fields(every) {
				want := strings.Fields(tt.statuses)
				if !slices.Contains(strings.Fields(tt.methods), method) {
					want = slices.Repeat([]string{tt.others}, len(callers))
				}
				for i, caller := range callers {
					if caller == "forger" && tt.target != "/robots.txt" {
						want[i] = "401" // before the address is looked at
					}
					if method == http.MethodOptions && strings.HasPrefix(tt.target, "/static/") {
						continue // the preflight, which is another test's
					}
					w := f.send(t, method, tt.target, "", "X-Caller", caller, "X-Requested-With", "XMLHttpRequest")
					got := strconv.Itoa(w.Code)
					if want[i] == refusal && (w.Code == http.StatusUnauthorized || w.Code == http.StatusFound) {
						got = refusal
					}
					if got != want[i] {
						t.Errorf("%s as %q: status %s, want %s: %s", method, caller, got, want[i], w.Body)
					}
					if w.Code == 405 && w.Header().Get("Allow") == "" {
						t.Errorf("%s as %q: no header Allow", method, caller)
					}
				}
			}
		})
	}
}

// TestNoPathBreaksTheRouter asks for all short paths of words that routes and
// keys are made of: gin's tree panics for some sets of routes (1.12).
func TestNoPathBreaksTheRouter(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Pages = pages() })
	words := strings.Fields("a id 5 m model e exercise_template p protected publish s static r robots.txt api gitmanager hook courses %2e%2e ä")
	prefixes := []string{"/", "/api/gitmanager/", "/api/v1/"}
	for range 3 {
		var longer []string
		for _, prefix := range prefixes {
			for _, word := range words {
				for _, path := range []string{prefix + word, prefix + word + "/"} {
					if w := f.send(t, "GET", path, ""); w.Code >= 500 {
						t.Fatalf("%s: status %d", path, w.Code)
					}
				}
				if strings.Count(prefix, "/") < 4 {
					longer = append(longer, prefix+word+"/")
				}
			}
		}
		prefixes = longer
	}
}

func TestScriptsSeeTheirCourses(t *testing.T) {
	t.Parallel()
	f := knownToAPlus(t)
	for caller, want := range map[string]string{
		"nobody": `{"courses":[],"ready":true}`, "reader": `{"courses":[{"key":"intro","name":"Intro"}],"ready":true}`,
	} {
		got := f.send(t, "GET", "/", "", "X-Caller", caller, "X-Requested-With", "XMLHttpRequest").Body.String()
		if strings.TrimSpace(got) != want {
			t.Errorf("%s sees %s", caller, got)
		}
	}
}

func TestSettingsRights(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	made := "key=made&git_branch=main&remote_id="
	tests := []struct {
		name, caller, request, body string
		status                      int
		text                        string
	}{
		{"nobody known", "", "GET /api/gitmanager/id/5", "", 401, ""},
		{"nobody known creates", "", "POST /api/gitmanager/id/6", made + "6", 401, ""},
		{"forger", "forger", "GET /api/gitmanager/id/5", "", 401, "Invalid token"},
		{"no Read", "writer", "GET /api/gitmanager/id/5", "", 200, `{"error":"No access to instance 5","success":false}`},
		{"Read", "reader", "GET /api/gitmanager/id/5", "", 200, `"git_hook":"http://localhost:8080/gitmanager/intro/hook"`},
		{"Read and Write", "owner", "GET /api/gitmanager/intro/", "", 200, `"webhook_secret":"s3cret-for-tests-intro"`},
		{"unknown to A+", "owner", "GET /api/gitmanager/other/", "", 200, `{"error":"No access to instance None","success":false}`},
		{"creates without Write", "reader", "POST /api/gitmanager/id/6", made + "6", 200, `{"error":"No access to instance 6","success":false}`},
		{"creates for another instance", "owner", "POST /api/gitmanager/id/7", made + "7", 200, `{"error":"No access to instance 7","success":false}`},
		{"rights come before agreement", "owner", "POST /api/gitmanager/id/6", made + "7", 200, `{"error":"No access to instance 7","success":false}`},
		{"creates", "owner", "POST /api/gitmanager/made/", made + "6", 200, `"remote_id":6`},
		{"changes without Write", "reader", "PUT /api/gitmanager/id/5", made + "5", 200, `{"error":"No access to instance 5","success":false}`},
		{"changes a course unknown to A+", "owner", "PUT /api/gitmanager/other/", made + "6", 200, `{"error":"No access to instance None","success":false}`},
		{"moves to an instance without Write", "owner", "PUT /api/gitmanager/id/5", made + "7", 200, `{"error":"No access to instance 7","success":false}`},
		{"changes", "writer", "PUT /api/gitmanager/id/5", made + "5", 200, `"key":"made"`},
		{"forgets the instance", "writer", "PUT /api/gitmanager/id/5", "key=made&git_branch=main", 200, `"remote_id":null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := knownToAPlus(t)
			f.addCourse(t, "other")
			method, target, _ := strings.Cut(tt.request, " ")
			w := f.send(t, method, target, tt.body, "X-Caller", tt.caller, "Content-Type", form)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.text) || tt.text == "" && w.Body.Len() > 0 {
				t.Errorf("status %d, want %d with %q: %s", w.Code, tt.status, tt.text, w.Body)
			}
			if strings.Contains(w.Body.String(), "webhook_secret") && (tt.caller == "reader" || strings.Contains(tt.text, "null")) {
				t.Errorf("the secret is shown: %s", w.Body)
			}
		})
	}
}
