package main

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"coursewright/workflows"
)

// temporalOptions says how to reach Temporal.
type temporalOptions struct {
	address     string
	namespace   string
	ui          string                      // address of the Web UI; empty: unknown
	interceptor grpc.UnaryClientInterceptor // nil: none
}

func (y *system) dialTemporal(ctx context.Context, t temporalOptions) error {
	o := client.Options{HostPort: t.address, Namespace: t.namespace, Logger: y.log}
	if t.interceptor != nil {
		o.ConnectionOptions.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(t.interceptor)}
	}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return fmt.Errorf("temporal at %s: %w; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE", t.address, err)
	}
	y.temporal = c
	y.cleanup.add("Temporal client", func() error { c.Close(); return nil })
	return workflows.EnsureSearchAttributes(ctx, c, t.namespace)
}
