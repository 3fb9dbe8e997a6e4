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
func ServeSSH(t testing.TB, authorizedKey string) *SSHServer {
	t.Helper()
	sshd := Need(t, "sshd")
	Need(t, "ssh-keygen")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		// Run by root, sshd insists on its folder, which a boot script makes.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Skipf("sshd cannot run: %v", err)
		}
	}
	dir := t.TempDir()
	hostKey := filepath.Join(dir, "host_key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	addr := freeAddress(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "authorized_keys"), authorizedKey+"\n")
	write(t, filepath.Join(dir, "config"), strings.Join([]string{
		"ListenAddress " + host, "Port " + port, "HostKey " + hostKey, "PidFile none",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "StrictModes no", "UsePAM no",
		"PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"AllowUsers " + me.Username, "",
	}, "\n"))
	start(t, sshd, filepath.Join(dir, "config"))
	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(public))
	return &SSHServer{
		Addr: addr, user: me.Username,
		HostKey: fmt.Sprintf("[%s]:%s %s %s\n", host, port, fields[0], fields[1]),
	}
}

// start runs sshd and waits until it says that it listens.
func start(t testing.TB, sshd, config string) {
	t.Helper()
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
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
		for lines.Scan() { //nolint:revive // keeps the pipe from filling
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	if !listening {
		t.Fatalf("sshd does not start:\n%s", strings.Join(said, "\n"))
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the address is all that is wanted
	return l.Addr().String()
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
