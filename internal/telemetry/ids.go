package telemetry

import (
	"context"
	"crypto/rand"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// wantedKey is where a context says which span is to be made.
type wantedKey struct{}

// ids names traces and spans: at random, unless the context has a wish. A span
// that lasts for the whole of a build is made at its end, and those in it name it
// before.
type ids struct{}

var _ sdktrace.IDGenerator = ids{}

// NewIDs names the first span of a trace.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if w := wanted(ctx); w.IsValid() {
		return w.TraceID(), w.SpanID()
	}
	return randomTrace(), randomSpan()
}

// NewSpanID names a further span of a trace.
func (ids) NewSpanID(ctx context.Context, id trace.TraceID) trace.SpanID {
	if w := wanted(ctx); w.IsValid() && w.TraceID() == id {
		return w.SpanID()
	}
	return randomSpan()
}

func wanted(ctx context.Context) trace.SpanContext {
	w, _ := ctx.Value(wantedKey{}).(trace.SpanContext)
	return w
}

func randomTrace() (id trace.TraceID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

func randomSpan() (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
