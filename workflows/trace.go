package workflows

import "go.temporal.io/sdk/workflow"

type spanKey struct{}

// withSpan says which span what follows belongs to. A workflow builds one request
// after the other, each of them in a trace of its own.
func withSpan(ctx workflow.Context, span string) workflow.Context {
	return workflow.WithValue(ctx, spanKey{}, span)
}

// SpanOf gives the span that a part of a workflow belongs to, as in the header
// traceparent; empty: the one that the workflow was started in.
func SpanOf(ctx workflow.Context) string {
	span, _ := ctx.Value(spanKey{}).(string)
	return span
}
