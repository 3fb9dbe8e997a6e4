package gitrepotest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// SSHServer is an sshd on the loopback interface.
type SSHServer struct {
	Addr    string // host:port
	HostKey string // its line for a known_hosts file
	user    string
}

// URL is the address of a repository, reached by its path.
func (s *SSHServer) URL(r *Repo) string {
	return "ssh://" + s.user + "@" + s.Addr + r.Path()
}

// ServeSSH starts an sshd that lets the current user in with the given public
// key (a line of an authorized_keys file) until the test ends. It skips the
// test where sshd is not installed; see Need.
func ServeSSH(tb testing.TB, authorizedKey string) *SSHServer {
	tb.Helper()
	sshd := Need(tb, "sshd")
	Need(tb, "ssh-keygen")
	me, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	if me.Uid == "0" {
		// Run by root, sshd insists on its folder, which a boot script makes.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			tb.Skipf("sshd cannot run: %v", err)
		}
	}
	dir := tb.TempDir()
	hostKey := filepath.Join(dir, "host_key")
	if out, err := exec.CommandContext(tb.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey).CombinedOutput(); err != nil {
		tb.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	addr := freeAddress(tb)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, filepath.Join(dir, "authorized_keys"), authorizedKey+"\n")
	write(tb, filepath.Join(dir, "config"), strings.Join([]string{
		"ListenAddress " + host, "Port " + port, "HostKey " + hostKey, "PidFile none",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "StrictModes no", "UsePAM no",
		"PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"AllowUsers " + me.Username, "",
	}, "\n"))
	start(tb, sshd, filepath.Join(dir, "config"))
	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		tb.Fatal(err)
	}
	fields := strings.Fields(string(public))
	return &SSHServer{
		Addr: addr, user: me.Username,
		HostKey: fmt.Sprintf("[%s]:%s %s %s\n", host, port, fields[0], fields[1]),
	}
}

// start runs sshd and waits until it says that it listens.
func start(tb testing.TB, sshd, config string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), sshd, "-D", "-e", "-f", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var said []string
	listening := false
	for !listening && lines.Scan() {
		said = append(said, lines.Text())
		listening = strings.HasPrefix(lines.Text(), "Server listening")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() { // keeps the pipe from filling
		}
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	if !listening {
		tb.Fatalf("sshd does not start:\n%s", strings.Join(said, "\n"))
	}
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the address is all that is wanted
	return l.Addr().String()
}

func write(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}
