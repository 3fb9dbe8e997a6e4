package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/course"
)

// readEvents gives the events of a stream until it ends or stop says so, each
// as "event id data", the data of a status cut to the status.
func readEvents(t *testing.T, f *fixture, target, lastID string, stop func(event string) bool) []string {
	t.Helper()
	server := httptest.NewServer(f.handler)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+target, nil)
	must(t, err)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := server.Client().Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("status %d, type %q", res.StatusCode, got)
	}
	var out []string
	fields := map[string]string{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ": "); ok {
			fields[name] = value
			continue
		}
		event := strings.Join([]string{fields["event"], fields["id"], fields["data"]}, " ")
		if fields["event"] == "status" {
			_, status, _ := strings.Cut(fields["data"], `"status":"`)
			event = "status " + status[:strings.Index(status, `"`)]
		}
		out = append(out, event)
		fields = map[string]string{}
		if stop != nil && stop(event) {
			return out
		}
	}
	return out
}

func TestEventsOfAnEndedBuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	b := f.endedBuild(t, "intro", course.StatusSuccess, "first\nsecond\n")
	target := fmt.Sprintf("/api/v1/courses/intro/builds/%d/events", b.ID)
	tests := []struct {
		name, query, lastID string
		log                 []string
	}{
		{"all", "", "", []string{`log 13 {"offset":0,"text":"first\nsecond\n","dropped":false}`}},
		{"resumed", "", "6", []string{`log 13 {"offset":6,"text":"second\n","dropped":false}`}},
		{"from an offset", "?offset=6", "", []string{`log 13 {"offset":6,"text":"second\n","dropped":false}`}},
		{"nothing new", "?offset=6", "13", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := append(tt.log, "status SUCCESS", "end  {}")
			if diff := cmp.Diff(want, readEvents(t, f, target+tt.query, tt.lastID, nil)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEventsFollowABuild reads while the build goes on.
func TestEventsFollowABuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	b := f.endedBuild(t, "intro", course.StatusRunning, "first\n")
	got := readEvents(t, f, fmt.Sprintf("/api/v1/courses/intro/builds/%d/events", b.ID), "", func(event string) bool {
		switch {
		case event == "status RUNNING":
			must(t, f.store.AppendLog(t.Context(), b.ID, "second\n"))
		case strings.Contains(event, "second"):
			_, err := f.store.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusFailed, Reason: "no"})
			must(t, err)
		}
		return false
	})
	want := []string{
		`log 6 {"offset":0,"text":"first\n","dropped":false}`, "status RUNNING",
		`log 13 {"offset":6,"text":"second\n","dropped":false}`, "status FAILED", "end  {}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestEventsEndWithTheProcess shows that an open stream does not hold up a
// shutdown.
func TestEventsEndWithTheProcess(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	f := newFixture(t, func(c *api.Config) { c.Closing = closing })
	f.addCourse(t, "intro")
	b := f.endedBuild(t, "intro", course.StatusRunning, "first\n")
	got := readEvents(t, f, fmt.Sprintf("/api/v1/courses/intro/builds/%d/events", b.ID), "", func(event string) bool {
		if event == "status RUNNING" {
			close(closing)
		}
		return false
	})
	if len(got) != 2 {
		t.Errorf("events %q", got)
	}
}

func TestEventsRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	b := f.endedBuild(t, "intro", course.StatusSuccess, "")
	for target, want := range map[string]int{
		"/api/v1/courses/intro/builds/99/events":                             404,
		fmt.Sprintf("/api/v1/courses/intro/builds/%d/events?offset=x", b.ID): 400,
		fmt.Sprintf("/api/v1/courses/other/builds/%d/events", b.ID):          404,
	} {
		if w := f.send(t, "GET", target, ""); w.Code != want {
			t.Errorf("%s: status %d, want %d", target, w.Code, want)
		}
	}
}
