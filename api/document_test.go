package api_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"coursewright/internal/course"
)

func TestDocumentConditions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"text": "` + strings.Repeat("ä", 5000) + `"}`}
	first := f.send(t, "GET", "/intro/aplus-json", "")
	tag := first.Header().Get("Etag")
	if tag == "" || first.Header().Get("Vary") != "Accept-Encoding" || first.Header().Get("Content-Encoding") != "" {
		t.Fatalf("headers %v", first.Header())
	}
	tests := []struct {
		name, method, header, value string
		status                      int
		zipped                      bool
	}{
		{"same tag", "GET", "If-None-Match", tag, 304, false},
		{"same tag, strong", "HEAD", "If-None-Match", strings.TrimPrefix(tag, "W/"), 304, false},
		{"one of several tags", "GET", "If-None-Match", `"x", ` + tag, 304, false},
		{"any tag", "GET", "If-None-Match", "*", 304, false},
		{"other tag", "GET", "If-None-Match", `"x"`, 200, false},
		{"post", "POST", "If-None-Match", tag, 200, false},
		{"other host", "GET", "Host", "127.0.0.1", 200, false},
		{"as A+ asks", "GET", "Accept-Encoding", "gzip, deflate", 200, true},
		{"by weight", "GET", "Accept-Encoding", "br;q=1.0, GZIP;q=0.1", 200, true},
		{"anything", "GET", "Accept-Encoding", "*", 200, true},
		{"refused", "GET", "Accept-Encoding", "gzip;q=0, *", 200, false},
		{"odd weight", "GET", "Accept-Encoding", "gzip;q=much", 200, false},
		{"other codings", "GET", "Accept-Encoding", "br, zstd", 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := f.send(t, tt.method, "/intro/aplus-json", "", tt.header, tt.value)
			if w.Code != tt.status || (w.Header().Get("Content-Encoding") == "gzip") != tt.zipped {
				t.Fatalf("status %d, headers %v", w.Code, w.Header())
			}
			if w.Code == 304 {
				if w.Body.Len() > 0 || w.Header().Get("Etag") != tag {
					t.Errorf("headers %v, body %q", w.Header(), w.Body)
				}
				return
			}
			if got := w.Header().Get("Content-Length"); got != fmt.Sprint(w.Body.Len()) {
				t.Errorf("length %s of %d", got, w.Body.Len())
			}
			if same := w.Header().Get("Etag") == tag; same == (tt.header == "Host") {
				t.Errorf("tag %s for another base address or another tag for the same", w.Header().Get("Etag"))
			}
			if !tt.zipped {
				return
			}
			in, err := gzip.NewReader(w.Body)
			must(t, err)
			body, err := io.ReadAll(in)
			must(t, err)
			if string(body) != first.Body.String() {
				t.Errorf("unzipped: %.80s", body)
			}
		})
	}
}

// TestDocumentIsFinishedOnce takes the stored document away after the first
// request: what follows is answered from memory.
func TestDocumentIsFinishedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"name": "Intro"}`}
	first := f.send(t, "GET", "/intro/aplus-json", "").Body.String()
	f.releases.stored.Dir = ""
	if got := f.send(t, "GET", "/intro/aplus-json", "").Body.String(); got != first {
		t.Errorf("then %s", got)
	}
	f.releases.stored.Version = version("t")
	if got := f.send(t, "GET", "/intro/aplus-json", "").Body.String(); !strings.Contains(got, `"success":false`) {
		t.Errorf("another version is answered with %s", got)
	}
}

// TestDocumentWithoutFailsafes leaves the stored release aside, which may be
// from before the course skipped the failsafes.
func TestDocumentWithoutFailsafes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.addCourse(t, "intro")
	c.SkipBuildFailsafes = true
	_, err := f.store.UpdateCourse(t.Context(), c)
	must(t, err)
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"name": "old"}`}
	if got := f.send(t, "GET", "/intro/aplus-json", "").Body.String(); !strings.Contains(got, "has no version yet") {
		t.Errorf("before it is published: %s", got)
	}
	f.releases.published = &course.Release{Key: "intro", Version: version("p"), Dir: `{"name": "new"}`}
	if got := f.send(t, "GET", "/intro/aplus-json", "").Body.String(); !strings.Contains(got, `"name": "new"`) || !strings.Contains(got, "/publish/PUBLISH/ppp") {
		t.Errorf("published: %s", got)
	}
}
