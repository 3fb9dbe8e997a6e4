package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/web"
)

// site is the pages on a real database; workflows and releases are replaced.
type site struct {
	handler http.Handler
	store   *sqlite.Store
	fake    *fake
}

func newSite(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	begin := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	return newSiteAt(t, func() time.Time { return begin }, change)
}

// newSiteAt is newSite with a clock of the rows; the pages look at them five
// minutes later.
func newSiteAt(t *testing.T, now func() time.Time, change func(*web.Config)) *site {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "db"), Migrate: true, Now: now})
	must(t, err)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{store: store, fake: &fake{store: store}}
	cfg := web.Config{
		Log: slog.New(slog.DiscardHandler), Courses: store, Rows: store, Builds: s.fake, Releases: s.fake,
		BaseURL: func(*http.Request) string { return "https://gm.example.org" },
		Now:     func() time.Time { return now().Add(5 * time.Minute) },
	}
	if change != nil {
		change(&cfg)
	}
	s.handler, err = web.New(cfg)
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) addCourse(t *testing.T, key string) course.Course {
	t.Helper()
	c := course.New(key)
	c.GitOrigin, c.GitBranch, c.WebhookSecret = "https://git.example.org/<b>.git", "main", "secret-of-"+key
	c, err := s.store.CreateCourse(t.Context(), c)
	must(t, err)
	return c
}

// running starts a build through its rows.
func (s *site) running(t *testing.T, key string) course.Build {
	t.Helper()
	ctx := t.Context()
	_, err := s.store.RequestBuild(ctx, key, course.BuildRequest{Trigger: course.TriggerHook, RequestIP: "192.0.2.7"})
	must(t, err)
	b, _, err := s.store.ClaimBuild(ctx, key, "run", nil)
	must(t, err)
	must(t, s.store.StartStep(ctx, b.ID, "checkout"))
	must(t, s.store.FinishStep(ctx, b.ID, "checkout", course.OutcomeOK, ""))
	must(t, s.store.StartStep(ctx, b.ID, "build"))
	must(t, s.store.AppendLog(ctx, b.ID, "one <script>alert(1)</script>\n\x1b[31mred\x1b[0m\n"))
	return b
}

func (s *site) get(t *testing.T, target string, want int) *goquery.Document {
	t.Helper()
	return s.answer(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil), want)
}

func (s *site) answer(t *testing.T, r *http.Request, want int) *goquery.Document {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("%s %s: status %d, want %d\n%s", r.Method, r.URL, w.Code, want, w.Body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%s: policy %q", r.URL, policy)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	must(t, err)
	return doc
}

// post sends a form and gives the address it leads to.
func (s *site) post(t *testing.T, target string, form url.Values) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, formRequest(t, target, form))
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST %s: status %d\n%s", target, w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

func formRequest(t *testing.T, target string, form url.Values) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func text(sel *goquery.Selection) string { return strings.Join(strings.Fields(sel.Text()), " ") }

func version(letter string) string { return strings.Repeat(letter, course.VersionLength) }

// fake stands for the workflows and the releases.
type fake struct {
	store        *sqlite.Store
	calls        []string
	graderErrors []string
	err          error
	releases     []course.Release
	stored       *course.Release
	published    *course.Release
	of           string // the only course with releases; empty: all have them
}

func (f *fake) has(key string) bool { return f.of == "" || f.of == key }

func (f *fake) Wake(key string) { f.calls = append(f.calls, "wake "+key) }

func (f *fake) CancelBuild(ctx context.Context, _ string, id int64) error {
	_, err := f.store.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusCancelled})
	return err
}

func (f *fake) Publish(_ context.Context, r course.PublishRequest) (course.PublishResult, error) {
	f.calls = append(f.calls, fmt.Sprintf("publish %s %v", r.Version, r.Rollback))
	return course.PublishResult{Version: r.Version, Errors: f.graderErrors}, f.err
}

func (f *fake) RemoveCourse(ctx context.Context, key string) error {
	return f.store.DeleteCourse(ctx, key)
}

func (f *fake) Stored(key string) (course.Release, error) { return give(f.stored, f.has(key)) }

func (f *fake) Published(key string) (course.Release, error) { return give(f.published, f.has(key)) }

func give(r *course.Release, has bool) (course.Release, error) {
	if r == nil || !has {
		return course.Release{}, course.ErrNotFound
	}
	return *r, nil
}

func (f *fake) Releases(key string) ([]course.Release, error) {
	if !f.has(key) {
		return nil, nil
	}
	return f.releases, nil
}
