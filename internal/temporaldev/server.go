// Package temporaldev runs Temporal's development server as a supervised child
// process: a database file that is kept, free ports, a health check, a restart
// when the child dies, an end together with its parent. It is for development
// and tests only; a production server is somebody else's process. Start at
// Start.
package temporaldev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Namespace is the namespace that the server has from its start.
const Namespace = "default"

// Ports that the server takes when they are free and none are given, as the
// Temporal CLI does.
const (
	defaultPort   = 7233
	defaultUIPort = 8233
)

const (
	host         = "127.0.0.1"
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
	restartPause = time.Second
	patience     = time.Minute // longer than a busy machine makes anybody wait
	probesWithin = 10          // of the patience
)

// Config says how to run the server.
type Config struct {
	CLI      string        // path of the temporal program
	DataFile string        // database file, made when missing; kept
	Port     int           // 0: the usual one if it is free, else any
	UIPort   int           // as Port, of the Web UI; -1: no Web UI
	AnyPort  bool          // leave the usual ports to others
	Dynamic  []string      // more dynamic configuration, each KEY=VALUE with a JSON value
	Patience time.Duration // how long the server may answer nobody before it is started again; 0: a minute
	Output   io.Writer
	Logger   *slog.Logger
}

// Server is a running development server.
type Server struct {
	cfg   Config
	ports ports
	stop  context.CancelFunc
	done  chan struct{}
	died  chan error // how the first child ended
}

// startTries bounds the starts on ports that were free when they were chosen
// and taken by somebody else a moment later.
const startTries = 5

// Start starts the server and waits until it is healthy. The caller closes it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	var err error
	if cfg.CLI, err = findCLI(cfg.CLI); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		s, err := startOnce(ctx, cfg)
		chosen := cfg.Port == 0 && cfg.UIPort <= 0
		if err == nil || !errors.Is(err, errDied) || !chosen || try == startTries {
			return s, err
		}
	}
}

// errDied says that the child ended before it was healthy.
var errDied = errors.New("the Temporal development server did not start")

func startOnce(ctx context.Context, cfg Config) (*Server, error) {
	var held ports
	if err := held.choose(ctx, &cfg); err != nil {
		return nil, errors.Join(err, held.release())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{cfg: cfg, ports: held, stop: stop, done: make(chan struct{}), died: make(chan error, 1)}
	go s.supervise(run)
	if err := s.waitHealthy(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Address is the server's gRPC address, host and port.
func (s *Server) Address() string { return net.JoinHostPort(host, strconv.Itoa(s.cfg.Port)) }

// UI is the address of the Web UI, empty without one.
func (s *Server) UI() string {
	if s.cfg.UIPort < 0 {
		return ""
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(s.cfg.UIPort))
}

// Close ends the child and waits for it.
func (s *Server) Close() error {
	s.stop()
	<-s.done
	return s.ports.release()
}

// supervise keeps a child running until ctx ends. The thread that starts the
// child must live as long as the child, since the kernel sends the child's
// death signal when that thread ends.
func (s *Server) supervise(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	for {
		err := s.runChild(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case s.died <- err:
		default:
		}
		s.cfg.Logger.Error("the Temporal development server ended, starting it again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartPause):
		}
	}
}

func (s *Server) runChild(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.cfg.CLI, s.arguments()...)
	cmd.Stdout, cmd.Stderr = s.cfg.Output, s.cfg.Output
	cmd.Env = childEnvironment()
	// An own process group keeps a terminal's Ctrl-C from the child: it must
	// outlive the workers that still talk to it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- s.watch(watch, cmd.Process) }()
	err := cmd.Wait()
	stop()
	return errors.Join(err, <-watched)
}

// watch kills a child that is there and answers nobody any more, such as one that
// waits for its database for ever.
func (s *Server) watch(ctx context.Context, child *os.Process) error {
	c, err := client.NewLazyClient(client.Options{HostPort: s.Address(), Namespace: Namespace, Logger: quiet()})
	if err != nil {
		return fmt.Errorf("client of the Temporal server: %w", err)
	}
	defer c.Close()
	patience := cmp.Or(s.cfg.Patience, patience)
	t := time.NewTicker(patience / probesWithin)
	defer t.Stop()
	for answered := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err = answers(ctx, c, patience/2); err == nil {
			answered = time.Now()
			continue
		}
		if ctx.Err() == nil && time.Since(answered) > patience {
			return errors.Join(fmt.Errorf("it has answered nobody for %s, and was killed: %w", patience, err), child.Kill())
		}
	}
}

// answers asks for a workflow that does not exist: for that the server needs its
// namespace and its database, as for everything else.
func answers(ctx context.Context, c client.Client, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := c.DescribeWorkflowExecution(ctx, "none", "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil
	}
	return err
}

// arguments include what makes a small server quick: by default its single
// shard hands out about 20 tasks a second.
func (s *Server) arguments() []string {
	args := []string{
		"server", "start-dev",
		"--ip", host,
		"--port", strconv.Itoa(s.cfg.Port),
		"--db-filename", s.cfg.DataFile,
		"--namespace", Namespace,
		"--log-level", "warn",
		"--sqlite-pragma", "journal_mode=WAL",
		"--sqlite-pragma", "synchronous=NORMAL",
	}
	for _, v := range append([]string{
		"history.transferProcessorMaxPollRPS=5000",
		"history.timerProcessorMaxPollRPS=5000",
		"history.visibilityProcessorMaxPollRPS=5000",
		"history.transferProcessorUpdateShardTaskCount=1000",
		"system.enableActivityEagerExecution=true",
		"system.enableEagerWorkflowStart=true",
	}, s.cfg.Dynamic...) {
		args = append(args, "--dynamic-config-value", v)
	}
	if s.cfg.UIPort < 0 {
		return append(args, "--headless")
	}
	return append(args, "--ui-port", strconv.Itoa(s.cfg.UIPort))
}

// childEnvironment keeps settings of the Temporal CLI that a developer may have
// from changing the server.
func childEnvironment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (s *Server) waitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{HostPort: s.Address(), Namespace: Namespace, Logger: quiet()})
	if err != nil {
		return fmt.Errorf("client of the Temporal server: %w", err)
	}
	defer c.Close()
	for {
		try, done := context.WithTimeout(ctx, 2*time.Second)
		_, err := c.WorkflowService().DescribeNamespace(try, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
		done()
		if err == nil {
			return nil
		}
		select {
		case died := <-s.died:
			return fmt.Errorf("%w: %w; its output tells why", errDied, died)
		case <-ctx.Done():
			return fmt.Errorf("the Temporal development server at %s is not healthy after %s: %w", s.Address(), startTimeout, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// findCLI finds the program: the given path, else beside the running program,
// else in bin of the working directory, else on PATH.
func findCLI(path string) (string, error) {
	if path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("the Temporal CLI: %w; `make run` builds it", err)
		}
		return path, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), "temporal"))
	}
	places = append(places, filepath.Join("bin", "temporal"), "temporal")
	for _, p := range places {
		if found, err := exec.LookPath(p); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", errors.New("the Temporal CLI is not in bin/temporal and not on PATH; `make bin/temporal` builds it")
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
