package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
)

// oldHosts are the build hosts of a database, long silent if wanted.
type oldHosts struct {
	api.BuildHosts
	silent *bool
}

func (h oldHosts) ForgetHost(ctx context.Context, id string, silent time.Duration) error {
	if *h.silent {
		silent = 0
	}
	return h.BuildHosts.ForgetHost(ctx, id, silent)
}

func TestBuildHosts(t *testing.T) {
	t.Parallel()
	silent := false
	f := newFixture(t, func(c *api.Config) {
		hosts, ok := c.Courses.(api.BuildHosts)
		if !ok {
			t.Fatalf("%T keeps no build hosts", c.Courses)
		}
		c.BuildHosts = oldHosts{hosts, &silent}
	})
	ask := func(method, target string, want int) map[string]any {
		t.Helper()
		w := f.send(t, method, target, "")
		if w.Code != want {
			t.Fatalf("%s %s: status %d, want %d: %s", method, target, w.Code, want, w.Body)
		}
		var body map[string]any
		if w.Code != http.StatusNoContent {
			must(t, json.Unmarshal(w.Body.Bytes(), &body))
		}
		return body
	}
	if items := ask("GET", "/api/v1/hosts", 200)["items"].([]any); len(items) != 0 {
		t.Errorf("there are %d hosts", len(items))
	}
	_, err := f.store.ReportHost(t.Context(), course.HostReport{
		ID: "a1", Name: "builder-1", Version: "v1", StartedAt: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
		Slots: 4, Running: 3, Waiting: 2, Load: 1.5, DiskFree: 1 << 30, DiskTotal: 1 << 40, Trouble: "no engine",
	})
	must(t, err)
	got := ask("GET", "/api/v1/hosts/a1", 200)
	for name, want := range map[string]any{
		"id": "a1", "name": "builder-1", "version": "v1", "state": "failing", "reason": "no engine", "gone": false, "started_at": "2026-09-01T00:00:00Z",
		"builds": 0.0, "slots": 4.0, "running": 3.0, "waiting": 2.0, "load": 1.5, "disk_free": float64(1 << 30), "disk_total": float64(1 << 40),
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if items := ask("GET", "/api/v1/hosts", 200)["items"].([]any); len(items) != 1 {
		t.Errorf("there are %d hosts", len(items))
	}
	if got := ask("POST", "/api/v1/hosts/a1/resume", 200); got["state"] != "active" {
		t.Errorf("after the resume the host is %v", got)
	}
	if got := ask("POST", "/api/v1/hosts/a1/drain", 200); got["state"] != "draining" {
		t.Errorf("after the drain the host is %v", got)
	}
	if got := ask("DELETE", "/api/v1/hosts/a1", 409); got["detail"] != "The build host still reports itself; stop its worker first." {
		t.Errorf("a host that lives: %v", got)
	}
	silent = true
	ask("DELETE", "/api/v1/hosts/a1", 204)
	ask("GET", "/api/v1/hosts/a1", 404)
	ask("POST", "/api/v1/hosts/a1/drain", 404)
	ask("POST", "/api/v1/hosts/a1/resume", 404)
	ask("DELETE", "/api/v1/hosts/a1", 404)
}

// TestACourseNamedAdmin: the pages for administrators hide no course.
func TestACourseNamedAdmin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) {
		c.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
	})
	f.addCourse(t, "admin")
	f.releases.stored = &course.Release{Key: "admin", Version: version("s"), BuildID: 1, Dir: `{"name": "Admin"}`}
	for target, want := range map[string]string{
		"/admin/aplus-json": `"name": "Admin"`, "/admin/": "page /admin/", "/admin/hosts": "page /admin/hosts", "/admin/sweeper": "page /admin/sweeper", "/gitmanager/admin/": "page /gitmanager/admin/",
	} {
		if w := f.send(t, "GET", target, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s; want %q", target, w.Code, w.Body, want)
		}
	}
}
