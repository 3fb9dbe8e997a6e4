package settings

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// Containers are the settings of builds in containers.
type Containers struct {
	Host     string // address of the engine; empty: DOCKER_HOST or the usual socket
	CertPath string // folder with ca.pem, cert.pem and key.pem
	Pull     string // missing, always or never
	Logins   string // file with logins to registries
	User     string
	Memory   int64 // bytes; 0: no limit
	CPUs     float64
	PIDs     int
	LogSize  int64 // bytes; 0: no limit
	Network  string
	Mounts   []BuildMount
}

// BuildMount is a folder of the host that builds see.
type BuildMount struct {
	Source   string // absolute path on the engine's host
	Target   string // absolute path in the container
	Writable bool
}

func containerRows() []row {
	return append(engineRows(), limitRows()...)
}

func engineRows() []row {
	return []row{
		define(engines(), func(s *Settings) *string { return &s.Containers.Host }, Setting{
			Name: "BUILD_DOCKER_HOST",
			Doc:  "The engine that runs the containers, Docker or Podman. Unset: `DOCKER_HOST`, else `unix:///var/run/docker.sock`.",
		}),
		define(paths(), func(s *Settings) *string { return &s.Containers.CertPath }, Setting{
			Name: "BUILD_DOCKER_CERT_PATH",
			Doc:  "Folder with `ca.pem`, `cert.pem` and `key.pem` for an engine that is reached by TLS.",
		}),
		define(oneOf("missing", "always", "never"), func(s *Settings) *string { return &s.Containers.Pull }, Setting{
			Name: "BUILD_PULL", Default: "missing",
			Doc: "When images are fetched from their registry: if the host does not have them, for every build, or never.",
		}),
		define(paths(), func(s *Settings) *string { return &s.Containers.Logins }, Setting{
			Name: "BUILD_REGISTRY_LOGINS",
			Doc:  "File with logins to registries, as `docker login` writes it (`config.json`). Every course can then use the images that they open.",
		}),
		define(mounts(), func(s *Settings) *[]BuildMount { return &s.Containers.Mounts }, Setting{
			Name: "BUILD_MOUNTS",
			Doc:  "Folders of the engine's host that all builds see, read-only unless `:rw` is added.",
		}),
	}
}

func limitRows() []row {
	return []row{
		define(texts(), func(s *Settings) *string { return &s.Containers.User }, Setting{
			Name: "BUILD_USER",
			Doc:  "User, or user:group, of builds. Unset: the image's own, usually root of the container.",
		}),
		define(networkNames(), func(s *Settings) *string { return &s.Containers.Network }, Setting{
			Name: "BUILD_NETWORK", Default: "none",
			Doc: "Network of builds: `none`, or the name of one of the engine's. `coursewright-builds` is made by `deploy/builders/network.sh` and leads to the Internet only. With `bridge` builds reach the host, its neighbours and the addresses at which clouds serve credentials, with `host` even what listens on the loopback address.",
		}),
		define(sizes(6<<20), func(s *Settings) *int64 { return &s.Containers.Memory }, Setting{
			Name: "BUILD_MEMORY", Default: "4GiB",
			Doc: "Memory of one build. 0: no limit.",
		}),
		define(processors(), func(s *Settings) *float64 { return &s.Containers.CPUs }, Setting{
			Name: "BUILD_CPUS", Default: "2",
			Doc: "Processors of one build; more than the host has means all. 0: no limit.",
		}),
		define(ints(0, 4<<20), func(s *Settings) *int { return &s.Containers.PIDs }, Setting{
			Name: "BUILD_PIDS", Default: "4096",
			Doc: "Processes and threads of one build. 0: no limit.",
		}),
		define(sizes(64<<10), func(s *Settings) *int64 { return &s.Containers.LogSize }, Setting{
			Name: "BUILD_LOG_SIZE", Default: "256MiB",
			Doc: "A build that prints more is stopped and fails; a line counts some bytes more than it has. The engine keeps that much on its disk while the build runs. 0: no limit.",
		}),
	}
}

func engines() kind[string] {
	k := texts()
	k.name, k.allowed = "address", "unix:///path or tcp://host:port"
	return k.with(func(s string) error {
		address, tcp := strings.CutPrefix(s, "tcp://")
		path, unix := strings.CutPrefix(s, "unix://")
		if s == "" || (tcp && address != "") || (unix && filepath.IsAbs(path)) {
			return nil
		}
		return errRefused
	})
}

func networkNames() kind[string] {
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	k := texts()
	k.name, k.allowed = "network", "none or the name of a network"
	return k.with(func(s string) error {
		if !name.MatchString(s) { // container:ID would be another container's network
			return errRefused
		}
		return nil
	})
}

// sizes are numbers of bytes, 0 or not below least.
func sizes(least int64) kind[int64] {
	allowed := fmt.Sprintf("0 or at least %s, such as 512MiB or 4GiB; a number means bytes", units.BytesSize(float64(least)))
	return kind[int64]{name: "size", allowed: allowed, parse: func(r raw) (int64, error) {
		n, err := units.RAMInBytes(r.words())
		if err != nil || n < 0 || (n > 0 && n < least) || n > math.MaxInt64/4 {
			return 0, errRefused
		}
		return n, nil
	}, show: func(n int64) string { return units.BytesSize(float64(n)) }}
}

// atLeast are sizes without 0.
func atLeast(least int64) kind[int64] {
	k := sizes(least)
	k.allowed = strings.TrimPrefix(k.allowed, "0 or ")
	return k.with(func(n int64) error {
		if n == 0 {
			return errRefused
		}
		return nil
	})
}

func processors() kind[float64] {
	return kind[float64]{name: "number", allowed: "0, or a number from 0.01 to 1024 such as 1.5", parse: func(r raw) (float64, error) {
		n, err := strconv.ParseFloat(r.words(), 64)
		// Also refuses NaN.
		if err != nil || !(n == 0 || (n >= 0.01 && n <= 1024)) {
			return 0, errRefused
		}
		return n, nil
	}}
}

func mounts() kind[[]BuildMount] {
	k := kind[[]BuildMount]{
		name:    "list of mounts",
		allowed: "absolute paths SOURCE:TARGET or SOURCE:TARGET:rw, as a JSON list or with commas between them",
	}
	k.parse = func(r raw) ([]BuildMount, error) {
		items, err := lists(true).parse(r)
		if err != nil {
			return nil, err
		}
		out := make([]BuildMount, 0, len(items))
		for _, item := range items {
			m, err := parseMount(item)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
		return out, nil
	}
	return k
}

func parseMount(text string) (BuildMount, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 3 && (parts[2] == "rw" || parts[2] == "ro") {
		m, err := parseMount(parts[0] + ":" + parts[1])
		m.Writable = parts[2] == "rw"
		return m, err
	}
	if len(parts) != 2 || !filepath.IsAbs(parts[0]) || !filepath.IsAbs(parts[1]) {
		return BuildMount{}, errRefused
	}
	m := BuildMount{Source: filepath.Clean(parts[0]), Target: filepath.Clean(parts[1])}
	if inside("/content", m.Target) {
		return BuildMount{}, errors.New("the target would hide the working copy, which is at /content")
	}
	return m, nil
}
