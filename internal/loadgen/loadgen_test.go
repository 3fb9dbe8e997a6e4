package loadgen_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/internal/loadgen"
)

// service answers as the service does, as far as a load sees.
func service(t *testing.T, events string, static http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
	mux.HandleFunc("POST /gitmanager/{key}/hook", ok)
	mux.HandleFunc("GET /gitmanager/{key}/updates", ok)
	mux.HandleFunc("GET /{key}/aplus-json", ok)
	mux.HandleFunc("GET /static/{key}/index.html", static)
	mux.HandleFunc("GET /api/v1/courses/{key}/builds", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"items": [{"id": 7}]}`)
	})
	mux.HandleFunc("GET /api/v1/courses/{key}/builds/7/events", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, events) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func load(base string) loadgen.Config {
	return loadgen.Config{
		Base: base, Courses: []string{"a", "b"}, Pushers: 2, Readers: 6, Followers: 2,
		PushPause: time.Millisecond, ReadPause: time.Millisecond, Length: 1500 * time.Millisecond, Seed: 1,
	}
}

const whole = "event: log\ndata: {}\n\nevent: end\ndata: {}\n\n"

func TestRunMeasuresEveryKind(t *testing.T) {
	t.Parallel()
	var committed atomic.Int64
	c := load(service(t, whole, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	c.BeforePush = func(string) error { committed.Add(1); return nil }
	r, err := loadgen.Run(t.Context(), c)
	if err != nil || r.Errors != 0 {
		t.Fatalf("%v, %s", err, r)
	}
	for _, kind := range append(loadgen.ReadKinds(), loadgen.KindPush, loadgen.KindFollow) {
		if r.Count(kind) == 0 || r.Quantile(.99, kind) <= 0 || !strings.Contains(r.String(), kind) {
			t.Errorf("%s: %d answers, p99 %s\n%s", kind, r.Count(kind), r.Quantile(.99, kind), r)
		}
	}
	if got, pushed := committed.Load(), int64(r.Count(loadgen.KindPush)); got < pushed {
		t.Errorf("%d commits for %d pushes", got, pushed)
	}
	if r.Quantile(.5, loadgen.KindPush) > r.Quantile(1, loadgen.KindPush) {
		t.Error("the median is above the maximum")
	}
}

// What the service does wrong is counted, and a stream that breaks off is wrong.
func TestRunCountsErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]loadgen.Config{
		"500 Internal": load(service(t, whole, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })),
		"broke off":    load(service(t, "event: log\ndata: {}\n\n", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })),
	} {
		r, err := loadgen.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if r.Errors == 0 || !strings.Contains(r.String(), name) {
			t.Errorf("%s: %s", name, r)
		}
	}
}

func TestRunNeedsCourses(t *testing.T) {
	t.Parallel()
	if _, err := loadgen.Run(t.Context(), loadgen.Config{}); err == nil {
		t.Error("a load without courses begins")
	}
}
