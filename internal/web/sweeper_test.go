package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

func withSweeps(t *testing.T, admin bool, now time.Duration) *site {
	t.Helper()
	return newSite(t, func(c *web.Config) {
		sweeps, ok := c.Courses.(interface {
			web.Sweeps
			web.BuildHosts
		})
		if !ok {
			t.Fatalf("%T keeps no sweeps", c.Courses)
		}
		c.Sweeps, c.Hosts = sweeps, sweeps
		begin := c.Now()
		c.Now = func() time.Time { return begin.Add(now) }
		c.May = func(*http.Request, bool, course.Course) bool { return admin }
	})
}

func TestSweeperPage(t *testing.T) {
	t.Parallel()
	s := withSweeps(t, true, -5*time.Minute) // as the store's clock
	if got := text(s.get(t, "/admin/sweeper", 200).Find("#live")); !strings.Contains(got, "No sweep") || !strings.Contains(got, "No build") {
		t.Errorf("before the first sweep the page says %q", got)
	}
	must(t, s.store.RecordSweep(t.Context(), course.Sweep{
		By: "api <a>/7", Took: 12 * time.Millisecond, Running: 3, Pending: 4, Closed: 1, Signalled: 2,
		Courses: []string{"alpha", "beta"}, Trouble: "1 builds could not be judged",
	}))
	must(t, s.store.RecordClosing(t.Context(), course.Closing{Course: "alpha", BuildID: 7, Reason: "The <workflow> is gone."}))
	page := s.get(t, "/admin/sweeper", 200)
	got := text(page.Find("#live"))
	for _, want := range []string{"api <a>/7, in 12ms", "Told again2: alpha, beta", "could not be judged", "alpha 7", "The <workflow> is gone."} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q: %s", want, got)
		}
	}
	if page.Find(".failed:contains(late)").Length() != 0 {
		t.Errorf("a sweep of just now is late: %s", got)
	}
	if n := page.Find(`a[href="/gitmanager/alpha/builds/7"]`).Length(); n != 1 {
		t.Errorf("%d links lead to the closed build", n)
	}
	if n := s.get(t, "/admin/hosts", 200).Find(`a[href="/admin/sweeper"]`).Length(); n != 1 {
		t.Errorf("%d links of the hosts' page lead there", n)
	}
}

func TestALateSweeperIsShown(t *testing.T) {
	t.Parallel()
	s := withSweeps(t, true, 0)
	must(t, s.store.RecordSweep(t.Context(), course.Sweep{By: "api"}))
	if page := s.get(t, "/admin/sweeper", 200); page.Find(".failed:contains(late)").Length() != 1 {
		t.Errorf("five minutes after the last sweep the page says %q", text(page.Find("#live")))
	}
}

func TestTheSweeperPageIsForAdministrators(t *testing.T) {
	t.Parallel()
	withSweeps(t, false, 0).get(t, "/admin/sweeper", http.StatusForbidden)
}
