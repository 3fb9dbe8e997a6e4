package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"coursewright/internal/course"
)

// FuzzRequests sends odd requests: none may be the service's own trouble.
func FuzzRequests(f *testing.F) {
	fix := newFixture(f, nil)
	fix.addCourse(f, "intro")
	fix.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: "{}"}
	fix.releases.published = &course.Release{Key: "intro", Version: version("p"), StaticDir: "html", Dir: "{}"}
	fix.releases.compiled = `{"name": "Intro", "exercises": [{"key": "e", "languages": [{"language": "en", "model_files": ["a.py", "../b.py"]}]}]}`
	fix.releases.content = f.TempDir()
	for _, seed := range [][3]string{
		{"POST", "/api/v1/courses", `{"key": "x", "git_branch": "main", "remote_id": 1e3}`},
		{"PATCH", "/api/v1/courses/intro", `{"git_origin": "\u0000"}`},
		{"POST", "/api/v1/courses/intro/builds", `{"build_image": "\ud800"}`},
		{"GET", "/api/v1/courses/intro/builds?before=9999999999999999999", ""},
		{"GET", "/api/v1/courses/intro/builds/1/log?offset=9223372036854775807", ""},
		{"POST", "/gitmanager/intro/hook?skip_git=%zz", "a=b;c"},
		{"GET", "/intro/publish/STORE/%00", ""},
		{"GET", "/static/../x", ""},
		{"GET", "/intro%2faplus-json", ""},
		{"POST", "/api/gitmanager/id/6", "key=made&remote_id=6&git_branch=%ff"},
		{"PUT", "/api/gitmanager/intro/", "key=intro&git_branch=main&remote_id=+7&git_branch"},
		{"GET", "/api/gitmanager/id//", ""},
		{"GET", "/model/intro/e/b.py?lang=%ff", ""},
		{"GET", "/protected/intro/%2e%2e%2f%00", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], "application/json")
		f.Add(seed[0], seed[1], seed[2], "application/x-www-form-urlencoded")
	}
	f.Fuzz(func(t *testing.T, method, target, body, kind string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+target, strings.NewReader(body))
		if err != nil || strings.HasSuffix(r.URL.Path, "/events") {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %q: status %d: %s\n%s", method, target, w.Code, w.Body, fix.log)
		}
	})
}
