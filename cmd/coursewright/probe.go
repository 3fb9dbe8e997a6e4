package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"coursewright/internal/settings"
)

// probeTimeout bounds a probe; /readyz itself takes at most healthLimit.
const probeTimeout = healthLimit + time.Second

// newProbeCommand makes the command that container engines and scripts ask
// whether the process beside it is well.
func newProbeCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Ask the api or worker of this machine whether it is well",
		Long: "Ask the process that runs with the same settings, at ADMIN_LISTEN, whether it answers, or\n" +
			"with --ready whether all that it needs is there. Prints the answer; status 1 means no.\n" +
			"For health checks of containers, whose image has no other program for that.",
	}
	cmd = withSettings(cmd, func(ctx context.Context, s settings.Settings, _ *slog.Logger) error {
		return probe(ctx, s, ready, cmd.OutOrStdout())
	})
	cmd.Flags().BoolVar(&ready, "ready", false, "ask for /readyz instead of /healthz")
	return cmd
}

// probe asks the process that listens at ADMIN_LISTEN. Any answer but 200 is an
// error that has its text.
func probe(ctx context.Context, s settings.Settings, ready bool, out io.Writer) error {
	address, err := probeAddress(s.AdminListen)
	if err != nil {
		return err
	}
	path := "/healthz"
	if ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return fmt.Errorf("setting ADMIN_LISTEN: %w", err)
	}
	// A proxy of the environment is for other hosts.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer at ADMIN_LISTEN: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("no whole answer at ADMIN_LISTEN: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s: %s", path, answer.Status, text)
	}
	_, err = out.Write(text)
	return err
}

// probeAddress is where a process that listens at an address can be asked from
// its own machine.
func probeAddress(listen string) (string, error) {
	if listen == "" {
		return "", errors.New("setting ADMIN_LISTEN is missing: give the process and this command the same, such as 127.0.0.1:8071")
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("setting ADMIN_LISTEN: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}
