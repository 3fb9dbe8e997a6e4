package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/client"
)

// serve starts a service that answers as h does.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{URL: s.URL + "/", Token: "t0ken", Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func problem(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type": "urn:coursewright:problem:x", "status": %d, "detail": %q, "errors": [{"field": "key", "message": "Bad."}]}`, status, text)
}

func TestSafeRequestsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		want   int32 // requests
		do     func(context.Context, *client.Client) error
	}{
		"reading": {http.StatusServiceUnavailable, 3, func(ctx context.Context, c *client.Client) error {
			_, err := c.Build(ctx, "a", 1)
			return err
		}},
		"reading what is not there": {http.StatusNotFound, 1, func(ctx context.Context, c *client.Client) error {
			_, err := c.Build(ctx, "a", 1)
			return err
		}},
		"changing": {http.StatusServiceUnavailable, 1, func(ctx context.Context, c *client.Client) error {
			_, err := c.CancelBuild(ctx, "a", 1)
			return err
		}},
		"starting by a key": {http.StatusServiceUnavailable, 3, func(ctx context.Context, c *client.Client) error {
			_, err := c.StartBuild(ctx, "a", client.BuildOptions{})
			return err
		}},
	} {
		var asked atomic.Int32
		keys := map[string]bool{}
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			keys[r.Header.Get("Idempotency-Key")] = true
			problem(w, test.status, "No.")
		})
		var refused *client.Error
		if err := test.do(t.Context(), c); !errors.As(err, &refused) || refused.Status != test.status || len(refused.Fields) != 1 || err.Error() != "No. key: Bad." {
			t.Errorf("%s: %v", name, err)
		}
		if got := asked.Load(); got != test.want || len(keys) != 1 {
			t.Errorf("%s: asked %d times by %d keys; want %d and 1", name, got, len(keys), test.want)
		}
	}
}

func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"a page":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"a proxy":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) },
		"a redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"a next page": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items": [], "next": "@evil.example/"}`) },
	} {
		var err error
		for _, err = range serve(t, h).Courses(t.Context(), "", "") {
			if err != nil {
				break
			}
		}
		if !errors.Is(err, client.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "git.example.org", "ftp://git.example.org", "http://"} {
		if _, err := client.New(client.Options{URL: bad}); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

func TestPagesOfLists(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("no token: %v", r.Header)
		}
		switch r.URL.RawQuery {
		case "limit=200&q=x":
			fmt.Fprint(w, `{"items": [{"key": "a"}, {"key": "b"}], "next": "/api/v1/courses?before=2&q=x"}`)
		case "before=2&q=x":
			fmt.Fprint(w, `{"items": [{"key": "c"}], "next": null}`)
		default:
			problem(w, http.StatusBadRequest, r.URL.RawQuery)
		}
	})
	got := ""
	for x, err := range c.Courses(t.Context(), "x", "") {
		if err != nil {
			t.Fatal(err)
		}
		got += x.Key
	}
	if got != "abc" {
		t.Errorf("courses %s", got)
	}
}

// TestFollowResumes cuts every connection after a few bytes: nothing of the log
// is missing and nothing comes twice.
func TestFollowResumes(t *testing.T) {
	t.Parallel()
	const log = "one\ntwo\nthree\nfour\n"
	lines := strings.SplitAfter(strings.TrimSuffix(log, "\n"), "\n")
	var connections atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := connections.Add(1)
		if n == 2 {
			problem(w, http.StatusServiceUnavailable, "A moment.")
			return
		}
		offset := 0
		if _, err := fmt.Sscan(r.URL.Query().Get("offset"), &offset); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		at := 0
		for i, line := range lines {
			end := at + len(line)
			if at >= offset {
				text, err := json.Marshal(line)
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(w, ": ping\n\nid: %d\nevent: log\ndata: {\"offset\": %d, \"text\": %s}\n\n", end, at, text)
				if i+1 < len(lines) {
					fmt.Fprint(w, "id: 999\nevent: lo") // the connection breaks within an event
					return
				}
			}
			at = end
		}
		fmt.Fprint(w, "event: status\ndata: {\"id\": 7, \"status\": \"FAILED\"}\n\nevent: end\ndata: {}\n\n")
	})
	got, status := "", client.Status("")
	for e, err := range c.Follow(t.Context(), "a", 7, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got += e.Text
		if e.Build != nil {
			status = e.Build.Status
		}
	}
	if got != strings.TrimSuffix(log, "\n") || status != client.Failed || connections.Load() < 4 {
		t.Errorf("log %q, status %s, %d connections", got, status, connections.Load())
	}
}

func TestFollowGivesUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		problem(w, http.StatusNotFound, "No such build.")
	})
	var last error
	for _, last = range c.Follow(t.Context(), "a", 7, 0) {
	}
	var refused *client.Error
	if !errors.As(last, &refused) || asked.Load() != 1 {
		t.Errorf("%v after %d requests", last, asked.Load())
	}
}
