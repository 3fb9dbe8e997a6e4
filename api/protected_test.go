package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
)

// protectedCourse is a published course with files that lead elsewhere.
func protectedCourse(t *testing.T, accelerated bool) *fixture {
	t.Helper()
	content := t.TempDir()
	static := filepath.Join(content, "_build", "html")
	must(t, os.MkdirAll(filepath.Join(static, "sub"), 0o750))
	for name, body := range map[string]string{"index.yaml": "not static", "_build/html/a.html": "<p>a", "_build/html/50% off?.mjs": "export {}"} {
		must(t, os.WriteFile(filepath.Join(content, filepath.FromSlash(name)), []byte(body), 0o600))
	}
	for name, target := range map[string]string{
		"inside": "sub/../a.html", "up": "..", "index": "../../index.yaml", "passwd": "/etc/passwd", "loop": "loop", "gone": "none",
	} {
		must(t, os.Symlink(target, filepath.Join(static, name)))
	}
	must(t, syscall.Mkfifo(filepath.Join(static, "pipe"), 0o600))
	f := newFixture(t, func(c *api.Config) { c.UseXSendfile = accelerated })
	f.addCourse(t, "intro")
	f.releases.published = &course.Release{Key: "intro", Version: version("p"), StaticDir: "_build/html"}
	f.releases.content = content
	return f
}

func TestProtectedFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, redirect string
		body, kind           string
	}{
		{"page", "a.html", "/authorized_static/intro/_build/html/a.html", "<p>a", "text/html; charset=utf-8"},
		{"odd name", "50%25%20off%3F.mjs", "/authorized_static/intro/_build/html/50%25%20off%3F.mjs", "export {}", "text/javascript; charset=utf-8"},
		{"link inside", "inside", "/authorized_static/intro/_build/html/inside", "<p>a", "application/octet-stream"},
		{"dots inside", "sub/../a.html", "/authorized_static/intro/_build/html/a.html", "<p>a", "text/html; charset=utf-8"},
		{"folder", "sub", "", "", ""},
		{"missing", "none", "", "", ""},
		{"link to nothing", "gone", "", "", ""},
		{"link out of the static folder", "index", "", "", ""},
		{"folder link out of the static folder", "up/html/a.html", "", "", ""},
		{"link out of the course", "passwd", "", "", ""},
		{"link to itself", "loop", "", "", ""},
		{"pipe", "pipe", "", "", ""},
		{"dots at the beginning", "../../index.yaml", "", "", ""},
		{"dots that only pass as text", "sub/../../../index.yaml", "", "", ""},
		{"dots that come back", "../html/a.html", "", "", ""},
		{"encoded dots", "%2e%2e/%2e%2e/index.yaml", "", "", ""},
		{"encoded slashes", "..%2f..%2findex.yaml", "", "", ""},
		{"absolute", "/etc/passwd", "", "", ""},
		{"NUL", "a.html%00", "", "", ""},
		{"long name", strings.Repeat("x", 5000), "", "", ""},
	}
	for _, accelerated := range []bool{false, true} {
		f := protectedCourse(t, accelerated)
		for _, tt := range tests {
			for _, route := range []string{"/protected/intro/", "/static/intro/"} {
				w := f.send(t, "GET", route+tt.file, "")
				if tt.kind == "" {
					if w.Code != 404 || w.Header().Get("X-Accel-Redirect") != "" {
						t.Errorf("%s at %s, accelerated %v: status %d: %s", tt.name, route, accelerated, w.Code, w.Body)
					}
					continue
				}
				redirect, body := "", tt.body
				if accelerated {
					redirect, body = tt.redirect, ""
				}
				if w.Code != 200 || w.Header().Get("X-Accel-Redirect") != redirect || w.Body.String() != body {
					t.Errorf("%s at %s: status %d, redirect %q, body %q", tt.name, route, w.Code, w.Header().Get("X-Accel-Redirect"), w.Body)
				}
				if w.Header().Get("Content-Type") != tt.kind || w.Header().Get("Cache-Control") != "private, no-cache" {
					t.Errorf("%s at %s, accelerated %v: headers %v", tt.name, route, accelerated, w.Header())
				}
			}
		}
	}
}

func TestProtectedConditions(t *testing.T) {
	t.Parallel()
	f := protectedCourse(t, false)
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	must(t, os.Chtimes(filepath.Join(f.releases.content, "_build", "html", "a.html"), at, at))
	const modified = "Fri, 01 May 2026 10:00:00 GMT"
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"If-Modified-Since", modified, 304},
		{"If-Modified-Since", "Sat, 02 May 2026 10:00:00 GMT", 200},
		{"Range", "bytes=1-2", 206},
	} {
		w := f.send(t, "GET", "/protected/intro/a.html", "", tt.header, tt.value)
		if w.Code != tt.status || w.Code != 304 && w.Header().Get("Last-Modified") != modified {
			t.Errorf("%s %s: status %d, headers %v", tt.header, tt.value, w.Code, w.Header())
		}
	}
}

func TestProtectedNeedsAStaticFolder(t *testing.T) {
	t.Parallel()
	f := protectedCourse(t, false)
	for name, change := range map[string]func(){
		"no static folder":         func() { f.releases.published.StaticDir = "" },
		"folder is gone":           func() { f.releases.published.StaticDir = "none" },
		"folder out of the course": func() { f.releases.published.StaticDir = "../.." },
		"not published":            func() { f.releases.published = nil },
	} {
		f.releases.published = &course.Release{Key: "intro", Version: version("p"), StaticDir: "_build/html"}
		change()
		if w := f.send(t, "GET", "/protected/intro/a.html", ""); w.Code != 404 {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
}
