package dockertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// Daemon is a container engine of a test's own, which may be killed. As where
// Debian installs it, the containerd that runs containers is a process of its own and
// outlives it. It has no network.
type Daemon struct {
	tb         testing.TB
	dir        string
	args       []string
	cmd        *exec.Cmd // nil while it is not running
	ended      chan error
	containerd *exec.Cmd
}

// DaemonMissing says why no engine can be started here, empty when one can, for
// tests that do less without. It fails the test when COURSEWRIGHT_REQUIRE names
// dockerd.
func DaemonMissing(tb testing.TB) string {
	tb.Helper()
	missing := daemonMissing()
	if missing != "" && required("dockerd") {
		tb.Fatalf("%s, and COURSEWRIGHT_REQUIRE has the word dockerd", missing)
	}
	return missing
}

func daemonMissing() string {
	if os.Getuid() != 0 {
		return "starting a container engine needs root"
	}
	for _, program := range []string{"dockerd", "containerd", "busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is missing"
		}
	}
	return ""
}

// LiveRestore makes containers outlive the engine, by whatever it ends.
const LiveRestore = "--live-restore"

// StartDaemon runs an engine with LiveRestore until the test ends, with Image in
// it. It skips the test where that is not possible, or fails it when
// COURSEWRIGHT_REQUIRE names dockerd.
func StartDaemon(tb testing.TB) *Daemon {
	tb.Helper()
	return StartDaemonWith(tb, LiveRestore)
}

// StartDaemonWith is StartDaemon with further arguments of dockerd.
func StartDaemonWith(tb testing.TB, args ...string) *Daemon {
	tb.Helper()
	if missing := DaemonMissing(tb); missing != "" {
		tb.Skip(missing)
	}
	dir, err := os.MkdirTemp("", "cw-docker-") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{tb: tb, dir: dir, args: args}
	tb.Cleanup(d.remove)
	d.startContainerd()
	d.Start()
	api := d.Client()
	Import(tb, api, Image)
	return d
}

// Address is the engine's, as DOCKER_HOST has it.
func (d *Daemon) Address() string { return "unix://" + filepath.Join(d.dir, "sock") }

// Client gives a client of the engine.
func (d *Daemon) Client() *client.Client {
	d.tb.Helper()
	api, err := client.New(client.WithHost(d.Address()))
	if err != nil {
		d.tb.Fatal(err)
	}
	d.tb.Cleanup(func() { _ = api.Close() })
	return api
}

// PID is the engine's process.
func (d *Daemon) PID() int { return d.cmd.Process.Pid }

// ContainerdPID is the process that runs the engine's containers.
func (d *Daemon) ContainerdPID() int { return d.containerd.Process.Pid }

// run starts one of the engine's programs.
func (d *Daemon) run(name string, args ...string) *exec.Cmd {
	d.tb.Helper()
	out, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.tb.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the child has a descriptor of its own
	cmd := exec.CommandContext(context.WithoutCancel(d.tb.Context()), name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		d.tb.Fatal(err)
	}
	return cmd
}

func (d *Daemon) logFile() string { return filepath.Join(d.dir, "log") }

func (d *Daemon) startContainerd() {
	d.tb.Helper()
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		filepath.Join(d.dir, "root"), filepath.Join(d.dir, "state"), filepath.Join(d.dir, "containerd"))
	file := filepath.Join(d.dir, "containerd.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		d.tb.Fatal(err)
	}
	d.containerd = d.run("containerd", "--config", file, "--log-level", "error")
	for end := time.Now().Add(time.Minute); ; {
		if _, err := os.Stat(filepath.Join(d.dir, "containerd")); err == nil {
			return
		}
		if time.Now().After(end) {
			d.tb.Fatal("containerd does not start")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Start starts the engine, again after Kill, and returns when it answers.
func (d *Daemon) Start() {
	d.tb.Helper()
	cmd := d.run("dockerd", append([]string{
		"--containerd", filepath.Join(d.dir, "containerd"),
		"--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "pid"), "--host", d.Address(),
		"--bridge=none", "--iptables=false", "--ip6tables=false", "--log-level=error",
	}, d.args...)...)
	d.cmd, d.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(d.ended)
	if err := d.await(); err != nil {
		text, readErr := os.ReadFile(d.logFile())
		d.tb.Errorf("the container engine: %v\n%s", errors.Join(err, readErr), text[max(0, len(text)-2000):])
	}
}

// await waits until the engine answers.
func (d *Daemon) await() error {
	api, err := client.New(client.WithHost(d.Address()))
	if err != nil {
		return err
	}
	defer api.Close() //nolint:errcheck // nothing was kept
	for end := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.tb.Context()), 2*time.Second)
		_, err := api.Ping(ctx, client.PingOptions{})
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return err
		}
		select {
		case err := <-d.ended:
			d.ended <- err
			return fmt.Errorf("it ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Kill ends the engine as kill -9 does; containers go on.
func (d *Daemon) Kill() { d.end(syscall.SIGKILL) }

// Stop ends the engine as systemctl stop does, and without LiveRestore its
// containers too.
func (d *Daemon) Stop() { d.end(syscall.SIGTERM) }

func (d *Daemon) end(by syscall.Signal) {
	_ = d.cmd.Process.Signal(by) // it may have ended by itself
	<-d.ended                    //nolint:errcheck // so it should end
	d.cmd = nil
}

// remove ends the engine with what runs in it, and deletes its files.
func (d *Daemon) remove() {
	if d.cmd == nil {
		d.Start()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.tb.Context()), time.Minute)
	defer cancel()
	err := d.removeContainers(ctx)
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-d.ended: //nolint:errcheck // asked to end, it may say that it was
	case <-ctx.Done():
		_ = d.cmd.Process.Kill()
		<-d.ended //nolint:errcheck // killed is what it should be
	}
	_ = d.containerd.Process.Kill()
	_ = d.containerd.Wait() // killed is what it should be
	err = errors.Join(err, d.endShims())
	for _, mount := range d.mounts() {
		err = errors.Join(err, unix.Unmount(mount, unix.MNT_DETACH))
	}
	if err := errors.Join(err, os.RemoveAll(d.dir)); err != nil {
		d.tb.Errorf("end of the container engine: %v", err)
	}
}

func (d *Daemon) removeContainers(ctx context.Context) error {
	api, err := client.New(client.WithHost(d.Address()))
	if err != nil {
		return err
	}
	defer api.Close() //nolint:errcheck // nothing was kept
	left, err := api.ContainerList(ctx, client.ContainerListOptions{All: true})
	for _, c := range left.Items {
		_, removed := api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
		err = errors.Join(err, removed)
	}
	return err
}

// mounts are the folders on which an engine that was killed has left something
// mounted, the innermost first.
func (d *Daemon) mounts() (out []string) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		d.tb.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], d.dir+"/") {
			out = append(out, fields[1])
		}
	}
	slices.Reverse(out)
	return out
}
