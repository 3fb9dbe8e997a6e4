package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/coursediff"
	"coursewright/internal/store/sqlite"
)

// fixture is the API on a real database; only the workflows and the releases
// are replaced.
type fixture struct {
	handler  http.Handler
	store    *sqlite.Store
	builds   *workflows
	releases *releases
	log      *strings.Builder
}

// newFixture starts an API. change may alter its configuration.
func newFixture(tb testing.TB, change func(*api.Config)) *fixture {
	tb.Helper()
	var seconds atomic.Int64
	clock := func() time.Time {
		return time.Date(2026, 9, 1, 12, 0, int(seconds.Add(1)), 0, time.UTC)
	}
	store, err := sqlite.Open(tb.Context(), sqlite.Options{Path: filepath.Join(tb.TempDir(), "db"), Migrate: true, Now: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	f := &fixture{store: store, builds: &workflows{store: store}, releases: &releases{}, log: &strings.Builder{}}
	addresses, err := api.NewAddresses("", nil)
	must(tb, err)
	cfg := api.Config{
		Addresses: addresses,
		Log:       slog.New(slog.NewTextHandler(f.log, nil)),
		Courses:   store, Rows: store, Logs: store, Builds: f.builds, Releases: f.releases, Auth: api.OpenAccess{},
	}
	cfg.Diffs, err = coursediff.NewReleases(f.releases)
	must(tb, err)
	if change != nil {
		change(&cfg)
	}
	if f.handler, err = api.New(cfg); err != nil {
		tb.Fatal(err)
	}
	return f
}

// addCourse saves a course with a known secret.
func (f *fixture) addCourse(tb testing.TB, key string) course.Course {
	tb.Helper()
	c := course.New(key)
	c.GitOrigin, c.GitBranch, c.WebhookSecret = "https://git.example.org/"+key+".git", "main", "s3cret-for-tests-"+key
	c, err := f.store.CreateCourse(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// endedBuild runs a build through its rows.
func (f *fixture) endedBuild(tb testing.TB, key string, status course.Status, log string) course.Build {
	tb.Helper()
	ctx := tb.Context()
	_, err := f.store.RequestBuild(ctx, key, course.BuildRequest{Trigger: course.TriggerHook, RequestIP: "192.0.2.7"})
	must(tb, err)
	b, _, err := f.store.ClaimBuild(ctx, key, "run-"+key, nil)
	must(tb, err)
	must(tb, f.store.RecordFacts(ctx, b.ID, course.Facts{Host: "host-a", Commit: strings.Repeat("ab", 20)}))
	must(tb, f.store.StartStep(ctx, b.ID, "checkout"))
	must(tb, f.store.FinishStep(ctx, b.ID, "checkout", course.OutcomeOK, ""))
	must(tb, f.store.AppendLog(ctx, b.ID, log))
	must(tb, f.store.SaveReport(ctx, b.ID, course.Report{
		Warnings: []course.Diagnostic{{File: "index.yaml", Line: 3, Column: 9, Path: "modules[0].status", Message: "A+ refuses the status", Hint: "did you mean hidden?"}},
	}))
	if status.Final() {
		_, err = f.store.FinishBuild(ctx, b.ID, course.BuildResult{Status: status})
		must(tb, err)
	}
	b, err = f.store.Build(ctx, b.ID)
	must(tb, err)
	return b
}

// send sends one request. Headers are pairs; a body that begins with a brace
// is JSON.
func (f *fixture) send(tb testing.TB, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(body))
	r.Host = "localhost:8080"
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// workflows stands for the Temporal side.
type workflows struct {
	announced []string // versions, and who approved them
	store     *sqlite.Store

	mu        sync.Mutex
	woken     []string
	published []course.PublishRequest
	result    course.PublishResult
	err       error // what the next calls answer
	endless   bool  // publishing waits for graders
}

func (w *workflows) Wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken = append(w.woken, key)
}

func (w *workflows) wokenKeys() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.woken, " ")
}

func (w *workflows) Await(ctx context.Context, id int64) (course.Build, error) {
	b, err := w.store.Build(ctx, id)
	if err != nil {
		return b, err
	}
	if _, _, err := w.store.ClaimBuild(ctx, b.CourseKey, "await", nil); err != nil {
		return b, err
	}
	if _, err := w.store.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusSuccess}); err != nil {
		return b, err
	}
	return w.store.Build(ctx, id)
}

func (w *workflows) CancelBuild(ctx context.Context, _ string, id int64) error {
	if w.err != nil {
		return w.err
	}
	_, err := w.store.FinishBuild(ctx, id, course.BuildResult{Status: course.StatusCancelled, Reason: "cancelled"})
	return err
}

func (w *workflows) Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error) {
	if w.endless {
		<-ctx.Done()
		return course.PublishResult{}, fmt.Errorf("publish: %w", ctx.Err())
	}
	if w.err != nil {
		return course.PublishResult{}, w.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.published = append(w.published, r)
	out := w.result
	out.Version = r.Version
	return out, nil
}

func (w *workflows) Announce(_ context.Context, r course.Release, by string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.announced = append(w.announced, r.Version+" by "+by)
	return w.err
}

func (w *workflows) RemoveCourse(ctx context.Context, key string) error {
	if w.err != nil {
		return w.err
	}
	return w.store.DeleteCourse(ctx, key)
}

// releases holds releases of one course in memory. Their documents are in
// their field Dir, but for what the published one was compiled to.
type releases struct {
	stored, published *course.Release
	compiled          string // course.json of the published one; empty: it has none
	content           string // folder of its files
	more              []course.Release
	approvals         map[string]course.Approval // by version
	err               error
}

func (r *releases) Stored(key string) (course.Release, error)    { return r.give(key, r.stored) }
func (r *releases) Published(key string) (course.Release, error) { return r.give(key, r.published) }

func (r *releases) PublishedVersion(key string) (string, error) {
	found, err := r.Published(key)
	if errors.Is(err, course.ErrNotFound) {
		return "", nil
	}
	return found.Version, err
}

func (r *releases) give(key string, one *course.Release) (course.Release, error) {
	if r.err != nil {
		return course.Release{}, r.err
	}
	if one == nil || one.Key != key {
		return course.Release{}, fmt.Errorf("no release of %s: %w", key, course.ErrNotFound)
	}
	return *one, nil
}

func (r *releases) Releases(key string) ([]course.Release, error) {
	if r.published == nil || r.published.Key != key {
		return nil, r.err
	}
	return []course.Release{*r.published}, r.err
}

// Release finds the stored, the published and the other releases.
func (r *releases) Release(key, version string) (course.Release, error) {
	all := r.more
	for _, one := range []*course.Release{r.stored, r.published} {
		if one != nil {
			all = append(all, *one)
		}
	}
	for _, one := range all {
		if one.Key == key && one.Version == version {
			return one, r.err
		}
	}
	return course.Release{}, fmt.Errorf("no release %s of %s: %w", version, key, course.ErrNotFound)
}

func (r *releases) Previews(key string) ([]course.Release, error) {
	return slices.DeleteFunc(slices.Clone(r.more), func(one course.Release) bool { return one.Key != key || one.Preview == "" }), r.err
}

func (r *releases) Approve(one course.Release, a course.Approval) error {
	if r.approvals == nil {
		r.approvals = map[string]course.Approval{}
	}
	r.approvals[one.Version] = a
	return r.err
}

func (r *releases) Approval(one course.Release) (course.Approval, error) {
	a, ok := r.approvals[one.Version]
	if !ok {
		return a, course.ErrNotFound
	}
	return a, nil
}

var errUnreadable = errors.New("/secret/path: input/output error")

func (r *releases) Document(one course.Release) ([]byte, error) {
	if one.Dir == "" {
		return nil, errUnreadable
	}
	return []byte(one.Dir), nil
}

func (r *releases) ReadFile(one course.Release, name string) ([]byte, error) {
	if name != "course.json" || r.compiled == "" || one.Version != r.published.Version {
		return nil, course.ErrNotFound
	}
	return []byte(r.compiled), nil
}

func (r *releases) Content(course.Release) (*os.Root, error) { return os.OpenRoot(r.content) }

// origins is a git host with one repository.
type origins struct{}

func (origins) Branches(ctx context.Context, origin string) (map[string]string, error) {
	switch origin {
	case "https://git.example.org/a.git", "git@git.example.org:a.git":
		return map[string]string{"dev": strings.Repeat("cd", 20), "main": strings.Repeat("ab", 20)}, nil
	case "https://slow.example.org/a.git":
		return nil, fmt.Errorf("ls-remote: %w", context.DeadlineExceeded)
	case "https://broken.example.org/a.git":
		return nil, errUnreadable
	}
	return nil, course.Authorf("The git host does not know this repository.")
}

const testDeployKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKPGjIO+ZvmpIhx7bBhLEiXxLK2QHOeyIzIQ7YhvJyHZ coursewright"

func version(letter string) string { return strings.Repeat(letter, course.VersionLength) }

// brokenAudit is a security log on a full disk.
type brokenAudit struct{}

func (brokenAudit) RecordAudit(context.Context, course.AuditEntry) error { return errUnreadable }

func (brokenAudit) ListAudit(context.Context, course.AuditFilter, course.Page) ([]course.AuditEntry, error) {
	return nil, errUnreadable
}
