package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/coursetest"
)

// What teachers and students do in A+, call by call: clone, save, save again,
// import, read chapters and the log, and follow the link to the service.
func TestEveryCallOfAPlus(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	files := tiny("One")
	files["index.yaml"] += "unprotected_paths: [css]\n"
	c.repo.Commit(files, "first")
	ctx, plus := t.Context(), c.world.APlus
	saved := coursetest.CourseSettings{Key: "saved", GitOrigin: c.repo.URL(), GitBranch: "main", EmailOnError: true}
	cloned := saved
	cloned.Key = "cloned_2026Autumn"
	if err := plus.CloneCourse(ctx, 6, c.base, cloned); err != nil {
		t.Fatal(err)
	}
	for _, branch := range []string{"main", "other", "main"} { // added, then changed twice
		saved.GitBranch = branch
		if err := plus.SaveCourse(ctx, 7, c.base, saved); err != nil {
			t.Fatal(err)
		}
		if row, err := c.system.store.CourseByRemoteID(ctx, 7); err != nil || row.Key != "saved" || row.GitBranch != branch || row.WebhookSecret == "" {
			t.Fatalf("the course is %+v, %v", row, err)
		}
	}
	for key, id := range map[string]int64{"cloned_2026Autumn": 6, "saved": 7} {
		rows, err := c.system.store.ListBuilds(ctx, key, course.Page{Limit: 1})
		if err != nil || len(rows) != 1 {
			t.Fatalf("builds of %s: %v, %v", key, rows, err)
		}
		if b := c.await(rows[0].ID); b.Status != course.StatusSuccess {
			t.Fatalf("build of %s ended %s %s", key, b.Status, b.Reason)
		}
		if in := plus.Import(ctx, id); !in.Success || len(in.Errors) > 0 {
			t.Errorf("import of %s: %v", key, in.Errors)
		}
		status, page, err := plus.Page(ctx, id, c.base+"/static/"+key+"/index.html", "en")
		if err != nil || status != http.StatusOK || string(page) != "<p>One</p>\n" {
			t.Errorf("a protected chapter of %s: %d %q, %v", key, status, page, err)
		}
		if log, err := plus.BuildLog(ctx, id); err != nil || log.Text == "" {
			t.Errorf("the log of %s: %+v, %v", key, log, err)
		}
	}
	c.checkChapterIsCached(t)
	c.checkLink(t)
}

// checkChapterIsCached reads a chapter as A+ does, which keeps a copy.
func (c *campus) checkChapterIsCached(t *testing.T) {
	t.Helper()
	address := c.base + "/static/saved/index.html?lang=en"
	token, err := c.world.APlus.Token(address, 7, coursetest.Read)
	if err != nil {
		t.Fatal(err)
	}
	first := ask(t, http.MethodGet, address, "Authorization", "Bearer "+token)
	since := first.Header.Get("Last-Modified")
	if first.StatusCode != http.StatusOK || since == "" || first.Header.Get("Content-Type") == "" {
		t.Errorf("a chapter: %d %v", first.StatusCode, first.Header)
	}
	if again := ask(t, http.MethodGet, address, "Authorization", "Bearer "+token, "If-Modified-Since", since); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same chapter again: %d", again.StatusCode)
	}
	if stranger := ask(t, http.MethodGet, address); stranger.StatusCode != http.StatusFound {
		t.Errorf("the chapter without a token: %d", stranger.StatusCode)
	}
}

// checkLink follows the link to the service: a teacher's token, the cookie for
// it, the page.
func (c *campus) checkLink(t *testing.T) {
	t.Helper()
	token, err := c.world.APlus.UserToken("teacher", "gitmanager", 7)
	if err != nil {
		t.Fatal(err)
	}
	login := ask(t, http.MethodPost, c.base+"/login", "Authorization", "Bearer "+token, "Origin", c.world.APlusURL)
	if login.StatusCode != http.StatusOK || login.Header.Get("Access-Control-Allow-Origin") != c.world.APlusURL || len(login.Cookies()) != 1 {
		t.Fatalf("the login: %d %v", login.StatusCode, login.Header)
	}
	cookie := login.Cookies()[0]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	page, err := io.ReadAll(res.Body)
	if text := string(page); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(text, "/saved/") || strings.Contains(text, "cloned_2026Autumn") {
		t.Errorf("the courses of the teacher: %d, %v\n%s", res.StatusCode, err, page)
	}
}

// ask sends a request and gives the answer without its body. A redirect counts as
// the answer.
func ask(t *testing.T, method, address string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res
}
