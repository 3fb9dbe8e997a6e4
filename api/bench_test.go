package api_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
)

// BenchmarkDocument serves a document of the size of 1,000 exercises.
func BenchmarkDocument(b *testing.B) {
	f := newFixture(b, nil)
	f.addCourse(b, "intro")
	item := `{"url": "\ue0c0base\ue0c1/static/intro/a.html", "text": "` + strings.Repeat("x", 3500) + `"}`
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"modules": [` + item + strings.Repeat(", "+item, 999) + `]}`}
	b.Run("plain", func(b *testing.B) { serve(b, f, "/intro/aplus-json", 200) })
	b.Run("gzip", func(b *testing.B) { serve(b, f, "/intro/aplus-json", 200, "Accept-Encoding", "gzip") })
	b.Run("unchanged", func(b *testing.B) { serve(b, f, "/intro/aplus-json", 304, "If-None-Match", "*") })
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			f.releases.stored.Version = course.NewVersion()
			if w := f.send(b, "GET", "/intro/aplus-json", ""); w.Code != 200 {
				b.Fatal(w.Code)
			}
		}
	})
}

// BenchmarkStatic serves a small file through the links of a published course.
func BenchmarkStatic(b *testing.B) {
	base := b.TempDir()
	must(b, os.MkdirAll(filepath.Join(base, "intro"), 0o750))
	must(b, os.WriteFile(filepath.Join(base, "intro", "a.html"), []byte("<p>a"), 0o600))
	f := newFixture(b, func(c *api.Config) { c.StaticRoot, c.CoursesPath = base, base })
	serve(b, f, "/static/intro/a.html", 200)
}

// serve asks for the target again and again. Headers are pairs.
func serve(b *testing.B, f *fixture, target string, status int, headers ...string) {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), "GET", target, nil)
	r.Host = "localhost"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		if w.Code != status {
			b.Fatal(w.Code)
		}
	}
}
