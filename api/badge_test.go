package api_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
)

// titleOf reads a badge as a program would, which must be well-formed.
func titleOf(t *testing.T, svg string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	title, inTitle := "", false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return title
		}
		must(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inTitle = token.Name.Local == "title"
			if name := token.Name.Local; name == "script" || name == "a" || name == "image" || name == "foreignObject" {
				t.Errorf("the badge has an element %s", name)
			}
		case xml.CharData:
			if inTitle {
				title += string(token)
			}
		case xml.EndElement:
			inTitle = false
		}
	}
}

func TestBadge(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Auth = tokenless{} })
	f.addCourse(t, "intro")
	show := func(query, want string) {
		t.Helper()
		w := f.send(t, http.MethodGet, "/gitmanager/intro/badge.svg"+query, "") // without a token
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml; charset=utf-8" || w.Header().Get("Cache-Control") != "public, max-age=60" {
			t.Fatalf("%s: status %d, %v", query, w.Code, w.Header())
		}
		if got := titleOf(t, w.Body.String()); got != want {
			t.Errorf("%s: the badge says %q, want %q", query, got, want)
		}
		again := f.send(t, http.MethodGet, "/gitmanager/intro/badge.svg"+query, "", "If-None-Match", w.Header().Get("Etag"))
		if again.Code != http.StatusNotModified {
			t.Errorf("%s: status %d for who has it", query, again.Code)
		}
	}
	show("", "build: none yet")
	show("?show=published", "published: not yet")
	f.endedBuild(t, "intro", course.StatusSuccess, "secret words\n")
	show("", "build: passing")
	f.endedBuild(t, "intro", course.StatusFailed, "")
	show("", "build: failing")
	_, err := f.store.RequestBuild(t.Context(), "intro", course.BuildRequest{Options: course.BuildOptions{PreviewBranch: "draft"}})
	must(t, err)
	show("", "build: failing") // a preview is not the course's
	_, err = f.store.RequestBuild(t.Context(), "intro", course.BuildRequest{})
	must(t, err)
	show("", "build: waiting")
	f.releases.published = &course.Release{Key: "intro", Version: version("p"), PublishedAt: time.Date(2026, 9, 1, 1, 0, 0, 0, time.UTC)}
	show("?show=published", "published: 2026-09-01")
	f.releases.stored = &course.Release{Key: "intro", Version: version("s")}
	show("?show=published", "published: 2026-09-01, update waits")
	for label, want := range map[string]string{
		`</title><script>alert(1)</script>&"'`: `</title><script>alert(1)</script>&"'`,
		"käynnissä":                            "käynnissä",
		"\x00\xff":                             "\ufffd\ufffd",
		strings.Repeat("ä", 50):                strings.Repeat("ä", 39) + "…",
	} {
		show("?label="+url.QueryEscape(label), want+": waiting")
	}
	if w := f.send(t, http.MethodGet, "/gitmanager/none/badge.svg", ""); w.Code != http.StatusNotFound {
		t.Errorf("a course that is not there: status %d", w.Code)
	}
}
