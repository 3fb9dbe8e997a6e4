package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"coursewright/internal/course"
	"coursewright/internal/settings"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// harness is a system as dev runs it, on a Temporal server of its own.
type harness struct {
	tb     testing.TB
	system *system
	base   string
	stop   func() // ends the system; at the test's end at the latest
}

// harnessOptions change what a harness starts; the zero value is dev's way.
type harnessOptions struct {
	data        string // kept when given
	environ     []string
	temporal    *temporaldev.Server // a fresh one when nil
	interceptor grpc.UnaryClientInterceptor
	log         *slog.Logger // the test's when nil
}

func newHarness(tb testing.TB, o harnessOptions) *harness {
	tb.Helper()
	if o.data == "" {
		o.data = tb.TempDir()
	}
	if o.temporal == nil {
		o.temporal = temporaltest.Start(tb)
	}
	if o.log == nil {
		o.log = testLog(tb)
	}
	s, err := settings.Load(settings.Sources{Defaults: settings.DevDefaults(o.data), Environ: o.environ})
	if err != nil {
		tb.Fatal(err)
	}
	y, err := startSystem(tb.Context(), s, process{role: roleDev(), log: o.log, temporal: temporalOptions{
		address: o.temporal.Address(), namespace: temporaldev.Namespace, interceptor: o.interceptor,
	}})
	if err != nil {
		tb.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var c cleanups
	c.add("system", y.Close)
	if err := serve(y, l, &c); err != nil {
		tb.Fatal(err)
	}
	h := &harness{tb: tb, system: y, base: "http://" + l.Addr().String()}
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := c.run(); err != nil {
			tb.Error(err)
		}
	}
	tb.Cleanup(h.stop)
	return h
}

func testLog(tb testing.TB) *slog.Logger {
	tb.Helper()
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// buildJSON is a build as the REST API shows it.
type buildJSON struct {
	ID         int64      `json:"id"`
	Status     string     `json:"status"`
	Reason     string     `json:"reason"`
	Commit     string     `json:"commit"`
	Version    string     `json:"version"`
	Host       string     `json:"host"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Steps      []struct {
		Name    string `json:"name"`
		Outcome string `json:"outcome"`
	} `json:"steps"`
}

// get reads an address and checks its status.
func (h *harness) get(path string, want int) []byte {
	h.tb.Helper()
	return h.do(http.MethodGet, path, "", want)
}

// do makes a request, with a JSON body unless body is empty.
func (h *harness) do(method, path, body string, want int) []byte {
	h.tb.Helper()
	r, err := http.NewRequestWithContext(h.tb.Context(), method, h.base+path, strings.NewReader(body))
	if err != nil {
		h.tb.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.tb.Fatal(err)
	}
	if res.StatusCode != want {
		h.tb.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, want, text)
	}
	return text
}

// getJSON reads an address into v.
func (h *harness) getJSON(path string, v any) {
	h.tb.Helper()
	if err := json.Unmarshal(h.get(path, http.StatusOK), v); err != nil {
		h.tb.Fatalf("%s: %v", path, err)
	}
}

// addCourse registers a course; more fields override the defaults.
func (h *harness) addCourse(key, origin string, more map[string]any) {
	h.tb.Helper()
	fields := map[string]any{"key": key, "git_origin": origin, "git_branch": "main"}
	for k, v := range more {
		fields[k] = v
	}
	body, err := json.Marshal(fields)
	if err != nil {
		h.tb.Fatal(err)
	}
	h.do(http.MethodPost, "/api/v1/courses", string(body), http.StatusCreated)
}

// push calls the hook as A+ or a script does, and names the build it made.
func (h *harness) push(key string) int64 {
	h.tb.Helper()
	h.do(http.MethodPost, "/gitmanager/"+key+"/hook", "", http.StatusOK)
	return h.builds(key)[0].ID
}

// builds lists the newest builds of a course, newest first.
func (h *harness) builds(key string) []buildJSON {
	h.tb.Helper()
	var list struct {
		Items []buildJSON `json:"items"`
	}
	h.getJSON("/api/v1/courses/"+url.PathEscape(key)+"/builds", &list)
	return list.Items
}

// await waits for a build's final status.
func (h *harness) await(id int64) course.Build {
	h.tb.Helper()
	return h.awaitFor(id, 2*time.Minute)
}

// awaitFor is await for a build that may take so long.
func (h *harness) awaitFor(id int64, limit time.Duration) course.Build {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), limit)
	defer cancel()
	b, err := h.system.workflows.Await(ctx, id)
	if err != nil {
		h.tb.Fatalf("build %d is %s: %v", id, b.Status, err)
	}
	return b
}

// succeed waits for a build and fails with its log unless it is a success.
func (h *harness) succeed(id int64) course.Build {
	h.tb.Helper()
	b := h.await(id)
	if b.Status != course.StatusSuccess {
		h.tb.Fatalf("build %d ended %s: %s\n%s", id, b.Status, b.Reason, h.log(b.CourseKey, id))
	}
	return b
}

func (h *harness) log(key string, id int64) string {
	h.tb.Helper()
	return string(h.get(fmt.Sprintf("/api/v1/courses/%s/builds/%d/log", key, id), http.StatusOK))
}

// published waits until a version is the published one.
func (h *harness) published(key, version string) {
	h.tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		r, err := h.system.releases.Published(key)
		if err == nil && r.Version == version {
			return
		}
		if time.Now().After(end) {
			h.tb.Fatalf("version %s is not published: %v", version, err)
		}
		if err := waitShortly(h.tb.Context()); err != nil {
			h.tb.Fatal(err)
		}
	}
}

// final waits until every build of a course is final.
func (h *harness) final(key string) []buildJSON {
	h.tb.Helper()
	return h.finalWithin(key, 2*time.Minute)
}

func (h *harness) finalWithin(key string, limit time.Duration) []buildJSON {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), limit)
	defer cancel()
	for {
		open, rows := 0, h.builds(key)
		for _, b := range rows {
			if !course.Status(b.Status).Final() {
				open++
			}
		}
		if open == 0 {
			return rows
		}
		if err := waitShortly(ctx); err != nil {
			h.tb.Fatalf("%d builds are still open after %s: %+v", open, limit, rows)
		}
	}
}

// waitShortly is the pause of a poll for something that another process does.
func waitShortly(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Millisecond):
		return nil
	}
}
