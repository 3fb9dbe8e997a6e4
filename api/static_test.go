package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
)

// published makes the folders of a published course, as internal/release does:
// STATIC_ROOT/intro leads into COURSES_PATH/.releases.
func published(t *testing.T) (f *fixture, content string) {
	t.Helper()
	base := t.TempDir()
	courses, static := filepath.Join(base, "courses"), filepath.Join(base, "static")
	content = filepath.Join(courses, ".releases", "intro", version("v"), "content")
	must(t, os.MkdirAll(filepath.Join(content, "_build", "sub"), 0o750))
	must(t, os.MkdirAll(static, 0o750))
	must(t, os.Symlink(filepath.Join(".releases", "intro", version("v"), "content"), filepath.Join(courses, "intro")))
	must(t, os.Symlink(filepath.Join(courses, "intro", "_build"), filepath.Join(static, "intro")))
	must(t, os.Symlink(filepath.Join(static, "intro"), filepath.Join(static, "7")))
	files := map[string]string{
		"_build/index.html": "<p>front", "_build/a.html": "<p>a", "_build/app.mjs": "export {}", "_build/data.XYZ": "raw",
		"_build/sub/index.html": "<p>sub", "_build/with space.css": "p{}", "index.yaml": "not static",
	}
	for name, body := range files {
		must(t, os.WriteFile(filepath.Join(content, filepath.FromSlash(name)), []byte(body), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(base, "outside.txt"), []byte("outside"), 0o600))
	must(t, os.Symlink(filepath.Join(base, "outside.txt"), filepath.Join(content, "_build", "escape.txt")))
	must(t, os.Symlink(base, filepath.Join(content, "_build", "up")))
	other := filepath.Join(courses, ".releases", "other", version("o"), "content")
	must(t, os.MkdirAll(other, 0o750))
	must(t, os.WriteFile(filepath.Join(other, "model.py"), []byte("another course's"), 0o600))
	must(t, os.Symlink(filepath.Join("..", "..", "..", "..", "other", version("o"), "content"), filepath.Join(content, "_build", "other")))
	must(t, os.Symlink(filepath.Join("..", "index.yaml"), filepath.Join(content, "_build", "own.txt")))
	must(t, os.Symlink("loop", filepath.Join(content, "_build", "loop")))
	must(t, os.Mkdir(filepath.Join(content, "_build", "bare"), 0o750))
	must(t, syscall.Mkfifo(filepath.Join(content, "_build", "pipe"), 0o600))
	f = newFixture(t, func(c *api.Config) { c.StaticRoot, c.CoursesPath = static, courses })
	return f, content
}

func TestStatic(t *testing.T) {
	t.Parallel()
	f, _ := published(t)
	tests := []struct {
		name, method, target string
		status               int
		body, kind           string
	}{
		{"page", "GET", "/static/intro/a.html", 200, "<p>a", "text/html; charset=utf-8"},
		{"by remote id", "GET", "/static/7/a.html", 200, "<p>a", "text/html; charset=utf-8"},
		{"module", "GET", "/static/intro/app.mjs", 200, "export {}", "text/javascript; charset=utf-8"},
		{"unknown type", "GET", "/static/intro/data.XYZ", 200, "raw", "application/octet-stream"},
		{"space", "GET", "/static/intro/with%20space.css", 200, "p{}", "text/css; charset=utf-8"},
		{"head", "HEAD", "/static/intro/a.html", 200, "", "text/html; charset=utf-8"},
		{"index", "GET", "/static/intro/sub/", 200, "<p>sub", "text/html; charset=utf-8"},
		{"index of the course", "GET", "/static/intro/", 200, "<p>front", "text/html; charset=utf-8"},
		{"folder without slash", "GET", "/static/intro/sub?a=b", 301, "", ""},
		{"no listing", "GET", "/static/intro/bare/", 404, "", ""},
		{"file with slash", "GET", "/static/intro/a.html/", 404, "", ""},
		{"file as folder", "GET", "/static/intro/a.html/b", 404, "", ""},
		{"missing", "GET", "/static/intro/none.html", 404, "", ""},
		{"no course", "GET", "/static/other/a.html", 404, "", ""},
		{"root", "GET", "/static/", 404, "", ""},
		{"link out", "GET", "/static/intro/escape.txt", 404, "", ""},
		{"folder link out", "GET", "/static/intro/up/outside.txt", 404, "", ""},
		{"folder link into another course", "GET", "/static/intro/other/model.py", 404, "", ""},
		{"link within the release", "GET", "/static/intro/own.txt", 200, "not static", "text/plain; charset=utf-8"},
		{"dots", "GET", "/static/intro/../../outside.txt", 404, "", ""},
		{"encoded dots", "GET", "/static/intro/%2e%2e/index.yaml", 404, "", ""},
		{"loop", "GET", "/static/intro/loop", 404, "", ""},
		{"pipe", "GET", "/static/intro/pipe", 404, "", ""},
		{"NUL", "GET", "/static/intro/a%00.html", 404, "", ""},
		{"long name", "GET", "/static/intro/" + strings.Repeat("x", 5000), 404, "", ""},
		{"post", "POST", "/static/intro/a.html", 405, "", ""},
		{"options", "OPTIONS", "/static/intro/a.html", 204, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := f.send(t, tt.method, tt.target, "")
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d: %s", w.Code, tt.status, w.Body)
			}
			if tt.status == 301 {
				if got := w.Header().Get("Location"); got != "/static/intro/sub/?a=b" {
					t.Errorf("leads to %q", got)
				}
			}
			if tt.kind == "" {
				return
			}
			if diff := cmp.Diff(tt.body, w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got := w.Header().Get("Content-Type"); got != tt.kind {
				t.Errorf("type %q, want %q", got, tt.kind)
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("pages of A+ may not load it: %q", got)
			}
			// Pages of courses use storage and load data; as gitmanager's proxies,
			// this one must not keep them from it.
			if got := w.Header().Get("Content-Security-Policy"); got != "" {
				t.Errorf("the page is restricted: %q", got)
			}
		})
	}
}

func TestStaticConditions(t *testing.T) {
	t.Parallel()
	f, content := published(t)
	at := time.Date(2026, 5, 1, 10, 0, 0, 500e6, time.UTC)
	must(t, os.Chtimes(filepath.Join(content, "_build", "a.html"), at, at))
	first := f.send(t, "GET", "/static/intro/a.html", "")
	const modified = "Fri, 01 May 2026 10:00:00 GMT"
	if got := first.Header().Get("Last-Modified"); got != modified {
		t.Fatalf("Last-Modified %q", got)
	}
	tag := first.Header().Get("Etag")
	tests := []struct {
		name, header, value string
		status              int
	}{
		{"same time", "If-Modified-Since", modified, 304},
		{"older copy", "If-Modified-Since", "Thu, 30 Apr 2026 10:00:00 GMT", 200},
		{"newer copy, after a rollback", "If-Modified-Since", "Sat, 02 May 2026 10:00:00 GMT", 200},
		{"no time", "If-Modified-Since", "yesterday", 200},
		{"same tag", "If-None-Match", tag, 304},
		{"other tag", "If-None-Match", `"x"`, 200},
		{"range", "Range", "bytes=1-2", 206},
		{"range outside", "Range", "bytes=99-", 416},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := f.send(t, "GET", "/static/intro/a.html", "", tt.header, tt.value)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if tt.status == 206 && w.Body.String() != "p>" {
				t.Errorf("range is %q", w.Body)
			}
		})
	}
}

// TestStaticSwap reads while releases are switched: every answer is one
// release's, none is missing.
func TestStaticSwap(t *testing.T) {
	t.Parallel()
	f, content := published(t)
	courses := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(content))))
	other := filepath.Join(courses, ".releases", "intro", version("w"), "content", "_build")
	must(t, os.MkdirAll(other, 0o750))
	must(t, os.WriteFile(filepath.Join(other, "a.html"), []byte("<p>b"), 0o600))
	enough, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- swap(courses, enough) }()
	seen := map[string]int{}
	for n := 0; n < 200 || len(seen) < 2; n++ {
		w := f.send(t, "GET", "/static/intro/a.html", "")
		body := w.Body.String()
		if w.Code != 200 || body != "<p>a" && body != "<p>b" {
			t.Errorf("reading %d: status %d, %q", n, w.Code, body)
			break
		}
		seen[body]++
		if len(done) > 0 {
			break
		}
	}
	close(enough)
	must(t, <-done)
}

// swap switches a course between two releases until that was enough.
func swap(courses string, enough <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-enough:
			return nil
		default:
		}
		next := filepath.Join(courses, "next")
		if err := os.Symlink(filepath.Join(".releases", "intro", version("vw"[i%2:i%2+1]), "content"), next); err != nil {
			return err
		}
		if err := os.Rename(next, filepath.Join(courses, "intro")); err != nil {
			return err
		}
	}
}

func TestStaticWithoutFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if w := f.send(t, http.MethodGet, "/static/intro/a.html", ""); w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}
