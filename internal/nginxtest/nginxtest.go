// Package nginxtest runs a real nginx for tests. It holds no configuration of
// its own beyond what a process in a test needs. Start at Start.
package nginxtest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Listen stands in a configuration for the address that nginx listens at.
const Listen = "LISTEN_ADDRESS"

// Start runs the nginx program until the test ends, with conf as its http
// block, and gives the address that replaced Listen. nginx inherits a listening
// socket, as it does in an upgrade of itself: there is no port to lose and
// nothing to wait for.
func Start(tb testing.TB, program, conf string) (address string) {
	tb.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	must(tb, err)
	address = listener.Addr().String()
	socket, err := listener.(*net.TCPListener).File()
	must(tb, err)
	must(tb, listener.Close())
	dir := tb.TempDir()
	must(tb, os.Symlink("/etc/nginx/mime.types", filepath.Join(dir, "mime.types")))
	main := filepath.Join(dir, "nginx.conf")
	must(tb, os.WriteFile(main, []byte(preamble()+strings.ReplaceAll(conf, Listen, address)+"\n}\n"), 0o600))

	var log bytes.Buffer
	cmd := exec.CommandContext(tb.Context(), program, "-p", dir, "-e", "stderr", "-c", main)
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = &log
	// On SIGTERM the master stops its workers too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	must(tb, cmd.Start())
	must(tb, socket.Close())
	tb.Cleanup(func() {
		_ = cmd.Wait() // it was told to stop when the test's context ended
		if tb.Failed() {
			tb.Logf("nginx said:\n%s", log.String())
		}
	})
	return address
}

// preamble is the configuration up to the inside of the http block. Everything
// that nginx writes goes to its own folder.
func preamble() string {
	main := "daemon off; pid pid; error_log stderr; worker_processes auto;\nevents {}\nhttp {\naccess_log off;\n"
	if os.Getuid() == 0 {
		main = "user root;\n" + main // its workers would become nobody and not reach the test's folders
	}
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += temp + "_temp_path " + temp + ";\n"
	}
	return main
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
