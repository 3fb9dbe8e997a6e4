package dockertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// Apart is an engine of a test's own in a network of its own, which has a host,
// a machine of the world outside, and a private one. Each serves the word
// Reached by HTTP.
type Apart struct {
	Host string // address of the engine, as DOCKER_HOST is
	API  *client.Client

	t      *testing.T
	engine int // process
}

// Addresses of the network of an engine apart.
const (
	ApartHost     = "192.0.2.1"       // the engine's host, at ports 5432 and 7233
	ApartWorld    = "192.0.2.2"       // the world outside, at port 80
	ApartPrivate  = "10.20.30.40"     // a neighbour, at port 80
	ApartMetadata = "169.254.169.254" // a cloud's credentials, at port 80
	Reached       = "reached"
)

// Ask is a command, in Image and on the host, which asks an address and a port
// that follow by HTTP. busybox has a wget, but a static one crashes on names.
const Ask = `printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc -w 1`

// StartApart starts an engine apart, with Image in it. It skips the test where
// that is not possible, or fails it when COURSEWRIGHT_REQUIRE names dockerd.
func StartApart(t *testing.T) *Apart {
	t.Helper()
	missing := t.Skipf
	if required("dockerd") {
		missing = t.Fatalf
	}
	if os.Getuid() != 0 {
		missing("only root can start an engine in a network of its own")
	}
	for _, program := range []string{"dockerd", "docker", "unshare", "nsenter", "ip", "iptables", "busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			missing("%s is not installed", program)
		}
	}
	dir, err := os.MkdirTemp("", "engine-") //nolint:usetesting // a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	page := filepath.Join(dir, "page")
	if err := errors.Join(os.Mkdir(page, 0o755), os.WriteFile(filepath.Join(page, "index.html"), []byte(Reached+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	a := &Apart{Host: "unix://" + filepath.Join(dir, "s"), t: t}
	a.engine = a.start("unshare", "--net", "--mount", "sh", "-c",
		// Locks and sockets of its own; what the engine keeps is gone with the folder.
		"mount -t tmpfs tmpfs /run && ip link set lo up && exec dockerd --storage-driver=vfs --log-level=error --host="+a.Host+
			" --data-root="+dir+"/data --exec-root="+dir+"/exec --pidfile="+dir+"/pid")
	if a.API, err = client.New(client.WithHost(a.Host)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.API.Close() })
	a.await(func() error { _, err := a.API.Ping(t.Context(), client.PingOptions{}); return err })
	a.connect(page)
	Import(t, a.API, Image)
	return a
}

// connect makes the machines around the engine's host.
func (a *Apart) connect(page string) {
	a.t.Helper()
	world := a.start("unshare", "--net", "busybox", "httpd", "-f", "-p", "80", "-h", page)
	engine := strconv.Itoa(a.engine)
	a.await(func() error { return differ(engine, strconv.Itoa(world)) })
	a.Run("ip", "link", "add", "world", "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(world))
	a.Run("ip", "address", "add", ApartHost+"/24", "dev", "world")
	a.Run("ip", "link", "set", "world", "up")
	there := func(args ...string) {
		a.must(append([]string{"nsenter", "-t", strconv.Itoa(world), "-n", "ip"}, args...))
	}
	for _, address := range []string{ApartWorld + "/24", ApartPrivate + "/32", ApartMetadata + "/32"} {
		there("address", "add", address, "dev", "eth0")
	}
	there("link", "set", "eth0", "up")
	there("route", "add", "default", "via", ApartHost)
	a.Run("ip", "route", "add", "default", "via", ApartWorld)
	for _, port := range []string{"5432", "7233"} {
		a.start("nsenter", "-t", engine, "-n", "busybox", "httpd", "-f", "-p", port, "-h", page)
		a.await(func() error { return a.try("sh", "-c", Ask+" "+ApartHost+" "+port+" | grep -q "+Reached) })
	}
}

// differ says when two processes have different networks.
func differ(one, other string) error {
	a, err := os.Readlink("/proc/" + one + "/ns/net")
	b, err2 := os.Readlink("/proc/" + other + "/ns/net")
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	mine, err := os.Readlink("/proc/self/ns/net")
	if err == nil && (a == b || a == mine || b == mine) {
		err = errors.New("one network")
	}
	return err
}

// Run runs a program on the engine's host.
func (a *Apart) Run(args ...string) string {
	a.t.Helper()
	return a.must(append([]string{"nsenter", "-t", strconv.Itoa(a.engine), "-n"}, args...))
}

func (a *Apart) try(args ...string) error {
	out, err := a.command(append([]string{"nsenter", "-t", strconv.Itoa(a.engine), "-n"}, args...)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, out)
	}
	return nil
}

func (a *Apart) must(args []string) string {
	a.t.Helper()
	out, err := a.command(args).CombinedOutput()
	if err != nil {
		a.t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

func (a *Apart) command(args []string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(a.t.Context()), args[0], args[1:]...) //nolint:gosec // the test's own words
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+a.Host)
	return cmd
}

// start runs a program until the test ends and gives its process, which is in
// the network that the program is to have once it is there.
func (a *Apart) start(args ...string) int {
	a.t.Helper()
	cmd := a.command(args)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // or it has ended
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// await calls again until there is no error.
func (a *Apart) await(try func() error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			a.t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
