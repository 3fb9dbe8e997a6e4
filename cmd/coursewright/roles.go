package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"coursewright/internal/settings"
	"coursewright/internal/telemetry"
)

// roleOptions are the flags of a command that needs settings.
type roleOptions struct {
	config   string
	settings func() map[string]string // the settings given as flags, by name
}

// withSettings gives a command the flags of the settings.
func withSettings(cmd *cobra.Command, run func(ctx context.Context, s settings.Settings, log *slog.Logger) error) *cobra.Command {
	var o roleOptions
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, log, err := o.load(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return run(cmd.Context(), s, log)
	}
	cmd.Flags().StringVar(&o.config, "config", "", "YAML file with settings (default: the one that COURSEWRIGHT_CONFIG names)")
	o.settings = addSettingFlags(cmd.Flags(), nil)
	return cmd
}

// load reads the settings and makes the log that they describe.
func (o roleOptions) load(errOut io.Writer) (settings.Settings, *slog.Logger, error) {
	s, err := settings.Load(settings.Sources{
		Config: o.config, Environ: os.Environ(), Flags: o.settings(), Others: notSettings(),
	})
	if err != nil {
		return s, nil, err
	}
	log, err := newLog(s, errOut)
	return s, log, err
}

// newLog makes the log that the settings describe.
func newLog(s settings.Settings, errOut io.Writer) (*slog.Logger, error) {
	return telemetry.NewLogger(errOut, s.LogFormat, strings.ToLower(s.LogLevel.String()))
}

// warn tells the settings' oddities.
func warn(s settings.Settings, log *slog.Logger) {
	for _, w := range s.Warnings {
		log.Warn("settings", "warning", w)
	}
}

func newAPICommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "api",
		Short: "Serve requests, and publish: the process that has the publish folder",
		Long: "Serve the REST API, hooks, gitmanager's addresses, pages and static files, and publish\n" +
			"releases. Needs STORE_PATH and COURSES_PATH, the database and Temporal, but no build\n" +
			"folder. Several may run on the same folders and database.",
	}
	return withSettings(cmd, func(ctx context.Context, s settings.Settings, log *slog.Logger) error {
		return runRole(ctx, roleAPI(), s, log, cmd.OutOrStdout())
	})
}

func newWorkerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Build courses: the process that has a build folder",
		Long: "Build courses on this host. Needs BUILD_PATH on a local disk, STORE_PATH, the database\n" +
			"and Temporal, but no publish folder. One runs per build folder.",
	}
	return withSettings(cmd, func(ctx context.Context, s settings.Settings, log *slog.Logger) error {
		return runRole(ctx, roleWorker(), s, log, cmd.OutOrStdout())
	})
}

// runRole runs a process of the service until ctx ends or a part breaks for
// good, and stops everything in order. It prints a line for each address that it
// listens on and "ready".
func runRole(ctx context.Context, r role, s settings.Settings, log *slog.Logger, out io.Writer) (err error) {
	if err := s.CheckService(settings.Duties{Serves: r.serves, Builds: r.builds}); err != nil {
		return err
	}
	log.Info("starting", "settings", s)
	warn(s, log)
	var cleanup cleanups
	defer func() { err = errors.Join(err, cleanup.run()) }()

	// Both addresses are taken first: that one is in use is told at once.
	public, err := listen(ctx, "LISTEN", s.Listen, r.serves, &cleanup)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, "ADMIN_LISTEN", s.AdminListen, s.AdminListen != "", &cleanup)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	y, err := startSystem(ctx, s, process{role: r, temporal: temporalOf(s), log: log, self: self})
	if err != nil {
		return err
	}
	cleanup.add("system", y.Close)
	serveAdmin(y, admin, out, &cleanup) //nolint:contextcheck // the stop begins when ctx has ended
	if public != nil {
		if err := serve(y, public, &cleanup); err != nil { //nolint:contextcheck // the stop begins when ctx has ended
			return err
		}
		fmt.Fprintf(out, "pages http://%s\n", public.Addr())
	}
	fmt.Fprintln(out, "ready")
	return y.wait(ctx)
}

// wait waits for the end: nil when it was asked for, else what broke.
func (y *system) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		y.log.Info("stopping")
		return nil
	case err := <-y.failed:
		return err
	}
}
