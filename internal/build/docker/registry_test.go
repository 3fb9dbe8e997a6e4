package docker_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
)

// registry serves one image by the registry protocol to those who log in.
type registry struct {
	name     string // repository
	host     string
	manifest []byte
	blobs    map[string][]byte // by digest
}

const (
	registryUser     = "reader"
	registryPassword = "pass:word"
)

// startRegistry serves the test image as name:1. Engines talk to registries of
// this host without TLS.
func startRegistry(t *testing.T, name string) *registry {
	t.Helper()
	if host := needEngine(t).DaemonHost(); !strings.HasPrefix(host, "unix:") {
		t.Skipf("the engine at %s does not see this host's loopback address", host)
	}
	layer := dockertest.Files(t, fmt.Sprintf("%s %d", disk, builds.Add(1)))
	config := fmt.Appendf(nil, `{"architecture":%q,"os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`, runtime.GOARCH, digest(layer))
	r := &registry{name: name, blobs: map[string][]byte{digest(layer): layer, digest(config): config}}
	r.manifest = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%d,"digest":%q},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":%d,"digest":%q}]}`,
		manifestType, len(config), digest(config), len(layer), digest(layer))
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// ServeHTTP answers the engine.
func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	user, password, _ := request.BasicAuth()
	if user != registryUser || password != registryPassword {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return
	}
	rest, ours := strings.CutPrefix(request.URL.Path, "/v2/"+r.name)
	kind, reference, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	blob, known := r.blobs[reference]
	switch {
	case request.URL.Path == "/v2/":
	case ours && kind == "manifests" && (reference == "1" || reference == digest(r.manifest)):
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", digest(r.manifest))
		_, _ = w.Write(r.manifest)
	case ours && kind == "blobs" && known:
		_, _ = w.Write(blob)
	default:
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
	}
}

// logins writes a file with logins as docker login does.
func logins(t *testing.T, host, user, password string) string {
	t.Helper()
	type login struct {
		Auth []byte `json:"auth"` // base64
	}
	data, err := json.Marshal(map[string]any{"auths": map[string]login{host: {Auth: []byte(user + ":" + password)}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFetchImage(t *testing.T) {
	t.Parallel()
	r := startRegistry(t, "courses/image")
	image := r.host + "/courses/image:1"
	removeImage(t, image) // the port is another one next time
	b := newBuilder(t, docker.Options{Logins: logins(t, r.host, registryUser, registryPassword)})
	for _, step := range []struct {
		name    string
		fetches bool
	}{{"missing", true}, {"present", false}} {
		request, output := newRequest(t, "echo built\n")
		request.Image = image
		if _, err := b.Run(t.Context(), request); err != nil {
			t.Fatalf("%s: %v; output:\n%s", step.name, err, output)
		}
		if got := strings.Contains(output.String(), "Fetching image "+image+".\n"); got != step.fetches {
			t.Errorf("%s: fetched %v, want %v; output:\n%s", step.name, got, step.fetches, output)
		}
		if got := strings.Contains(output.String(), ": Pull complete\n"); got != step.fetches {
			t.Errorf("%s: progress is told %v, want %v; output:\n%s", step.name, got, step.fetches, output)
		}
		if !strings.HasSuffix(output.String(), "built\n") {
			t.Errorf("%s: output %q", step.name, output)
		}
	}
}

func TestFetchFails(t *testing.T) {
	t.Parallel()
	r := startRegistry(t, "courses/image")
	good := logins(t, r.host, registryUser, registryPassword)
	tests := map[string]struct{ image, logins, says string }{
		"no such tag":   {r.host + "/courses/image:2", good, "manifest"},
		"no such image": {r.host + "/courses/other:1", good, "cannot be fetched"},
		"no login":      {r.host + "/courses/image:1", "", "BUILD_REGISTRY_LOGINS"},
		"wrong login":   {r.host + "/courses/image:1", logins(t, r.host, registryUser, "wrong"), "BUILD_REGISTRY_LOGINS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuilder(t, docker.Options{Pull: docker.PullAlways, Logins: tt.logins})
			request, _ := newRequest(t, "echo built\n")
			request.Image = tt.image
			_, err := b.Run(t.Context(), request)
			wantAuthorError(t, err, tt.image, tt.says)
		})
	}
}

// A registry that repeats what it was sent brings no login to light.
func TestLoginsAreMasked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); ok {
			http.Error(w, fmt.Sprintf("refused: %s, which is %s and %s", r.Header.Get("Authorization"), user, password), http.StatusForbidden)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	b := newBuilder(t, docker.Options{Logins: logins(t, host, registryUser, registryPassword)})
	request, _ := newRequest(t, "echo built\n")
	request.Image = host + "/courses/image:1"
	_, err := b.Run(t.Context(), request)
	wantServiceError(t, err)
	if !strings.Contains(err.Error(), "***, which is reader and ***") {
		t.Errorf("error %v", err)
	}
}

func TestRegistryIsDown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	b := newBuilder(t, docker.Options{})
	request, _ := newRequest(t, "echo built\n")
	request.Image = strings.TrimPrefix(server.URL, "http://") + "/courses/image:1"
	_, err := b.Run(t.Context(), request)
	wantServiceError(t, err)
}

func TestBadLogins(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0"
	path := filepath.Join(t.TempDir(), "config.json")
	for name, text := range map[string]string{
		"not JSON":  `{"auths": {"` + secret,
		"no colon":  `{"auths": {"127.0.0.1:1": {"auth": "` + secret + `"}}}`,
		"no base64": `{"auths": {"127.0.0.1:1": {"auth": "-` + secret + `"}}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b := newBuilder(t, docker.Options{Pull: docker.PullAlways, Logins: path})
		request, _ := newRequest(t, "")
		request.Image = "127.0.0.1:1/image"
		_, err := b.Run(t.Context(), request)
		wantServiceError(t, err)
		if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: error %v, want the file's name and no secret", name, err)
		}
	}
}
