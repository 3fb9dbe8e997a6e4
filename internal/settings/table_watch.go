package settings

import "time"

// Watching says how the service shows what it does.
type Watching struct {
	TracesEndpoint string        // of a collector; empty: nothing is traced
	TracesPercent  int           // of the requests that are traced
	CanaryInterval time.Duration // 0: there is no canary course
	CanaryCourse   string        // its key
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
		define(durations(0, 24*time.Hour), func(s *Settings) *time.Duration { return &s.Watching.CanaryInterval }, Setting{
			Name: "CANARY_INTERVAL", Default: "0",
			Doc: "How often the service pushes to a small course of its own, to measure how long a push takes until it is published. 0: never. Give all processes the same, and at least `1m`, usually `5m`.",
		}),
		define(names(), func(s *Settings) *string { return &s.Watching.CanaryCourse }, Setting{
			Name: "CANARY_COURSE", Default: "canary", Doc: "Key of that course, which the service makes.",
		}),
	}
}
