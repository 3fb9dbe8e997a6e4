package web_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"testing"

	"coursewright/internal/course"
)

// What changes after a page was loaded and before it listens is told as well: the
// page listens for what is newer than itself.
func TestChangesSinceThePageWasLoaded(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	for _, page := range []string{"updates", "webhook"} {
		changes := func() string {
			return s.get(t, "/gitmanager/alpha/"+page, http.StatusOK).Find("[data-changes]").AttrOr("data-changes", "")
		}
		seen := changes()
		if again := changes(); seen == "" || seen != again {
			t.Errorf("%s: the page that has not changed listens at %q and then at %q", page, seen, again)
		}
		_, err := s.store.RecordDelivery(t.Context(), "alpha", course.Delivery{Service: "gitlab", Event: "push", Verdict: course.DeliveryRefused})
		must(t, err)
		if now := changes(); now == seen {
			t.Errorf("%s: the page that has changed listens at the same address, %q", page, now)
		}
		if got := firstEvent(t, server.URL+seen); got != "event: change" {
			t.Errorf("%s: the first that an old page is told is %q", page, got)
		}
	}
}

// firstEvent is the first line of a stream of events that says something: an event,
// or that nothing has changed for a while.
func firstEvent(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { must(t, res.Body.Close()) }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if line := lines.Text(); line != "" && line != "retry: 1000" {
			return line
		}
	}
	t.Fatalf("%s ends: %v", address, lines.Err())
	return ""
}
