package api_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
)

// injected must reach no page as it is.
const injected = "<script>alert(1)</script>"

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
	for _, body := range []string{
		"--b\r\nContent-Disposition: form-data; name=\"skip_git\"\r\n\r\non\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"../../x\"\r\n\r\nfile\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"build_image\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=00\r\n--b",
		"--b", strings.Repeat("--b\r\n\r\n\r\n", 2000),
	} {
		f.Add("POST", "/gitmanager/intro/hook", body, "multipart/form-data; boundary=b")
		f.Add("PUT", "/api/gitmanager/intro/", body, "multipart/form-data; boundary=b")
		f.Add("POST", "/gitmanager/intro/hook", body, `multipart/form-data; boundary="`)
	}
	f.Add("GET", "/intro/"+injected, "", "")
	f.Add("GET", "/gitmanager/courses/?q="+injected, injected, "text/html")
	f.Fuzz(func(t *testing.T, method, target, body, kind string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+target, strings.NewReader(body))
		if err != nil || strings.HasSuffix(r.URL.Path, "/events") {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r)
		if strings.Contains(w.Header().Get("Content-Type"), "html") && strings.Contains(w.Body.String(), injected) {
			t.Errorf("%s %q: the page has %s as it came: %s", method, target, injected, w.Body)
		}
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %q: status %d: %s\n%s", method, target, w.Code, w.Body, fix.log)
		}
	})
}

// FuzzStatic asks for files by odd paths: nobody is sent what lies beside the
// files of a course, whatever links there are.
func FuzzStatic(f *testing.F) {
	dir := f.TempDir()
	root, courses := filepath.Join(dir, "static"), filepath.Join(dir, "courses")
	for name, text := range map[string]string{
		"static/own.txt": "own", "courses/intro/html/page.html": "page", "courses/intro/html/sub/a b.txt": "text", "courses/intro/index.yaml": "its own",
		"courses/other/index.yaml": outside, "secret.txt": outside,
	} {
		must(f, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		must(f, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for name, target := range map[string]string{
		"static/intro": "../courses/intro/html", "courses/intro/html/out": "../../../secret.txt", "courses/intro/html/up": "..",
		"courses/intro/html/root": "/", "courses/intro/html/loop": "loop", "courses/intro/html/other": "../../other",
	} {
		must(f, os.Symlink(target, filepath.Join(dir, name)))
	}
	fix := newFixture(f, func(c *api.Config) { c.StaticRoot, c.CoursesPath = root, courses })
	for _, path := range append([]string{"intro/page.html", "intro/sub/a%20b.txt", "own.txt", "intro/out", "intro/root/etc/passwd", "intro/loop", "intro/up/index.yaml", "intro/other/index.yaml"}, pathTricks()...) {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/static/"+path, http.NoBody)
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%q: status %d: %s\n%s", path, w.Code, w.Body, fix.log)
		}
		if body := w.Body.String(); w.Code == http.StatusOK && (strings.Contains(body, outside) || strings.Contains(body, "root:")) {
			t.Errorf("%q leads to %q", path, body)
		}
	})
}
