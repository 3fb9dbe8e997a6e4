package settings

// Watching says how the service shows what it does.
type Watching struct {
	TracesEndpoint string // of a collector; empty: nothing is traced
	TracesPercent  int    // of the requests that are traced
}

func watchRows() []row {
	return []row{
		define(anyURL(), func(s *Settings) *string { return &s.Watching.TracesEndpoint }, Setting{
			Name: "TRACES_ENDPOINT",
			Doc:  "Collector of OpenTelemetry traces, OTLP over HTTP, such as `http://collector:4318`. Headers and certificates are given by OpenTelemetry's own variables, such as `OTEL_EXPORTER_OTLP_HEADERS`. Unset: nothing is traced.",
		}),
		define(ints(0, 100), func(s *Settings) *int { return &s.Watching.TracesPercent }, Setting{
			Name: "TRACES_PERCENT", Default: "100",
			Doc: "How many of a hundred requests are traced, with the builds that they ask for.",
		}),
	}
}
