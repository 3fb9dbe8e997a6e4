package main

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev/temporaltest"
)

// A build in a container tries what the settings leave open to it: database,
// Temporal, the service itself, the addresses at which clouds serve credentials,
// files of other courses, the engine. By default it gets nothing of that. With
// the host's network it reaches what listens here, so the trial is worth it.
// Services on a host's other addresses: TestWhatBuildsReach of the builder.
func TestBuildsReachNothingByDefault(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	for name, tt := range map[string]struct {
		environ []string
		want    []string
	}{
		"default":        {nil, nil},
		"host's network": {[]string{"COURSEWRIGHT_BUILD_NETWORK=host"}, []string{"api", "temporal"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			temporal := temporaltest.Start(t)
			h := newHarness(t, harnessOptions{data: data, temporal: temporal, environ: append([]string{
				"COURSEWRIGHT_BUILDER=docker", "COURSEWRIGHT_BUILD_PULL=never", "COURSEWRIGHT_DEFAULT_IMAGE=" + dockertest.Image,
			}, tt.environ...)})
			other := gitrepotest.New(t)
			other.Commit(containerCourse("Other", ""), "other")
			h.addCourse("other", other.URL(), nil)
			h.succeed(h.push("other"))
			trials := map[string]string{
				"temporal":       connecting(t, temporal.Address()),
				"api":            connecting(t, strings.TrimPrefix(h.base, "http://")),
				"another course": "ls " + existing(t, data, "build", "other", "index.yaml"),
				"beside":         "ls ../other ../../build/other",
				"releases":       "ls " + existing(t, data, "store", "other"),
				"database":       "ls " + existing(t, data, "coursewright.db"),
				"engine":         "ls /var/run/docker.sock /run/docker.sock",
			}
			if tt.want == nil { // from this host's own network it depends on where it runs
				trials["metadata"] = connecting(t, "169.254.169.254:80")
			}
			repo := gitrepotest.New(t)
			repo.Commit(containerCourse("Trial", tries(trials)), "trial")
			h.addCourse("trial", repo.URL(), nil)
			b := h.succeed(h.push("trial"))
			if diff := cmp.Diff(tt.want, succeeded(h.log("trial", b.ID))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// connecting is a command that succeeds when it connects to an address.
func connecting(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return "nc -w 1 " + host + " " + port + " </dev/null"
}

// existing is a path that is there.
func existing(t *testing.T, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if _, err := os.Stat(name); err != nil {
		t.Fatal(err)
	}
	return name
}

// tries is a script that names the commands which succeed.
func tries(commands map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		fmt.Fprintf(&b, "%s >/dev/null 2>&1 && echo 'succeeded: %s'\n", commands[name], name)
	}
	return b.String()
}

func succeeded(log string) []string {
	var names []string
	for line := range strings.Lines(log) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "succeeded: "); ok {
			names = append(names, name)
		}
	}
	return names
}
