package docker_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
)

// networkScript makes the network of builds that download.
func networkScript(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "deploy", "builders", "network.sh"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What builds reach in each network, tried with an engine whose host listens
// where PostgreSQL and Temporal do, on all of its addresses, as they often do.
func TestWhatBuildsReach(t *testing.T) {
	t.Parallel()
	a := dockertest.StartApart(t)
	const made = "coursewright-builds"
	if got := a.Run(networkScript(t)); got != "BUILD_NETWORK="+made+"\n" {
		t.Fatalf("got %q", got)
	}
	everything := []string{"database", "temporal", "bridge", "metadata", "private", "world", "neighbour"}
	for _, tt := range []struct {
		name, network string
		script        []string // more arguments of the script that runs first
		want          []string
	}{
		{"the engine's own network leads everywhere", "bridge", nil, everything},
		{"by default nothing is reached", "", nil, nil},
		{"the network for downloads leads outside only", made, nil, []string{"world"}},
		{"again it is the same", made, []string{}, []string{"world"}},
		{"exceptions are possible", made, []string{"--allow", dockertest.ApartPrivate + ":80"}, []string{"private", "world"}},
		{"and more refusals", made, []string{"--deny", dockertest.ApartWorld}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // one after the other: rules change
			if tt.script != nil {
				a.Run(append([]string{networkScript(t)}, tt.script...)...)
			}
			if diff := cmp.Diff(tt.want, reached(t, a, tt.network)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	a.Run(networkScript(t), "--remove")
	if rules := a.Run("iptables", "-S"); strings.Contains(strings.ToLower(rules), made) {
		t.Errorf("rules are left:\n%s", rules)
	}
}

// reached tells by name what a build in a network reaches.
func reached(t *testing.T, a *dockertest.Apart, network string) []string {
	t.Helper()
	targets := []struct{ name, address string }{
		{"database", dockertest.ApartHost + " 5432"},
		{"temporal", dockertest.ApartHost + " 7233"},
		{"bridge", "$(ip route | awk '/^default/ {print $3}') 5432"},
		{"metadata", dockertest.ApartMetadata + " 80"},
		{"private", dockertest.ApartPrivate + " 80"},
		{"world", dockertest.ApartWorld + " 80"},
		{"neighbour", neighbour(t, a, network) + " 80"},
	}
	var script strings.Builder
	for _, to := range targets {
		script.WriteString(dockertest.Ask + " " + to.address + " 2>/dev/null | grep -q " + dockertest.Reached + " && echo " + to.name + "\n")
	}
	b, err := docker.New(docker.Options{Host: a.Host, Disk: disk, Pull: docker.PullNever, Network: network})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // idle connections
	r, output := newRequest(t, script.String()+"exit 0\n")
	if _, err := b.Run(t.Context(), r); err != nil {
		t.Fatalf("%v; output:\n%s", err, output)
	}
	if output.Len() == 0 {
		return nil
	}
	return strings.Fields(output.String())
}

// neighbour starts another container in a network, which serves as all do, and
// gives its address.
func neighbour(t *testing.T, a *dockertest.Apart, network string) string {
	t.Helper()
	if network == "" {
		network = docker.NoNetwork
	}
	created, err := a.API.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config:     &container.Config{Image: testImage, Cmd: []string{"sh", "-c", "echo " + dockertest.Reached + " >/tmp/index.html; exec httpd -f -p 80 -h /tmp"}},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(network)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.API.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = a.API.ContainerRemove(context.WithoutCancel(t.Context()), created.ID, client.ContainerRemoveOptions{Force: true}) // gone with the engine anyway
	})
	found, err := a.API.ContainerInspect(t.Context(), created.ID, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if in := found.Container.NetworkSettings.Networks[network]; in != nil && in.IPAddress.IsValid() {
		return in.IPAddress.String()
	}
	return "127.0.0.1"
}

// A build that fails because it has no network is told so, once, and no other.
func TestMissedNetworkIsTold(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"nc -w 1 192.0.2.1 80\n":                     1,
		"nc -w 1 192.0.2.1 80; nc 192.0.2.1 81\n":    1,
		"nc -w 1 192.0.2.1 80; exit 0\n":             0,
		"echo missing semicolon in line 3; exit 1\n": 0,
	} {
		output, _, err := run(t, docker.Options{}, script)
		if got := strings.Count(output, "no network here"); got != want {
			t.Errorf("%q: %d notices, want %d: %v\n%s", script, got, want, err, output)
		}
	}
}

func TestMissingNetwork(t *testing.T) {
	t.Parallel()
	_, _, err := run(t, docker.Options{Network: "coursewright-no-such-network"}, "true\n")
	wantServiceError(t, err)
	if !strings.Contains(err.Error(), "BUILD_NETWORK") {
		t.Errorf("got %v", err)
	}
}
