package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"coursewright/internal/settings"
	"coursewright/internal/temporaldev"
)

// devOptions are the flags of the dev command.
type devOptions struct {
	demo        bool
	temporalCLI string
	config      string
	settings    func() map[string]string // the settings given as flags, by name
}

func newDevCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole system on embedded parts, for development",
		Long: "Run the whole system in one process: SQLite, a Temporal development server as a\n" +
			"child process, API, worker and pages. It asks nobody for a password and listens\n" +
			"on the loopback interface only.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDev(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.demo, "demo", false, "also build a small demo course, with stand-ins of A+ and a grader that take it")
	f.StringVar(&o.temporalCLI, "temporal-cli", "", "the Temporal program (default: beside this program, bin/temporal, or on PATH)")
	f.StringVar(&o.config, "config", "", "YAML file with settings")
	o.settings = addSettingFlags(f, map[string]string{
		"DATA":   "folder for everything that is kept (default ./data)",
		"LISTEN": "loopback address to listen on (default 127.0.0.1:8070, or a free port when that is taken)",
	})
	return cmd
}

// runDev runs until ctx ends and stops everything in order.
func runDev(ctx context.Context, o devOptions, out, errOut io.Writer) (err error) {
	var cleanup cleanups
	defer func() { err = errors.Join(err, cleanup.run()) }()

	world, more, err := startDemoWorld(ctx, o.demo, &cleanup)
	if err != nil {
		return err
	}
	s, err := devSettings(o, more)
	if err != nil {
		return err
	}
	if err := lockData(s.Data, &cleanup); err != nil {
		return err
	}
	log, err := newLog(s, errOut)
	if err != nil {
		return err
	}
	listener, err := listenDev(ctx, s)
	if err != nil {
		return err
	}
	cleanup.add("listener", func() error { return ignoreClosed(listener.Close()) })
	base := "http://" + listener.Addr().String()
	admin, err := listen(ctx, "ADMIN_LISTEN", s.AdminListen, s.AdminListen != "", &cleanup)
	if err != nil {
		return err
	}

	t, err := devTemporal(ctx, s, o, log, &cleanup)
	if err != nil {
		return err
	}
	greet(out, base, t.ui, s.Auth.DisableLoginChecks)
	warn(s, log)
	world.know(base)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	y, err := startSystem(ctx, s, process{role: roleDev(), temporal: t, log: log, self: self})
	if err != nil {
		return err
	}
	cleanup.add("system", y.Close)
	serveAdmin(y, admin, out, &cleanup)                  //nolint:contextcheck // the stop begins when ctx has ended
	if err := serve(y, listener, &cleanup); err != nil { //nolint:contextcheck // the stop begins when ctx has ended
		return err
	}
	fmt.Fprintln(out, "ready")

	if o.demo {
		if err := runDemo(ctx, y, base, out); err != nil && ctx.Err() == nil {
			return fmt.Errorf("demo course: %w", err)
		}
	}
	return y.wait(ctx)
}

// devSettings loads the settings with the defaults of a developer's machine and
// more of them.
func devSettings(o devOptions, more map[string]string) (settings.Settings, error) {
	flags := o.settings()
	data, err := filepath.Abs(cmp.Or(flags["DATA"], os.Getenv("COURSEWRIGHT_DATA"), "data"))
	if err != nil {
		return settings.Settings{}, fmt.Errorf("data folder: %w", err)
	}
	defaults := settings.DevDefaults(data)
	maps.Copy(defaults, more)
	s, err := settings.Load(settings.Sources{
		Defaults: defaults,
		Config:   o.config,
		Environ:  os.Environ(),
		Flags:    flags,
		Others:   notSettings(),
	})
	if err != nil {
		return s, err
	}
	return s, errors.Join(onLoopback(s.Listen), onLoopback(s.AdminListen))
}

// onLoopback refuses an address that other machines reach; none is fine.
func onLoopback(address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address to listen on %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("dev asks nobody for a password, so it listens on loopback addresses only, not on %q; use 127.0.0.1:PORT", address)
	}
	return nil
}

// lockData makes this process the only one that uses the data folder. The lock
// is the kernel's and ends with the process.
func lockData(data string, cleanup *cleanups) error {
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	f, err := os.OpenFile(filepath.Join(data, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another coursewright uses the data folder %s; stop it, or choose another folder with --data", data), f.Close())
	}
	cleanup.add("data folder", f.Close)
	return nil
}

// listenDev takes the address, or a free port when the usual one is taken and
// nobody asked for it by name.
func listenDev(ctx context.Context, s settings.Settings) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.Listen)
	if err == nil || s.Given("LISTEN") || !errors.Is(err, unix.EADDRINUSE) {
		if err != nil {
			err = fmt.Errorf("%w; choose another address with --listen", err)
		}
		return l, err
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil, err
	}
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

// devTemporal starts the development server, unless the settings name a server.
func devTemporal(ctx context.Context, s settings.Settings, o devOptions, log *slog.Logger, cleanup *cleanups) (temporalOptions, error) {
	if s.TemporalAddress != "" {
		return temporalOf(s), nil
	}
	output, err := os.OpenFile(filepath.Join(s.Data, "temporal.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return temporalOptions{}, fmt.Errorf("log of the Temporal server: %w", err)
	}
	cleanup.add("log of the Temporal server", output.Close)
	server, err := temporaldev.Start(ctx, temporaldev.Config{
		CLI:      o.temporalCLI,
		DataFile: filepath.Join(s.Data, "temporal.db"),
		Output:   output,
		Logger:   log,
	})
	if err != nil {
		return temporalOptions{}, fmt.Errorf("%w (%s)", err, output.Name())
	}
	cleanup.add("Temporal server", server.Close)
	return temporalOptions{address: server.Address(), namespace: temporaldev.Namespace, ui: server.UI()}, nil
}

func greet(out io.Writer, base, ui string, open bool) {
	who := "open to everybody on this machine"
	if !open {
		who = "callers need a token, see docs/authentication.md"
	}
	fmt.Fprintf(out, `Coursewright (development, %[3]s, loopback only)
  pages            %[1]s/
  REST API         %[1]s/api/v1/courses
  Temporal Web UI  %[2]s
  add a course     curl -X POST %[1]s/api/v1/courses -d '{"key": "KEY", "git_origin": "URL", "git_branch": "main"}'
  build it         curl -X POST %[1]s/gitmanager/KEY/hook
starting
`, base, ui, who)
}
