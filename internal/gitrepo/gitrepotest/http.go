package gitrepotest

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ServeHTTP serves the repositories with git http-backend until the test ends.
// The nth one, counted from 0, is at base + "/n.git".
func ServeHTTP(tb testing.TB, repos ...*Repo) (base string) {
	tb.Helper()
	return serve(tb, Handler(tb, repos...))
}

// ServeHTTPAuth is ServeHTTP for callers with the user name and password.
func ServeHTTPAuth(tb testing.TB, username, password string, repos ...*Repo) (base string) {
	tb.Helper()
	return serve(tb, RequireAuth(username, password, Handler(tb, repos...)))
}

// RequireAuth answers 401 to requests without the user name and password.
func RequireAuth(username, password string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if !ok || u != username || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "credentials are needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Handler serves the repositories as ServeHTTP does, for tests that put
// something in front.
func Handler(tb testing.TB, repos ...*Repo) http.Handler {
	tb.Helper()
	git := Need(tb, "git")
	execPath, err := exec.CommandContext(tb.Context(), git, "--exec-path").Output()
	if err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	for i, r := range repos {
		prefix := fmt.Sprintf("/%d.git", i)
		mux.Handle(prefix+"/", &cgi.Handler{
			Path: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"),
			Root: prefix,
			Env:  append(Environment(), "GIT_PROJECT_ROOT="+r.Path(), "GIT_HTTP_EXPORT_ALL=1"),
		})
	}
	return mux
}

func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.URL
}
