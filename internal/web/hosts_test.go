package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

func withHosts(t *testing.T, admin bool) *site {
	t.Helper()
	s := newSite(t, func(c *web.Config) {
		hosts, ok := c.Courses.(web.BuildHosts)
		if !ok {
			t.Fatalf("%T keeps no build hosts", c.Courses)
		}
		c.Hosts = hosts
		c.May = func(_ *http.Request, write bool, of course.Course) bool { return admin || !write || of.Key != "" }
	})
	for _, r := range []course.HostReport{
		{ID: "a1", Name: "builder-1", Slots: 4, Running: 3, Waiting: 2, DiskFree: 3 << 30, DiskTotal: 8 << 30},
		{ID: "b2", Name: "<b>builder-2", Trouble: "no <engine>"},
	} {
		_, err := s.store.ReportHost(t.Context(), r)
		must(t, err)
	}
	return s
}

func TestHostsPage(t *testing.T) {
	t.Parallel()
	s := withHosts(t, true)
	page := s.get(t, "/admin/hosts", 200)
	rows := page.Find("table.hosts tbody tr")
	if rows.Length() != 2 {
		t.Fatalf("the page has %d rows", rows.Length())
	}
	failing, busy := text(rows.Eq(0)), text(rows.Eq(1)) // by name
	for _, want := range []string{"builder-1", "active", "3 of 4, 2 waiting", "3GiB free of 8GiB", "Drain"} {
		if !strings.Contains(busy, want) {
			t.Errorf("the row %q has no %q", busy, want)
		}
	}
	for _, want := range []string{"<b>builder-2", "failing", "no <engine>", "Resume"} {
		if !strings.Contains(failing, want) {
			t.Errorf("the row %q has no %q", failing, want)
		}
	}
	if link := s.get(t, "/gitmanager/", 200).Find(`a[href="/admin/hosts"]`); link.Length() != 1 {
		t.Errorf("the list of courses has %d links to the page", link.Length())
	}
	for action, want := range map[string]course.HostState{"drain": course.HostDraining, "resume": course.HostActive} {
		if to := s.post(t, "/admin/hosts/a1/"+action, url.Values{}); to != "/admin/hosts" {
			t.Errorf("%s leads to %s", action, to)
		}
		if h, err := s.store.Host(t.Context(), "a1"); err != nil || h.State != want {
			t.Errorf("after %s the host is %s, %v", action, h.State, err)
		}
	}
	s.answer(t, formRequest(t, "/admin/hosts/a1/forget", url.Values{}), http.StatusConflict)
	s.answer(t, formRequest(t, "/admin/hosts/a1/explode", url.Values{}), http.StatusNotFound)
	s.answer(t, formRequest(t, "/admin/hosts/none/drain", url.Values{}), http.StatusNotFound)
}

func TestHostsPageIsForAdministrators(t *testing.T) {
	t.Parallel()
	s := withHosts(t, false)
	s.get(t, "/admin/hosts", http.StatusForbidden)
	s.answer(t, formRequest(t, "/admin/hosts/a1/drain", url.Values{}), http.StatusForbidden)
	if h, err := s.store.Host(t.Context(), "a1"); err != nil || h.State != course.HostActive {
		t.Errorf("the host is %s, %v", h.State, err)
	}
	if link := s.get(t, "/gitmanager/", 200).Find(`a[href="/admin/hosts"]`); link.Length() != 0 {
		t.Error("the list of courses leads everybody to the page")
	}
}
