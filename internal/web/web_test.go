package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

func TestList(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *web.Config) { c.SSHKey = "ssh-ed25519 AAAA" })
	if got := text(s.get(t, "/", http.StatusOK).Find(".empty")); got != "There are no courses yet. Add the first one." {
		t.Errorf("empty list says %q", got)
	}
	s.addCourse(t, "alpha")
	s.addCourse(t, "beta")
	s.running(t, "alpha")
	doc := s.get(t, "/gitmanager/", http.StatusOK)
	var rows []string
	doc.Find("tbody tr").Each(func(_ int, row *goquery.Selection) { rows = append(rows, text(row)) })
	want := []string{
		"betahttps://git.example.org/<b>.git never built–– nothing main",
		"alphahttps://git.example.org/<b>.git running 5 minutes ago 5 min 0 s – nothing main",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got := text(doc.Find("#ssh-key")); got != "ssh-ed25519 AAAA" {
		t.Errorf("key %q", got)
	}
	if got := doc.Find("#live").AttrOr("data-refresh", ""); got != "2" {
		t.Errorf("refresh %q while a build runs", got)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for i := range 103 {
		s.addCourse(t, fmt.Sprintf("c%03d", i))
	}
	doc := s.get(t, "/", http.StatusOK)
	if n := doc.Find("tbody tr").Length(); n != 100 {
		t.Errorf("%d rows on the first page", n)
	}
	next, _ := doc.Find("a[rel=next]").Attr("href")
	last := s.get(t, "/"+next, http.StatusOK)
	if n := last.Find("tbody tr").Length(); n != 3 {
		t.Errorf("%d rows on the last page", n)
	}
	if last.Find("a[rel=next]").Length() != 0 {
		t.Error("the last page leads on")
	}
}

func TestCoursePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	s.running(t, "alpha")
	s.fake.stored = &course.Release{Key: "alpha", Version: version("n"), BuildID: 9}
	s.fake.releases = []course.Release{{Key: "alpha", Version: version("p"), BuildID: 5}, {Key: "alpha", Version: version("o"), BuildID: 2}}
	s.fake.published = &s.fake.releases[0]
	doc := s.get(t, "/gitmanager/alpha/webhook", http.StatusOK)
	if got := text(doc.Find("dd code")); !strings.Contains(got, "https://gm.example.org/gitmanager/alpha/hook") || !strings.Contains(got, "secret-of-alpha") {
		t.Errorf("facts %q", got)
	}
	doc = s.get(t, "/gitmanager/alpha/updates", http.StatusOK)
	var buttons []string
	doc.Find("#releases-part form").Each(func(_ int, form *goquery.Selection) {
		buttons = append(buttons, text(form)+" "+form.AttrOr("action", "")[len("/gitmanager/alpha/releases/"):][:1]+" "+form.Find("input").AttrOr("value", ""))
	})
	if diff := cmp.Diff([]string{"Publish n ", "Roll back o true"}, buttons); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	if got := text(s.get(t, "/alpha/", http.StatusOK).Find("dd code").First()); got != "https://gm.example.org/alpha/aplus-json" {
		t.Errorf("configuration address %q", got)
	}
}

func TestReadersSeeNoSecret(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *web.Config) {
		c.May = func(_ *http.Request, write bool, _ course.Course) bool { return !write }
	})
	s.addCourse(t, "alpha")
	b := s.running(t, "alpha")
	doc := s.get(t, "/gitmanager/alpha/updates", http.StatusOK)
	if html, err := doc.Html(); err != nil || strings.Contains(html, "secret-of-alpha") || doc.Find("main form[method=post]").Length() != 0 {
		t.Errorf("a reader sees the secret or a form (%v)", err)
	}
	if s.get(t, fmt.Sprintf("/gitmanager/alpha/builds/%d", b.ID), http.StatusOK).Find("main form[method=post]").Length() != 0 {
		t.Error("a reader sees the cancel button")
	}
	s.get(t, "/gitmanager/alpha/", http.StatusForbidden)
	for _, at := range []string{"builds", fmt.Sprintf("builds/%d/cancel", b.ID), "releases/" + version("n") + "/publish", "webhook-secret", "delete", "deliveries/1/redeliver", ""} {
		s.answer(t, formRequest(t, "/gitmanager/alpha/"+at, nil), http.StatusForbidden)
	}
}

func TestBuildPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *web.Config) {
		c.RunURL = func(b course.Build) string { return "https://temporal.example.org/" + b.RunID }
	})
	s.addCourse(t, "alpha")
	b := s.running(t, "alpha")
	page := fmt.Sprintf("/gitmanager/alpha/builds/%d", b.ID)
	doc := s.get(t, page, http.StatusOK)
	log := doc.Find("#output")
	if got := log.Find("#part-2 .block > div").Map(func(_ int, line *goquery.Selection) string { return line.AttrOr("id", "") + " " + line.Text() }); !slices.Equal(got, []string{"L1 one <script>alert(1)</script>", "L2 red"}) {
		t.Errorf("log %q", got)
	}
	if got := log.Find("#part-2 span.f1").Text(); got != "red" {
		t.Errorf("red part %q", got)
	}
	if got := log.AttrOr("data-events", ""); got != fmt.Sprintf("/api/v1/courses/alpha/builds/%d/events?offset=43", b.ID) {
		t.Errorf("events at %q", got)
	}
	if got := text(doc.Find("summary.running")); got != "Run the build command running, 5 min 0 s" {
		t.Errorf("running step %q", got)
	}
	if got := doc.Find("dd a").AttrOr("href", ""); got != "https://temporal.example.org/run" {
		t.Errorf("workflow at %q", got)
	}
	if at := s.post(t, page+"/cancel", nil); at != page {
		t.Errorf("cancel leads to %q", at)
	}
	doc = s.get(t, page, http.StatusOK)
	if got := text(doc.Find("h1")); got != fmt.Sprintf("Build %d cancelled", b.ID) {
		t.Errorf("heading %q", got)
	}
	if _, live := doc.Find("#output").Attr("data-events"); live {
		t.Error("the log of an ended build is live")
	}
	s.addCourse(t, "beta")
	s.get(t, fmt.Sprintf("/gitmanager/beta/builds/%d", b.ID), http.StatusNotFound)
	s.get(t, "/gitmanager/alpha/builds/x", http.StatusNotFound)
	s.get(t, "/gitmanager/alpha/builds/99", http.StatusNotFound)
}

func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	wrong := url.Values{"key": {"a b"}, "remote_id": {"x"}, "git_branch": {""}}
	doc := s.answer(t, formRequest(t, "/gitmanager/new/", wrong), http.StatusOK)
	var invalid []string
	doc.Find("[aria-invalid]").Each(func(_ int, in *goquery.Selection) { invalid = append(invalid, in.AttrOr("name", "")) })
	if diff := cmp.Diff([]string{"key", "remote_id", "git_branch"}, invalid); diff != "" {
		t.Errorf("invalid fields (-want +got):\n%s", diff)
	}
	if got := doc.Find("#remote_id").AttrOr("value", ""); got != "x" {
		t.Errorf("the form forgot the id: %q", got)
	}

	good := url.Values{"key": {"alpha"}, "remote_id": {" 7 "}, "git_branch": {"main"}, "email_on_error": {"on"}}
	if at := s.post(t, "/gitmanager/new/", good); at != "/gitmanager/alpha/updates?done=saved" {
		t.Errorf("creating leads to %q", at)
	}
	c, err := s.store.Course(t.Context(), "alpha")
	must(t, err)
	if *c.RemoteID != 7 || !c.EmailOnError || c.UpdateAutomatically {
		t.Errorf("saved %+v", c)
	}
	doc = s.answer(t, formRequest(t, "/gitmanager/new/", good), http.StatusOK)
	if got := text(doc.Find(".notice li").First()); !strings.HasPrefix(got, "key: ") {
		t.Errorf("a taken key says %q", got)
	}

	s.post(t, "/gitmanager/alpha/", url.Values{"key": {"alpha"}, "git_branch": {"dev"}})
	changed, err := s.store.Course(t.Context(), "alpha")
	must(t, err)
	if changed.GitBranch != "dev" || changed.RemoteID != nil || changed.WebhookSecret != c.WebhookSecret {
		t.Errorf("changed to %+v", changed)
	}
	s.post(t, "/gitmanager/alpha/webhook-secret", nil)
	renewed, err := s.store.Course(t.Context(), "alpha")
	must(t, err)
	if renewed.WebhookSecret == c.WebhookSecret {
		t.Error("the secret stayed")
	}
}

func TestKeyStaysDuringABuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	s.running(t, "alpha")
	doc := s.answer(t, formRequest(t, "/gitmanager/alpha/", url.Values{"key": {"beta"}, "git_branch": {"main"}}), http.StatusOK)
	if got := text(doc.Find("#key ~ .problem").First()); !strings.Contains(got, "has not ended") {
		t.Errorf("the form says %q", got)
	}
	if _, err := s.store.Course(t.Context(), "alpha"); err != nil {
		t.Errorf("the course lost its key: %v", err)
	}
}

func TestStartBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	at := s.post(t, "/gitmanager/alpha/builds", url.Values{"rebuild_all": {"on"}, "build_image": {"example/image:2"}})
	list, err := s.store.ListBuilds(t.Context(), "alpha", course.Page{Limit: 2})
	must(t, err)
	if len(list) != 1 || at != fmt.Sprintf("/gitmanager/alpha/builds/%d", list[0].ID) {
		t.Fatalf("led to %q with builds %+v", at, list)
	}
	want := course.BuildOptions{RebuildAll: true, BuildImage: "example/image:2"}
	if diff := cmp.Diff(want, list[0].Options); diff != "" || list[0].Trigger != course.TriggerPage || list[0].RequestIP != "192.0.2.1" {
		t.Errorf("recorded %+v (-want +got):\n%s", list[0], diff)
	}
	if diff := cmp.Diff([]string{"wake alpha"}, s.fake.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	target := "/gitmanager/alpha/releases/" + version("n") + "/publish"
	if at := s.post(t, target, nil); at != "/gitmanager/alpha/updates?done=published" {
		t.Errorf("led to %q", at)
	}
	s.post(t, target, url.Values{"rollback": {"true"}})
	want := []string{"publish " + version("n") + " false", "publish " + version("n") + " true"}
	if diff := cmp.Diff(want, s.fake.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	s.fake.graderErrors = []string{"grader: <down>"}
	doc := s.answer(t, formRequest(t, target, nil), http.StatusOK)
	if got := text(doc.Find(".notice p").Last()); got != "grader: <down>" {
		t.Errorf("the page says %q", got)
	}
	s.answer(t, formRequest(t, "/gitmanager/alpha/releases/short/publish", nil), http.StatusNotFound)
	s.fake.err = fmt.Errorf("a newer release is published: %w", course.ErrConflict)
	s.answer(t, formRequest(t, target, nil), http.StatusConflict)
	s.fake.err = io.ErrUnexpectedEOF
	doc = s.answer(t, formRequest(t, target, nil), http.StatusInternalServerError)
	if strings.Contains(doc.Text(), io.ErrUnexpectedEOF.Error()) {
		t.Error("the page shows the cause of the service's trouble")
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	doc := s.answer(t, formRequest(t, "/gitmanager/alpha/delete", url.Values{"confirm": {"beta"}}), http.StatusOK)
	if doc.Find("#confirm[aria-invalid]").Length() != 1 {
		t.Error("the wrong confirmation is not marked")
	}
	if action := doc.Find("form.fields").AttrOr("action", ""); action != "/gitmanager/alpha/" {
		t.Errorf("the edit form goes to %q", action)
	}
	if at := s.post(t, "/gitmanager/alpha/delete", url.Values{"confirm": {"alpha"}}); at != "/gitmanager/" {
		t.Errorf("led to %q", at)
	}
	s.get(t, "/gitmanager/alpha/updates", http.StatusNotFound)
}

func TestForeignFormsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	for name, header := range map[string]string{"Origin": "https://evil.example.org", "Sec-Fetch-Site": "cross-site"} {
		r := formRequest(t, "/gitmanager/alpha/builds", nil)
		r.Header.Set(name, header)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s %s: status %d", name, header, w.Code)
		}
	}
	if s.fake.calls != nil {
		t.Errorf("calls %v", s.fake.calls)
	}
}

func TestOddAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, at := range []string{"/nothing/", "/static/", "/gitmanager/a%20b/updates", "/gitmanager/nothing/updates", "/x/y/z"} {
		s.get(t, at, http.StatusNotFound)
	}
	big := formRequest(t, "/gitmanager/new/", url.Values{"key": {strings.Repeat("x", 2<<20)}})
	s.answer(t, big, http.StatusRequestEntityTooLarge)
	s.answer(t, formRequestBody(t, "/gitmanager/new/", "%zz"), http.StatusOK)
}

func formRequestBody(t *testing.T, target, body string) *http.Request {
	t.Helper()
	r := formRequest(t, target, nil)
	r.Body = io.NopCloser(strings.NewReader(body))
	return r
}

// TestPagesAreAccessible checks what can be checked without eyes: landmarks,
// one heading, named fields and buttons, and no ids used twice.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *web.Config) { c.SSHKey = "key" })
	s.addCourse(t, "alpha")
	b := s.running(t, "alpha")
	s.fake.stored = &course.Release{Key: "alpha", Version: version("n"), BuildID: 9}
	for _, at := range []string{
		"/", "/alpha/", "/gitmanager/new/", "/gitmanager/alpha/", "/gitmanager/alpha/updates", "/gitmanager/alpha/webhook", fmt.Sprintf("/gitmanager/alpha/builds/%d", b.ID),
	} {
		doc := s.get(t, at, http.StatusOK)
		for selector, want := range map[string]int{"html[lang]": 1, "main#main": 1, "header": 1, "main h1": 1, "a.skip[href='#main']": 1} {
			if got := doc.Find(selector).Length(); got != want {
				t.Errorf("%s: %d of %s, want %d", at, got, selector, want)
			}
		}
		doc.Find("input:not([type=hidden])").Each(func(_ int, in *goquery.Selection) {
			id := in.AttrOr("id", "none")
			if in.Closest("label").Length() == 0 && doc.Find("label[for="+id+"]").Length() != 1 {
				t.Errorf("%s: field %s has no label", at, in.AttrOr("name", "?"))
			}
		})
		doc.Find("button, a:not([aria-hidden])").Each(func(_ int, one *goquery.Selection) {
			if text(one) == "" && one.AttrOr("aria-label", "") == "" {
				t.Errorf("%s: a link or button has no name", at)
			}
		})
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, one *goquery.Selection) {
			id, _ := one.Attr("id")
			if ids[id] {
				t.Errorf("%s: id %s is used twice", at, id)
			}
			ids[id] = true
		})
		doc.Find("[aria-labelledby], [aria-describedby]").Each(func(_ int, one *goquery.Selection) {
			for id := range strings.FieldsSeq(one.AttrOr("aria-labelledby", one.AttrOr("aria-describedby", ""))) {
				if !ids[id] {
					t.Errorf("%s: %s names nothing", at, id)
				}
			}
		})
		if doc.Find("[style], script:not([src])").Length() != 0 {
			t.Errorf("%s: the policy forbids styles and scripts in the page", at)
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for name, want := range map[string]string{"style.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/"+name, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want {
			t.Errorf("%s: status %d, type %q", name, w.Code, w.Header().Get("Content-Type"))
		}
	}
	s.get(t, "/assets/none.css", http.StatusNotFound)
	s.get(t, "/assets/..%2ftemplates%2flist.html", http.StatusNotFound)
}
