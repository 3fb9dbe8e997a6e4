package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
)

// What lies around the files of a course: nobody is ever sent the first two,
// and the last one goes to readers of its course only.
const (
	notStatic     = "name: Intro"
	outside       = "TOP-SECRET"
	protectedPage = "PROTECTED-PAGE"
)

// pathTricks are ways out of a folder, into what is hidden, or around a check of
// names. They are sent as they are, without any client's tidying.
func pathTricks() []string {
	var out []string
	for _, up := range []string{
		"..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "..%00", "..;", "....", "%c0%ae%c0%ae", "%u002e%u002e", "sub/../..", "sub/%2e%2e/%2e%2e", "./..", "page.html/..", "page.html/../..", "folder",
	} {
		for _, slash := range []string{"/", "%2f", "%252f", `\`, "%5c", "//"} {
			out = append(out, up+slash+"index.yaml", up+slash+up+slash+"outside.txt")
		}
		out = append(out, strings.Repeat(up+"/", 12)+"etc/passwd", up+"/closed/secret.html", up+"/../courses/closed/html/secret.html")
	}
	return append(out,
		"/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", `\etc\passwd`, "C:/outside.txt", "file:///etc/passwd",
		"out.txt", "folder/outside.txt", "folder%2foutside.txt", "passwd",
		".git/config", ".git%2fconfig", ".GIT/config", "%2egit/config", ".git./config", "sub/../.git/config",
		"page.html%00", "page.html%00.png", "page.html.", "page.html%20", "page.html::$DATA", "page.html/", "page.html/.", "page.html%0d%0aX-Evil:1",
		".", "./", "..", "../", "%2e", "%2e%2e", "...", "~", "*", "?", "%", "%zz", "%2", strings.Repeat("a/", 3000), strings.Repeat("../", 3000),
	)
}

// TestPathsLeadNowhereElse sends every trick to every address that takes a path,
// of a service of its own and of one behind nginx.
func TestPathsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	b := startNginx(t)
	b.spreadSecrets(t)
	plain := newFixture(t, func(c *api.Config) {
		c.Auth = keys{"reader": {api.Read: true}}
		c.Releases, c.StaticRoot, c.CoursesPath, c.Hosts, c.Pages = b.depot, b.static, b.courses, []string{"*"}, pages()
	})
	plain.addCourse(t, "open")
	plain.addCourse(t, "closed")
	direct := httptest.NewServer(plain.handler)
	t.Cleanup(direct.Close)
	prefixes := []string{
		"/static/", "/static/open/", "/static/7/", "/static/closed/", "/static/closed/free/", "/protected/", "/protected/open/", "/protected/closed/",
		"/model/open/", "/model/open/exercise/", "/exercise_template/open/exercise/", "/assets/", "/authorized_static/open/html/",
		"/", "/open/", "/open/publish/STORE/", "/gitmanager/", "/gitmanager/open/", "/api/gitmanager/", "/api/gitmanager/id/", "/api/v1/courses/", "/api/v1/courses/open/builds/",
		"/preview/", "/preview/closed/", b.previewOf("open", 1, ""), b.previewOf("open", 1, "static/"), b.previewOf("closed", 3, "static/"), b.previewOf("open", 1, "model/exercise/"),
	}
	for name, address := range map[string]string{
		"direct": direct.Listener.Addr().String(), "behind nginx": strings.TrimPrefix(b.base, "http://"), "nginx's own": b.service,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &rawClient{address: address}
			defer c.close()
			for _, prefix := range prefixes {
				for _, trick := range pathTricks() {
					for _, caller := range []string{"", "reader"} {
						checkTrick(t, c, prefix+trick, caller)
					}
				}
			}
		})
	}
	// What the secrets are compared with is there to be found.
	if _, body := b.ask(t, "GET", "/static/closed/secret.html", "", "X-Caller", "reader"); body != protectedPage {
		t.Errorf("the reader of the course sees %q", body)
	}
	if _, body := b.ask(t, "GET", b.previewOf("closed", 3, "static/secret.html"), "", "X-Caller", "reader"); body != protectedPage {
		t.Errorf("the reader of the course sees %q in the preview", body)
	}
}

// previewOf is an address in a release of a build.
func (b *behindNginx) previewOf(key string, build int, at string) string {
	return fmt.Sprintf("/preview/%s/%0*d/%s", key, course.VersionLength, build, at)
}

// spreadSecrets puts files around and links into the published courses.
func (b *behindNginx) spreadSecrets(t *testing.T) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(b.source, "html", ".git"), 0o750))
	must(t, os.WriteFile(filepath.Join(b.source, "html", ".git", "config"), []byte(outside), 0o600))
	must(t, os.WriteFile(filepath.Join(b.source, "html", "secret.html"), []byte(protectedPage), 0o600))
	b.publish(t, "closed", 3)
	base := filepath.Dir(b.courses)
	others := filepath.Join(base, "others")
	must(t, os.Mkdir(others, 0o750))
	for _, at := range []string{base, b.courses, others} { // what lies in STATIC_ROOT is public
		must(t, os.WriteFile(filepath.Join(at, "outside.txt"), []byte(outside), 0o600))
	}
	if os.Getuid() == 0 { // nginx follows links to what their own owner has
		const nobody = 65534
		must(t, os.Chown(others, nobody, nobody))
	}
	for _, key := range []string{"open", "closed"} {
		html := filepath.Join(b.courses, key, "html")
		leak(t, filepath.Join(html, "out.txt"))
		for name, target := range map[string]string{"folder": others, "passwd": "/etc/passwd"} {
			if name == "passwd" && os.Getuid() == 0 {
				continue // its owner is the links' own here
			}
			must(t, os.Symlink(target, filepath.Join(html, name)))
		}
	}
}

func checkTrick(t *testing.T, c *rawClient, target, caller string) {
	t.Helper()
	res, body, err := c.get(t, target, caller)
	if err != nil {
		t.Errorf("%.200q: %v", target, err)
		return
	}
	switch {
	case res.StatusCode >= http.StatusInternalServerError:
		t.Errorf("%.200q as %q: status %d", target, caller, res.StatusCode)
	case strings.Contains(body, notStatic), strings.Contains(body, outside), strings.Contains(body, "root:"), body == "secret":
		t.Errorf("%.200q as %q sends %.100q", target, caller, body)
	case strings.Contains(body, protectedPage) && caller == "":
		t.Errorf("%.200q sends a protected page to anybody", target)
	case res.Header.Get("X-Evil") != "":
		t.Errorf("%.200q makes a header", target)
	}
	if to := res.Header.Get("X-Accel-Redirect"); strings.Contains(to, "..") || to != "" && !strings.HasPrefix(to, "/authorized_static/") {
		t.Errorf("%.200q leads nginx to %q", target, to)
	}
	if to := res.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		t.Errorf("%.200q leads browsers to %q", target, to)
	}
}

// rawClient sends targets as they are, on one connection as long as it lasts.
type rawClient struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
}

func (c *rawClient) close() {
	if c.conn != nil {
		_ = c.conn.Close() // it was read to the end
		c.conn = nil
	}
}

func (c *rawClient) get(t *testing.T, target, caller string) (*http.Response, string, error) {
	t.Helper()
	if c.conn == nil {
		// From an address that is no trusted proxy's.
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", c.address)
		if err != nil {
			return nil, "", err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Caller: %s\r\n\r\n", target, caller); err != nil {
		c.close()
		return nil, "", err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.close()
		return nil, "", err
	}
	body, err := io.ReadAll(res.Body)
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil || res.Close {
		c.close()
	}
	return res, string(body), err
}
