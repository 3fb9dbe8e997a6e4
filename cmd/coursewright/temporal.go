package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"google.golang.org/grpc"

	"coursewright/internal/settings"
	"coursewright/internal/telemetry"
	"coursewright/workflows"
)

// temporalOptions says how to reach Temporal.
type temporalOptions struct {
	address     string
	namespace   string
	ui          string        // address of the Web UI; empty: unknown
	retention   time.Duration // of a namespace that is made
	tls         settings.TemporalTLS
	apiKey      settings.Secret
	interceptor grpc.UnaryClientInterceptor // nil: none
	metrics     client.MetricsHandler       // nil: nothing is measured
	traces      interceptor.Interceptor     // nil: nothing is traced
}

// temporalOf is the Temporal that the settings name.
func temporalOf(s settings.Settings) temporalOptions {
	return temporalOptions{
		address: s.TemporalAddress, namespace: s.TemporalNamespace, ui: s.TemporalUIURL,
		retention: s.TemporalRetention, tls: s.TemporalTLS, apiKey: s.TemporalAPIKey,
	}
}

// client makes a client that connects when it is used first, and again whenever
// the connection broke.
func (t temporalOptions) client(log *slog.Logger) (client.Client, error) {
	o := client.Options{HostPort: t.address, Namespace: t.namespace, Logger: log, MetricsHandler: t.metrics}
	if t.interceptor != nil {
		o.ConnectionOptions.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(t.interceptor)}
	}
	if t.traces != nil {
		o.Interceptors = []interceptor.ClientInterceptor{t.traces}
	}
	if t.tls.On {
		c, err := tlsConfig(t.tls)
		if err != nil {
			return nil, err
		}
		o.ConnectionOptions.TLS = c
	}
	if t.apiKey != "" {
		o.Credentials = client.NewAPIKeyStaticCredentials(t.apiKey.Reveal())
	}
	c, err := client.NewLazyClient(o)
	if err != nil {
		return nil, t.explain(err)
	}
	return c, nil
}

// tlsConfig reads the files that the settings name, so that a bad one is told at
// the start. The client certificate is read again for every connection: it may
// be renewed meanwhile.
func tlsConfig(t settings.TemporalTLS) (*tls.Config, error) {
	out := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CAPath != "" {
		text, err := os.ReadFile(t.CAPath)
		if err != nil {
			return nil, fmt.Errorf("setting TEMPORAL_TLS_CA: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("setting TEMPORAL_TLS_CA: %s holds no certificate in PEM form", t.CAPath)
		}
	}
	if t.CertPath == "" {
		return out, nil
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.CertPath, t.KeyPath)
		if err != nil {
			return nil, fmt.Errorf("settings TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return out, nil
}

// errTemporalAway says that Temporal could not be reached, which may pass by
// itself, as opposed to one that answers no.
var errTemporalAway = errors.New("temporal cannot be reached")

// explain adds to an error of Temporal's which settings it may be about.
func (t temporalOptions) explain(err error) error {
	var denied *serviceerror.PermissionDenied
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	switch {
	case err == nil:
		return nil
	case errors.As(err, &denied), strings.Contains(err.Error(), "Unauthenticated"):
		return fmt.Errorf("temporal at %s: %w; check TEMPORAL_API_KEY or the client certificate TEMPORAL_TLS_CERT, and their rights", t.address, err)
	case errors.As(err, &away), errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		hint := "check TEMPORAL_ADDRESS, and whether the server wants TLS (TEMPORAL_TLS)"
		if t.tls.On {
			hint = "check TEMPORAL_ADDRESS and the settings TEMPORAL_TLS_CA, TEMPORAL_TLS_CERT and TEMPORAL_TLS_SERVER_NAME"
		}
		return fmt.Errorf("%w at %s: %w; %s", errTemporalAway, t.address, err, hint)
	}
	return fmt.Errorf("temporal at %s: %w; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE", t.address, err)
}

// Limits of looking for Temporal.
const (
	temporalTry   = 10 * time.Second // for one look
	temporalPause = 2 * time.Second  // between looks
	temporalWait  = time.Minute      // a worker that has not found it by then gives up
)

// setUpTemporal makes the namespace and the search attributes that are missing.
func setUpTemporal(ctx context.Context, c client.Client, t temporalOptions) error {
	return t.explain(workflows.SetUp(ctx, c, t.namespace, t.retention))
}

// dialTemporal makes the client. In development it also sets Temporal up.
func (y *system) dialTemporal(ctx context.Context) error {
	metrics, err := telemetry.TemporalMetrics(y.registry)
	if err != nil {
		return err
	}
	y.reach.metrics = metrics
	if y.tracing != nil {
		if y.reach.traces, err = y.tracing.Interceptor(workflows.SpanOf); err != nil {
			return err
		}
	}
	c, err := y.reach.client(y.log)
	if err != nil {
		return err
	}
	y.temporal = c
	y.cleanup.add("Temporal client", func() error { c.Close(); return nil })
	if y.role.dev {
		return setUpTemporal(ctx, c, y.reach)
	}
	return nil
}

// checkTemporal looks whether Temporal answers and has what the workflows need.
func (y *system) checkTemporal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, temporalTry)
	defer cancel()
	l, err := workflows.Inspect(ctx, y.temporal, y.reach.namespace)
	switch {
	case err != nil:
		return y.reach.explain(err)
	case l.Namespace:
		return fmt.Errorf("temporal at %s has no namespace %s; run `coursewright migrate`, or check TEMPORAL_NAMESPACE", y.reach.address, y.reach.namespace)
	case l.Any():
		return fmt.Errorf("namespace %s lacks the search attributes %s; run `coursewright migrate`", y.reach.namespace, strings.Join(l.Attributes, ", "))
	case l.Unknown != nil:
		y.log.Warn("whether the namespace has the search attributes is unknown; builds stall without them", "error", l.Unknown)
	}
	return nil
}
