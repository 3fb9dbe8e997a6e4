package api_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
)

// narrowListener makes connections that take little at a time: what sends on them
// has to wait.
type narrowListener struct{ net.Listener }

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetWriteBuffer(64<<10))
	}
	return c, err
}

// The head of a document is not all of net/http's making there, and is the same.
func TestHeadersOnAConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), Dir: `{"text": "` + strings.Repeat("x", 100_000) + `"}`}
	server := httptest.NewUnstartedServer(f.handler)
	server.Listener = api.Listen(server.Listener)
	server.Config.ConnContext = api.ConnContext
	server.Start()
	defer server.Close()
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, coding := range []string{"identity", "gzip"} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/intro/aplus-json", nil)
			must(t, err)
			r.Header.Set("Accept-Encoding", coding)
			res, err := server.Client().Do(r)
			must(t, err)
			must(t, res.Body.Close())
			want := f.send(t, method, "/intro/aplus-json", "", "Host", r.URL.Host, "Accept-Encoding", coding).Header()
			want.Set("Date", res.Header.Get("Date"))
			if !reflect.DeepEqual(res.Header, want) {
				t.Errorf("%s %s: %v\nis not %v", method, coding, res.Header, want)
			}
		}
	}
}

// Documents of all sizes, with and without body, and other answers follow each
// other on one connection, of which nothing is lost or comes twice.
func TestDocumentsOnOneConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	server := httptest.NewUnstartedServer(f.handler)
	server.Listener = api.Listen(narrowListener{server.Listener})
	server.Config.ConnContext = api.ConnContext
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
	defer client.CloseIdleConnections()
	ask := func(method, path string, headers ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		must(t, err)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		must(t, err)
		must(t, res.Body.Close())
		return res, string(body)
	}
	const path = "/intro/aplus-json"
	for _, size := range []int{0, 1, 1000, 2048, 3000, 3500, 4096, 8192, 32_000, 100_000, 1_000_000, 5_000_000} {
		text := strings.Repeat("x", size)
		f.releases.stored = &course.Release{Key: "intro", Version: course.NewVersion(), Dir: `{"text": "` + text + `"}`}
		res, body := ask("GET", path)
		if !strings.HasPrefix(body, `{"text": "`+text+`", "build_log_url"`) || res.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("document of %d: %d bytes, headers %v", size, len(body), res.Header)
		}
		if res, body := ask("HEAD", path); body != "" || res.Header.Get("Etag") == "" {
			t.Errorf("HEAD: %q, headers %v", body, res.Header)
		}
		if res, body := ask("GET", path, "If-None-Match", "*"); res.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("conditional: status %d, %q", res.StatusCode, body)
		}
		if _, body := ask("GET", path, "Accept-Encoding", "gzip"); !strings.HasPrefix(body, "\x1f\x8b") {
			t.Errorf("zipped: %.20q", body)
		}
		if _, body := ask("GET", "/robots.txt"); !strings.HasSuffix(body, "Disallow: /\n") {
			t.Errorf("robots: %q", body)
		}
	}
}
