package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/internal/telemetry"
)

func newTracing(t *testing.T, c telemetry.TracesConfig) *telemetry.Tracing {
	t.Helper()
	c.Service, c.Version = "test", "1"
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	tracing, err := telemetry.NewTracing(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return tracing
}

// A trace goes on under its name in other processes, whatever they would choose
// for traces of their own.
func TestSpansTravel(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	all := newTracing(t, telemetry.TracesConfig{Endpoint: server.URL, Share: 1})
	none := newTracing(t, telemetry.TracesConfig{Endpoint: server.URL, Share: 0})
	ctx, end := all.Request(t.Context(), "POST", "/hook")
	end(200)
	parent := all.Parent(ctx)
	if len(parent) != 55 || !strings.HasSuffix(parent, "-01") {
		t.Fatalf("the parent is %q", parent)
	}
	span := none.Begin(parent)
	if span == parent || span[:36] != parent[:36] || !strings.HasSuffix(span, "-01") {
		t.Errorf("a span in %s is %s: of the same trace, and kept as it", parent, span)
	}
	if !none.Same(ctx, span) || none.Same(t.Context(), span) || none.Same(ctx, all.Begin("")) {
		t.Error("Same does not tell traces apart")
	}
	for name, c := range map[string]struct {
		tracing *telemetry.Tracing
		parent  string
		end     string
	}{
		"the first of a trace that is kept":     {all, "", "-01"},
		"the first of a trace that is not kept": {none, "", "-00"},
		"in what is no span":                    {all, "nonsense", "-01"},
		"in a trace that is not kept":           {all, parent[:53] + "00", "-00"},
	} {
		if got := c.tracing.Begin(c.parent); len(got) != 55 || !strings.HasSuffix(got, c.end) {
			t.Errorf("%s: %q, want one that ends with %s", name, got, c.end)
		}
	}
	if got := all.Parent(t.Context()); got != "" {
		t.Errorf("without a span the parent is %q", got)
	}
	in, endPart := all.Within(t.Context(), "part")
	endPart(nil)
	if all.Parent(in) != "" {
		t.Error("a part of nothing makes a span")
	}
}

// A collector that is away is told of once, and costs spans only.
func TestTheCollectorIsAway(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadRequest) // is not tried again
		}
	}))
	t.Cleanup(server.Close)
	var log bytes.Buffer
	send := func() {
		tracing := newTracing(t, telemetry.TracesConfig{Endpoint: server.URL, Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		tracing.End(context.Background(), telemetry.Span{Name: "x", From: time.Unix(1, 0), To: time.Unix(2, 0)})
		if err := tracing.Close(); err != nil {
			t.Error(err)
		}
	}
	send()
	if got := log.String(); strings.Count(got, "spans cannot be sent") != 1 {
		t.Errorf("logged %q", got)
	}
	log.Reset()
	away.Store(false)
	send()
	if log.Len() > 0 {
		t.Errorf("with a collector there is logged %q", log.String())
	}
}

// What a collector is sent as headers is not logged, whatever it answers.
func TestHeadersForTheCollectorAreMasked(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=1,authorization=Bearer%20opensesame")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=open%2Csesame")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "refused: "+r.Header.Get("Authorization")+", "+r.Header.Get("X-Key"), http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	var log bytes.Buffer
	tracing := newTracing(t, telemetry.TracesConfig{Endpoint: server.URL, Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	tracing.End(context.Background(), telemetry.Span{Name: "x", From: time.Unix(1, 0), To: time.Unix(2, 0)})
	if err := tracing.Close(); err != nil {
		t.Error(err)
	}
	// The one variable has the other's place for traces.
	if got := log.String(); !strings.Contains(got, "refused: , ***") {
		t.Errorf("logged %q", got)
	}
}
