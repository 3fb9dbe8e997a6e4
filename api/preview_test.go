package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/release"
)

// previewed is the course intro with release 1 published, release 2 stored and
// a preview of a branch as release 3, all in a real depot.
func previewed(t *testing.T, files map[string]string, change func(*api.Config)) *fixture {
	t.Helper()
	dir := t.TempDir()
	depot, err := release.Open(release.Config{StorePath: filepath.Join(dir, "store"), PublishPath: filepath.Join(dir, "courses")})
	must(t, err)
	for build := 1; build <= 3; build++ {
		source := filepath.Join(dir, fmt.Sprint(build))
		for name, text := range files {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o750))
			must(t, os.WriteFile(filepath.Join(source, name), []byte(strings.ReplaceAll(text, "BUILD", fmt.Sprint(build))), 0o600))
		}
		r := release.StageRequest{
			Key: "intro", Version: releaseOf(build), BuildID: int64(build), SourceDir: source, StaticDir: "html", RemoteID: new(int64(5)), Files: []string{"solution.py"},
			Docs: map[string][]byte{"lms.json": []byte(strings.ReplaceAll(files["lms.json"], "BUILD", fmt.Sprint(build))), "course.json": []byte(files["course.json"])},
		}
		if build == 3 {
			r.Preview = "draft"
		}
		_, err := depot.Stage(t.Context(), r)
		must(t, err)
		if build == 3 {
			must(t, depot.CommitPreview(t.Context(), "intro", r.Version))
			continue
		}
		must(t, depot.Commit(t.Context(), "intro", r.Version))
		if build == 1 {
			_, err = depot.Publish(t.Context(), course.PublishRequest{Key: "intro", Version: r.Version})
			must(t, err)
		}
	}
	f := newFixture(t, func(c *api.Config) {
		c.Auth, c.Releases = tokenless{}, depot
		if change != nil {
			change(c)
		}
	})
	c := f.addCourse(t, "intro")
	c.RemoteID = new(int64(5))
	_, err = f.store.UpdateCourse(t.Context(), c)
	must(t, err)
	return f
}

func releaseOf(build int) string { return fmt.Sprintf("%0*d", course.VersionLength, build) }

func previewFiles() map[string]string {
	return map[string]string{
		"html/index.html": `<a href="/static/intro/b/">B</a> <img src='http://localhost:8080/static/intro/a.png'> <a href=/static/5/c.html>C</a>` +
			`<a href="https://cdn.example.org/static/intro/d.js"></a><a href="/static/other/x"></a><a href="b/index.html"></a><a href="http://elsewhere/static/intro/x">` +
			`<p style="background: url(/static/intro/p.png)">/static/introduction/</p>`,
		"html/b/index.html": "build BUILD",
		"html/a.png":        `"/static/intro/" in a picture stays`,
		"solution.py":       "answer BUILD",
		"lms.json": `{"name": "I", "modules": [{"children": [{"url": {"en": "\ue0c0base\ue0c1/static/intro/b/index.html"}, "description": "<a href=\"/static/intro/x\">", ` +
			`"model_answer": "\ue0c0base\ue0c1/model/intro/ex/solution.py \ue0c0base\ue0c1/model/intro/ex/more.py?lang=en"}]}], "head_urls": ["https://cdn.example.org/static/intro/h.css"]}`,
		"course.json": `{"exercises": [{"key": "ex", "languages": [{"language": "en", "model_files": ["solution.py"]}]}]}`,
	}
}

func TestPreviewsLinkToThemselves(t *testing.T) {
	t.Parallel()
	f := previewed(t, previewFiles(), func(c *api.Config) { c.StaticContentHost = "https://cdn.example.org" })
	for build := 1; build <= 3; build++ {
		at := "/preview/intro/" + releaseOf(build) + "/"
		get := func(path string, want int) string {
			t.Helper()
			w := f.send(t, http.MethodGet, at+path, "", "X-Caller", "reader")
			if w.Code != want {
				t.Fatalf("%s: status %d, want %d: %s", at+path, w.Code, want, w.Body)
			}
			if cache, vary := w.Header().Get("Cache-Control"), w.Header().Get("Vary"); cache != "private, no-cache" || vary != "Authorization, Cookie" {
				t.Errorf("%s: caches are told %q, %q", path, cache, vary)
			}
			if w.Code == http.StatusFound {
				return w.Header().Get("Location")
			}
			return w.Body.String()
		}
		page := `<a href="` + at + `static/b/">B</a> <img src='` + at + `static/a.png'> <a href=` + at + `static/c.html>C</a>` +
			`<a href="` + at + `static/d.js"></a><a href="/static/other/x"></a><a href="b/index.html"></a><a href="http://elsewhere/static/intro/x">` +
			`<p style="background: url(` + at + `static/p.png)">/static/introduction/</p>`
		for path, want := range map[string]string{
			"static/": page, "static/index.html": page, "static/b/": fmt.Sprint("build ", build), "static/a.png": `"/static/intro/" in a picture stays`,
			"model/ex/solution.py": fmt.Sprint("answer ", build),
		} {
			if d := cmp.Diff(want, get(path, http.StatusOK)); d != "" {
				t.Errorf("%s (-want +got):\n%s", path, d)
			}
		}
		if to := get("", http.StatusFound); to != at+"static/index.html" {
			t.Errorf("the preview begins at %s", to)
		}
		if to := get("static/b", http.StatusFound); to != at+"static/b/" {
			t.Errorf("a folder leads to %s", to)
		}
		get("static/none.html", http.StatusNotFound)
		get("model/ex/none.py", http.StatusNotFound)
		get("exercise_template/ex/solution.py", http.StatusNotFound)
		base := "http://localhost:8080" + at
		var got map[string]any
		must(t, json.Unmarshal([]byte(get("aplus-json", http.StatusOK)), &got))
		want := map[string]any{
			"name": "I", "errors": []any{}, "head_urls": []any{base + "static/h.css"},
			"modules": []any{map[string]any{"children": []any{map[string]any{
				"url": map[string]any{"en": base + "static/b/index.html"}, "description": `<a href="` + base + `static/x">`,
				"model_answer": base + "model/ex/solution.py " + base + "model/ex/more.py?lang=en",
			}}}},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("aplus-json (-want +got):\n%s", d)
		}
	}
	w := f.send(t, http.MethodGet, "/api/v1/courses/intro/previews", "", "X-Caller", "reader")
	if body := w.Body.String(); !strings.Contains(body, `"branch":"draft","path":"/preview/intro/`+releaseOf(3)+`/"`) || strings.Contains(body, releaseOf(2)) {
		t.Errorf("the list of previews is %s", body)
	}
}

func TestAPreviewIsRevalidated(t *testing.T) {
	t.Parallel()
	f := previewed(t, previewFiles(), func(c *api.Config) { c.UseXSendfile = true })
	for _, path := range []string{"aplus-json", "static/index.html", "static/a.png"} {
		at := "/preview/intro/" + releaseOf(3) + "/" + path
		first := f.send(t, http.MethodGet, at, "", "X-Caller", "reader")
		if first.Code != http.StatusOK || first.Header().Get("X-Accel-Redirect") != "" || first.Body.Len() == 0 {
			t.Fatalf("%s: status %d, %v", path, first.Code, first.Header())
		}
		again := f.send(t, http.MethodGet, at, "", "X-Caller", "reader", "If-None-Match", first.Header().Get("Etag"))
		if again.Code != http.StatusNotModified {
			t.Errorf("%s: status %d for who has it", path, again.Code)
		}
	}
}

// Where courses' files have a host of their own, a preview's scripts must not act
// for who reads it under the service's name.
func TestScriptsOfPreviews(t *testing.T) {
	t.Parallel()
	for host, runs := range map[string]bool{"": true, "http://localhost:8080": true, "https://cdn.example.org": false} {
		f := previewed(t, previewFiles(), func(c *api.Config) { c.StaticContentHost = host })
		w := f.send(t, http.MethodGet, "/preview/intro/"+releaseOf(3)+"/static/", "", "X-Caller", "reader")
		policy := w.Header().Get("Content-Security-Policy")
		if strings.Contains(policy, "script-src 'none'") == runs || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("with static files at %q: policy %q", host, policy)
		}
	}
}

func TestAPreviewWithoutAnIndexBeginsAtItsFirstChapter(t *testing.T) {
	t.Parallel()
	files := previewFiles()
	delete(files, "html/index.html")
	f := previewed(t, files, nil)
	at := "/preview/intro/" + releaseOf(2) + "/"
	if to := f.send(t, http.MethodGet, at, "", "X-Caller", "reader").Header().Get("Location"); to != at+"static/b/index.html" {
		t.Errorf("the preview begins at %q", to)
	}
	files["lms.json"] = `{"modules": []}`
	f = previewed(t, files, nil)
	if to := f.send(t, http.MethodGet, at, "", "X-Caller", "reader").Header().Get("Location"); to != at+"aplus-json" {
		t.Errorf("the preview without chapters begins at %q", to)
	}
}

func TestPreviewsAreForReaders(t *testing.T) {
	t.Parallel()
	f := previewed(t, previewFiles(), nil)
	for _, path := range []string{"", "aplus-json", "static/index.html", "static/none.html", "model/ex/solution.py"} {
		for caller, status := range map[string]int{"": http.StatusFound, "nobody": http.StatusForbidden, "writer": http.StatusForbidden, "stranger": http.StatusUnauthorized} {
			var headers []string
			if caller != "" {
				headers = []string{"X-Caller", caller}
			}
			w := f.send(t, http.MethodGet, "/preview/intro/"+releaseOf(2)+"/"+path, "", headers...)
			if w.Code != status || caller == "" && !strings.HasPrefix(w.Header().Get("Location"), "/login") {
				t.Errorf("%s as %q: status %d, want %d", path, caller, w.Code, status)
			}
		}
	}
}
