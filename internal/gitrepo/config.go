package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// HostKeyPolicy says what happens with the key of an ssh host.
type HostKeyPolicy string

// The policies for ssh host keys. Except with HostKeysOff a host whose key
// differs from the known one is refused.
const (
	HostKeysAcceptNew HostKeyPolicy = "accept-new" // a host seen for the first time is remembered
	HostKeysStrict    HostKeyPolicy = "strict"     // only hosts that are listed already
	HostKeysOff       HostKeyPolicy = "off"        // any key; for closed networks only
)

// DefaultTimeout bounds one operation when Config.Timeout is zero.
const DefaultTimeout = 15 * time.Minute

// Config says how this deployment uses git. The zero value works for public
// http(s) repositories.
type Config struct {
	GitPath        string        // the git program; empty: git on the PATH
	SSHKeyPath     string        // private key for ssh origins, see EnsureKey; empty: none
	HostKeys       HostKeyPolicy // empty: HostKeysAcceptNew
	KnownHostsFile string        // empty: known_hosts beside the SSH key
	AllowLocal     bool          // file:// and plain paths may be origins
	Own            string        // the one path that may be an origin all the same: a repository of the service's own
	Timeout        time.Duration // for one whole operation; zero: DefaultTimeout
	Limits         Limits        // of repositories
	GitOptions     []string      // given to git before every subcommand
}

// Git works with git repositories as one deployment allows it. It is safe for
// concurrent use; operations on the same folder wait for each other.
type Git struct {
	cfg    Config
	lfs    bool // git-lfs is installed
	folder locks
}

// New checks the configuration and finds the programs. Every error says which
// setting is wrong.
func New(cfg Config) (*Git, error) {
	path, err := exec.LookPath(orElse(cfg.GitPath, "git"))
	if err != nil {
		return nil, fmt.Errorf("git program: %w; install git or set its path", err)
	}
	if err := checkVersion(path); err != nil {
		return nil, err
	}
	cfg.GitPath = path
	cfg.HostKeys = HostKeyPolicy(orElse(string(cfg.HostKeys), string(HostKeysAcceptNew)))
	if !slices.Contains([]HostKeyPolicy{HostKeysAcceptNew, HostKeysStrict, HostKeysOff}, cfg.HostKeys) {
		return nil, fmt.Errorf("ssh host key policy %q: use %s, %s or %s", cfg.HostKeys, HostKeysAcceptNew, HostKeysStrict, HostKeysOff)
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("git timeout %s: give a positive time or nothing", cfg.Timeout)
	}
	cfg.Limits = cfg.Limits.orDefaults()
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.SSHKeyPath != "" {
		if cfg.SSHKeyPath, err = filepath.Abs(cfg.SSHKeyPath); err != nil {
			return nil, fmt.Errorf("ssh key path: %w", err)
		}
		cfg.KnownHostsFile = orElse(cfg.KnownHostsFile, filepath.Join(filepath.Dir(cfg.SSHKeyPath), "known_hosts"))
	}
	if cfg.KnownHostsFile != "" {
		if cfg.KnownHostsFile, err = filepath.Abs(cfg.KnownHostsFile); err != nil {
			return nil, fmt.Errorf("known hosts file: %w", err)
		}
	}
	// ssh would read a double quote or a line break as the end of the name.
	if strings.ContainsAny(cfg.SSHKeyPath+cfg.KnownHostsFile, "\"\n\r\x00") {
		return nil, errors.New("ssh key and known hosts file: the paths must not contain quotes or line breaks")
	}
	_, lfsErr := exec.LookPath("git-lfs")
	return &Git{cfg: cfg, lfs: lfsErr == nil}, nil
}

// checkVersion refuses a git that does not read all settings from the
// environment: it would run without the safeguards given there.
func checkVersion(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return fmt.Errorf("git program %s: %w", path, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(out), "git version %d.%d", &major, &minor); err != nil {
		return fmt.Errorf("git program %s: its version %q is not understood; give the path of git", path, printable(string(out)))
	}
	if major < 2 || (major == 2 && minor < 36) {
		return fmt.Errorf("git program %s: version %d.%d is too old; install 2.36 or newer", path, major, minor)
	}
	return nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// passedOn are the variables of the service that git and its helpers see. All
// others are withheld: they may hold secrets or change what git does.
func passedOn() []string {
	return []string{
		"PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
		"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
	}
}

// environment is what every git process gets beside its settings.
func (g *Git) environment(o origin) []string {
	env := []string{
		"LC_ALL=C", // messages are told apart by their English text
		"HOME=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS_REQUIRE=never",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_PAGER=cat", "GIT_EDITOR=false",
		"GIT_ALLOW_PROTOCOL=" + o.protocols(),
		"GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=" + g.sshCommand(),
	}
	for _, name := range passedOn() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if o.hasCredentials() {
		env = append(env, "COURSEWRIGHT_GIT_USERNAME="+o.username, "COURSEWRIGHT_GIT_PASSWORD="+o.password)
	}
	return env
}

// settings are those that every git process gets. The filter of Git LFS is not
// among them, see lfsSettings.
func (g *Git) settings(o origin) [][2]string {
	settings := [][2]string{
		{"core.hooksPath", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"core.quotePath", "false"},
		{"core.attributesFile", "/dev/null"},
		{"core.excludesFile", "/dev/null"},
		{"safe.directory", "*"}, // folders are checked by guard instead of by their owner
		{"gc.autoDetach", "false"},
		{"submodule.recurse", "false"},
		{"fetch.recurseSubmodules", "false"},
		{"submodule.active", "."}, // guard drops what "submodule init" wrote
		{"http.followRedirects", "initial"},
		{"http.lowSpeedLimit", "1"},
		{"http.lowSpeedTime", "60"},
		{"advice.detachedHead", "false"},
		{"credential.helper", ""},
	}
	if o.hasCredentials() {
		// Git asks the helper only for this scheme, host and port: neither a
		// submodule elsewhere nor the target of a redirect gets an answer.
		settings = append(settings, [2]string{"credential." + o.site() + ".helper", credentialHelper})
	}
	return settings
}

// gitSettings adds settings to an environment, in the place of those that it has.
// Given this way they outrank those of a repository and reach submodules as well.
func gitSettings(env []string, settings [][2]string) []string {
	env = append(env[:len(env):len(env)], fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)))
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// credentialHelper is a constant: the secrets travel in the environment.
const credentialHelper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$COURSEWRIGHT_GIT_USERNAME" "$COURSEWRIGHT_GIT_PASSWORD"; }; f`

// sshCommand is the value of GIT_SSH_COMMAND, which git gives to a shell; only
// settings of the deployment go into it, quoted.
func (g *Git) sshCommand() string {
	strict := map[HostKeyPolicy]string{HostKeysAcceptNew: "accept-new", HostKeysStrict: "yes", HostKeysOff: "no"}[g.cfg.HostKeys]
	known := g.cfg.KnownHostsFile
	if g.cfg.HostKeys == HostKeysOff || known == "" {
		known = "/dev/null"
	}
	words := []string{
		"ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
		"-o", "StrictHostKeyChecking=" + strict, "-o", `UserKnownHostsFile="` + sshPath(known) + `"`,
		"-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
	}
	if g.cfg.SSHKeyPath != "" {
		words = append(words, "-o", `IdentityFile="`+sshPath(g.cfg.SSHKeyPath)+`"`)
	} else {
		words = append(words, "-o", "IdentityFile=none")
	}
	for i, w := range words {
		words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// sshPath guards a path against ssh's own expansion of per cent signs.
func sshPath(path string) string { return strings.ReplaceAll(path, "%", "%%") }
