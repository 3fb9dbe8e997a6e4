package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TracesConfig says where traces go.
type TracesConfig struct {
	Endpoint string  // of a collector, OTLP over HTTP; without a path it is /v1/traces
	Share    float64 // of the traces that are kept, 0 to 1
	Service  string  // name of the process
	Version  string  // of the program
	Log      *slog.Logger
}

// Tracing makes spans and sends them to a collector. Contexts carry spans inside
// of a process; between processes they travel as a text, the value of the header
// traceparent. A collector that is away costs spans, nothing else.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	root     sdktrace.Sampler
}

// NewTracing connects to no collector yet. The caller closes it.
func NewTracing(ctx context.Context, c TracesConfig) (*Tracing, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("collector of traces: %w", err)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	// Headers and certificates can be given by the variables that OpenTelemetry
	// has for them.
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("collector of traces: %w", err)
	}
	root := sdktrace.TraceIDRatioBased(c.Share)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&loggedExporter{SpanExporter: exporter, log: c.Log, secrets: headerValues(os.Getenv)}, sdktrace.WithBatchTimeout(time.Second)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))),
		sdktrace.WithSampler(sdktrace.ParentBased(root)),
		sdktrace.WithIDGenerator(ids{}),
	)
	return &Tracing{provider: provider, tracer: provider.Tracer("coursewright"), root: root}, nil
}

// closeLimit bounds the sending of the last spans.
const closeLimit = 3 * time.Second

// Close sends what is left and ends.
func (t *Tracing) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	err := t.provider.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // the collector is away, which was told
	}
	return err
}

// loggedExporter tells in the log that the collector is away, once for each time
// that it goes.
type loggedExporter struct {
	sdktrace.SpanExporter

	log     *slog.Logger
	secrets []string // what a collector may repeat and no log may hold
	mu      sync.Mutex
	away    bool
}

// ExportSpans sends spans; those that cannot be sent are lost.
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && !e.away:
		e.log.Error("spans cannot be sent and are lost", "error", e.masked(err))
	case err == nil && e.away:
		e.log.Info("spans are sent again")
	}
	e.away = err != nil
	return nil
}

// masked is the text of an error, which may hold all that the collector said.
func (e *loggedExporter) masked(err error) string {
	text := err.Error()
	for _, secret := range e.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// headerValues are those of the headers that OpenTelemetry's variables give,
// without a scheme before them.
func headerValues(getenv func(string) string) []string {
	var out []string
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for pair := range strings.SplitSeq(getenv(variable), ",") {
			_, value, _ := strings.Cut(pair, "=")
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			value = strings.TrimSpace(value)
			if value = value[strings.LastIndex(value, " ")+1:]; len(value) >= shortestSecret {
				out = append(out, value)
			}
		}
	}
	return out
}

// shortestSecret tells a secret from a word such as the name of a tenant, which
// would make the log unreadable.
const shortestSecret = 8

// Parent gives the span of a context as it travels, empty for none.
func (t *Tracing) Parent(ctx context.Context) string {
	return format(trace.SpanContextFromContext(ctx))
}

// format writes a span as version 00 of the header traceparent does.
func format(c trace.SpanContext) string {
	if !c.IsValid() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%s", c.TraceID(), c.SpanID(), c.TraceFlags()&trace.FlagsSampled)
}

// parse gives the span that a text names; an invalid one for another text.
func parse(text string) trace.SpanContext {
	parts := strings.Split(text, "-")
	if len(parts) != 4 || parts[0] != "00" {
		return trace.SpanContext{}
	}
	id, traceErr := trace.TraceIDFromHex(parts[1])
	span, spanErr := trace.SpanIDFromHex(parts[2])
	flags, flagsErr := strconv.ParseUint(parts[3], 16, 8)
	if errors.Join(traceErr, spanErr, flagsErr) != nil {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags), Remote: true})
}

// Request begins the span of a request, the first of its trace: callers are not
// trusted with the names of traces. The returned function ends it.
func (t *Tracing) Request(ctx context.Context, method, route string) (in context.Context, end func(status int)) {
	in, span := t.tracer.Start(ctx, method+" "+route, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return in, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Begin gives a name to a span that is made later, by End, and that others are
// made in before. Its parent is empty where it is the first of its trace.
func (t *Tracing) Begin(parent string) string {
	c := trace.SpanContextConfig{SpanID: randomSpan()}
	if p := parse(parent); p.IsValid() {
		c.TraceID, c.TraceFlags = p.TraceID(), p.TraceFlags()
		return format(trace.NewSpanContext(c))
	}
	c.TraceID = randomTrace()
	if t.root.ShouldSample(sdktrace.SamplingParameters{TraceID: c.TraceID}).Decision == sdktrace.RecordAndSample {
		c.TraceFlags = trace.FlagsSampled
	}
	return format(trace.NewSpanContext(c))
}

// Span is a span that is made when all about it is known.
type Span struct {
	Name       string
	Self       string // given by Begin; empty: nothing was made in it
	Parent     string // empty: the first of its trace
	From, To   time.Time
	Failure    string // empty: it went well
	Attributes map[string]string
}

// End makes a span. When it belongs to another trace than what ctx is in, the two
// are linked.
func (t *Tracing) End(ctx context.Context, s Span) {
	options := []trace.SpanStartOption{trace.WithTimestamp(s.From)}
	if here := trace.SpanContextFromContext(ctx); here.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: here}))
	}
	for name, value := range s.Attributes {
		options = append(options, trace.WithAttributes(attribute.String(name, value)))
	}
	parent := trace.ContextWithRemoteSpanContext(context.Background(), parse(s.Parent))
	_, span := t.tracer.Start(context.WithValue(parent, wantedKey{}, parse(s.Self)), s.Name, options...)
	if s.Failure != "" {
		span.SetStatus(codes.Error, s.Failure)
	}
	span.End(trace.WithTimestamp(s.To))
}

// Same says whether a span that travels is in the trace that ctx is in.
func (t *Tracing) Same(ctx context.Context, other string) bool {
	return trace.SpanContextFromContext(ctx).TraceID() == parse(other).TraceID()
}

// Within makes a span for a part of what ctx's span is about, none where ctx has
// no span. The returned function ends it.
func (t *Tracing) Within(ctx context.Context, name string) (in context.Context, end func(err error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(error) {}
	}
	in, span := t.tracer.Start(ctx, name)
	return in, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
