package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// TemporalMetrics returns a handler that adds the metrics of Temporal's SDK to a
// registry: temporal_request, temporal_request_latency_seconds and so on, with the
// labels that the SDK gives.
func TemporalMetrics(reg prometheus.Registerer) (client.MetricsHandler, error) {
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(reg), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("metrics of Temporal's SDK: %w", err)
	}
	// The usual limits are those of milliseconds; the SDK measures seconds.
	seconds := metric.NewView(
		metric.Instrument{Kind: metric.InstrumentKindHistogram},
		metric.Stream{Aggregation: metric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.005, .01, .05, .1, .5, 1, 5, 10, 60, 300, 1800, 3600},
		}},
	)
	meters := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(seconds))
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meters.Meter("temporal")}), nil
}
