package main

import (
	"context"

	"coursewright/activities"
	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/telemetry"
)

// startTracing prepares the sending of traces.
func (y *system) startTracing(ctx context.Context) error {
	w := y.settings.Watching
	tracing, err := telemetry.NewTracing(ctx, telemetry.TracesConfig{
		Endpoint: w.TracesEndpoint, Share: float64(w.TracesPercent) / 100,
		Service: "coursewright-" + y.role.String(), Version: programVersion(), Log: y.log,
	})
	if err != nil {
		return err
	}
	y.tracing = tracing
	y.cleanup.add("traces", tracing.Close)
	return nil
}

// traced lets requests for builds keep the span that they are made in.
func (y *system) traced(st store.Store) store.Store {
	if y.tracing == nil {
		return st
	}
	return tracedStore{Store: st, tracing: y.tracing}
}

type tracedStore struct {
	store.Store

	tracing *telemetry.Tracing
}

// RequestBuild implements store.Builds.
func (s tracedStore) RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error) {
	r.Trace = s.tracing.Parent(ctx)
	return s.Store.RequestBuild(ctx, key, r)
}

// traces are those of the activities.
func (y *system) traces() activities.Traces {
	if y.tracing == nil {
		return nil
	}
	return buildTraces{y.tracing}
}

// buildTraces makes the spans of builds.
type buildTraces struct{ *telemetry.Tracing }

// End implements activities.Traces.
func (t buildTraces) End(ctx context.Context, s activities.Span) {
	t.Tracing.End(ctx, telemetry.Span(s))
}

// requestTraces are those of the API.
func (y *system) requestTraces() api.Traces {
	if y.tracing == nil {
		return nil
	}
	return y.tracing
}
