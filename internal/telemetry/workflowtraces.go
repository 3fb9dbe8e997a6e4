package telemetry

import (
	"context"
	"fmt"

	oteltrace "go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"
)

// spanKey is where workflow contexts carry a span.
type spanKey struct{}

// Interceptor makes the spans of workflows and activities that belong to a trace;
// it makes none that would be the first of theirs. spanOf gives the span that a
// part of a workflow belongs to, as it travels; empty: that of its start.
func (t *Tracing) Interceptor(spanOf func(workflow.Context) string) (interceptor.Interceptor, error) {
	tracer, err := opentelemetry.NewTracer(opentelemetry.TracerOptions{
		Tracer: t.tracer, SpanContextKey: spanKey{}, DisableSignalTracing: true, DisableQueryTracing: true,
		DisableBaggage: true, AllowInvalidParentSpans: true,
		SpanStarter: func(ctx context.Context, tracer oteltrace.Tracer, name string, opts ...oteltrace.SpanStartOption) oteltrace.Span {
			if !oteltrace.SpanContextFromContext(ctx).IsValid() {
				return oteltrace.SpanFromContext(ctx)
			}
			_, span := tracer.Start(ctx, name, opts...)
			return span
		},
	})
	if err != nil {
		return nil, fmt.Errorf("traces of workflows: %w", err)
	}
	tracer = quietTracer{tracer}
	return &traceInterceptor{Interceptor: interceptor.NewTracingInterceptor(tracer), tracer: tracer, spanOf: spanOf}, nil
}

// quietTracer names spans in log lines only where there are some.
type quietTracer struct{ interceptor.Tracer }

// GetLogger adds the names of trace and span to a logger.
func (t quietTracer) GetLogger(l log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	if span, ok := ref.(interface{ SpanContext() oteltrace.SpanContext }); ok && !span.SpanContext().IsValid() {
		return l
	}
	return t.Tracer.GetLogger(l, ref)
}

// traceInterceptor puts what a workflow does into the trace that it names.
type traceInterceptor struct {
	interceptor.Interceptor

	tracer interceptor.Tracer
	spanOf func(workflow.Context) string
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (t *traceInterceptor) InterceptWorkflow(ctx workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	// What comes last on the way in is first on the way out.
	own := &workflowInbound{root: t}
	own.Next = next
	return t.Interceptor.InterceptWorkflow(ctx, own)
}

type workflowInbound struct {
	interceptor.WorkflowInboundInterceptorBase

	root *traceInterceptor
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (w *workflowInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	own := &workflowOutbound{root: w.root}
	own.Next = outbound
	return w.Next.Init(own)
}

type workflowOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase

	root *traceInterceptor
}

// in puts the span that the workflow names into its context.
func (w *workflowOutbound) in(ctx workflow.Context) workflow.Context {
	named := parse(w.root.spanOf(ctx))
	if !named.IsValid() {
		return ctx
	}
	span := w.root.tracer.SpanFromContext(oteltrace.ContextWithRemoteSpanContext(context.Background(), named))
	return workflow.WithValue(ctx, spanKey{}, span)
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (w *workflowOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return w.Next.ExecuteActivity(w.in(ctx), name, args...)
}

// ExecuteLocalActivity implements interceptor.WorkflowOutboundInterceptor.
func (w *workflowOutbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return w.Next.ExecuteLocalActivity(w.in(ctx), name, args...)
}

// GetLogger implements interceptor.WorkflowOutboundInterceptor.
func (w *workflowOutbound) GetLogger(ctx workflow.Context) log.Logger {
	return w.Next.GetLogger(w.in(ctx))
}
