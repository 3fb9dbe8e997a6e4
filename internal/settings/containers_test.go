package settings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/settings"
)

func TestContainerDefaults(t *testing.T) {
	t.Parallel()
	want := settings.Containers{Pull: "missing", Network: "none", Memory: 4 << 30, CPUs: 2, PIDs: 4096, LogSize: 256 << 20}
	if diff := cmp.Diff(want, fromEnviron(t).Containers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestContainerValues(t *testing.T) {
	t.Parallel()
	got := fromEnviron(
		t,
		"COURSEWRIGHT_BUILD_DOCKER_HOST=tcp://docker.test:2376", "COURSEWRIGHT_BUILD_DOCKER_CERT_PATH=/certs",
		"COURSEWRIGHT_BUILD_PULL=Always", "COURSEWRIGHT_BUILD_REGISTRY_LOGINS=/logins.json",
		"COURSEWRIGHT_BUILD_USER=1000:1000", "COURSEWRIGHT_BUILD_NETWORK=coursewright-builds",
		"COURSEWRIGHT_BUILD_MEMORY=1.5g", "COURSEWRIGHT_BUILD_CPUS=0.5", "COURSEWRIGHT_BUILD_PIDS=0", "COURSEWRIGHT_BUILD_LOG_SIZE=1048576",
		"COURSEWRIGHT_BUILD_MOUNTS=/data/:/data, /cache:/cache:rw,/a:/b:ro",
	).Containers
	want := settings.Containers{
		Host: "tcp://docker.test:2376", CertPath: "/certs", Pull: "always", Logins: "/logins.json", User: "1000:1000", Network: "coursewright-builds",
		Memory: 3 << 29, CPUs: 0.5, LogSize: 1 << 20,
		Mounts: []settings.BuildMount{{Source: "/data", Target: "/data"}, {Source: "/cache", Target: "/cache", Writable: true}, {Source: "/a", Target: "/b"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestContainerProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, want string }{
		"engine without scheme":   {"BUILD_DOCKER_HOST=docker.test:2376", "tcp://host:port"},
		"engine over ssh":         {"BUILD_DOCKER_HOST=ssh://docker.test", "unix:///path"},
		"unknown policy":          {"BUILD_PULL=sometimes", "missing, always, never"},
		"memory in words":         {"BUILD_MEMORY=much", "such as 512MiB"},
		"memory too small":        {"BUILD_MEMORY=4", "at least 6MiB"},
		"negative memory":         {"BUILD_MEMORY=-1g", "at least 6MiB"},
		"memory beyond counting":  {"BUILD_MEMORY=9999999999999g", "at least 6MiB"},
		"no number of processors": {"BUILD_CPUS=NaN", "0.01 to 1024"},
		"negative processes":      {"BUILD_PIDS=-1", "from 0 to"},
		"another's network":       {"BUILD_NETWORK=container:postgres", "name of a network"},
		"relative mount":          {"BUILD_MOUNTS=data:/data", "SOURCE:TARGET"},
		"mount without target":    {"BUILD_MOUNTS=/data", "SOURCE:TARGET"},
		"mount with odd option":   {"BUILD_MOUNTS=/data:/data:exec", "SOURCE:TARGET:rw"},
		"mount over the course":   {"BUILD_MOUNTS=/data:/content/", "hide the working copy"},
		"mount over everything":   {"BUILD_MOUNTS=/data:/", "hide the working copy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variable, _, _ := strings.Cut(tt.variable, "=")
			_, err := world{src: settings.Sources{Environ: []string{"COURSEWRIGHT_" + tt.variable}}}.load(t)
			if err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s and %q", err, variable, tt.want)
			}
		})
	}
}

// What does not isolate is possible, and warned about.
func TestIsolationIsWarnedAbout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		environ []string
		want    string // in the only warning; empty: none
	}{
		"by default nothing": {nil, ""},
		"no network":         {[]string{"COURSEWRIGHT_BUILD_NETWORK=none"}, ""},
		"a network":          {[]string{"COURSEWRIGHT_BUILD_NETWORK=coursewright-builds"}, ""},
		"the engine's":       {[]string{"COURSEWRIGHT_BUILD_NETWORK=bridge"}, "clouds serve credentials"},
		"the host's":         {[]string{"COURSEWRIGHT_BUILD_NETWORK=host"}, "loopback address"},
		"no container":       {[]string{"COURSEWRIGHT_BUILDER=local", "COURSEWRIGHT_ALLOW_LOCAL_BUILDER=true", "COURSEWRIGHT_BUILD_NETWORK=host"}, "WITHOUT ISOLATION"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fromEnviron(t, tt.environ...).Warnings
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || tt.want == "" || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one with %q", got, tt.want)
			}
		})
	}
}
