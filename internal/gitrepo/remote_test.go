package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/gitrepo/gitrepotest"
)

func remote(t *testing.T) *bench {
	t.Helper()
	gitrepotest.Need(t, "git")
	return newBench(t, gitrepo.Config{})
}

func withUser(base, user, password string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	b, repo := remote(t), gitrepotest.New(t)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	base := gitrepotest.ServeHTTP(t, repo)
	if got := b.checkout(base+"/0.git", "main"); got.Commit != first || !got.Fresh {
		t.Errorf("got %+v", got)
	}
	second := repo.Commit(map[string]string{"a": "2"}, "Second")
	if got := b.checkout(base+"/0.git", "main"); got.Commit != second || got.Fresh {
		t.Errorf("got %+v", got)
	}
	b.refused(base+"/7.git", "main", "no such repository")
	b.refused(base+"/0.git", "none", "it has main")
	b.has("a", "2")
}

// noSecret expects the password in no log line and in no file of the copy.
func (b *bench) noSecret(secrets ...string) {
	b.t.Helper()
	for _, secret := range secrets {
		if strings.Contains(b.logged(), secret) {
			b.t.Errorf("the log tells %q:\n%s", secret, b.logged())
		}
		must(b.t, filepath.WalkDir(filepath.Dir(b.dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.Contains(string(data), secret) {
				b.t.Errorf("%s holds %q", path, secret)
			}
			return err
		}))
	}
}

func TestHTTPCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ user, password string }{
		"plain":             {"reader", "hunter2secret"},
		"special":           {"re@der", "p/w:ö%41'\" $(x)&"},
		"token in the user": {"glpat-tokentoken", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, repo, lib := remote(t), gitrepotest.New(t), gitrepotest.New(t)
			libCommit := lib.Commit(map[string]string{"x": "lib"}, "Lib")
			repo.Commit(map[string]string{"a": "1"}, "First")
			commit := repo.AddSubmodule("lib", "../1.git", libCommit)
			base := gitrepotest.ServeHTTPAuth(t, c.user, c.password, repo, lib)
			address := withUser(base, c.user, c.password) + "/0.git"
			for range 2 {
				if got := b.checkout(address, "main"); got.Commit != commit {
					t.Errorf("got %+v", got)
				}
			}
			b.has("lib/x", "lib")
			if _, err := b.git.Branches(t.Context(), address); err != nil {
				t.Error(err)
			}
			b.refused(address, "none", "it has main")
			if c.password != "" {
				b.noSecret(c.password, url.QueryEscape(c.password))
				b.refused(withUser(base, c.user, "wrongwrong")+"/0.git", "main", "denied access")
				b.noSecret("wrongwrong")
			} else {
				b.noSecret(c.user)
			}
			b.refused(base+"/0.git", "main", "denied access")
			b.has("a", "1")
		})
	}
}

// A git host in trouble repeats all that it was sent.
func TestAHostThatRepeatsCredentials(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		status := http.StatusInternalServerError
		if r.Header.Get("Authorization") == "" {
			status = http.StatusUnauthorized
		}
		http.Error(w, "refused: "+r.Header.Get("Authorization")+", "+r.Header.Get("X-Key"), status)
	}))
	t.Cleanup(server.Close)
	header := "http." + server.URL + "/.extraHeader="
	// The second is no secret, and stands in every other word.
	b := newBench(t, gitrepo.Config{GitOptions: []string{"-c", header + "X-Key: hunter3secret", "-c", header + "X-Campus: e"}})
	_, err := b.try(t.Context(), withUser(server.URL, "reader", "hunter2secret")+"/0.git", "main")
	if err == nil || !strings.Contains(b.logged(), "refused: Basic ***, ***") {
		t.Errorf("error %v, log\n%s", err, b.logged())
	}
	b.noSecret("hunter2secret", "hunter3secret", "cmVhZGVyOmh1bnRlcjJzZWNyZXQ")
}

// spy records the credentials that reach a server of somebody else.
type spy struct {
	mu   sync.Mutex
	got  []string
	hits atomic.Int32
}

func (s *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.hits.Add(1)
	if h := r.Header.Get("Authorization"); h != "" {
		s.mu.Lock()
		s.got = append(s.got, h)
		s.mu.Unlock()
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="give me all"`)
	http.Error(w, "who are you?", http.StatusUnauthorized)
}

func (s *spy) heardNothing(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hits.Load() == 0 {
		t.Error("the other host was never asked: the test shows nothing")
	}
	if len(s.got) > 0 {
		t.Errorf("the other host got %q", s.got)
	}
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	t.Parallel()
	const user, password = "reader", "hunter2secret"
	t.Run("redirect", func(t *testing.T) {
		t.Parallel()
		b := remote(t)
		s := &spy{}
		other := httptest.NewServer(s)
		t.Cleanup(other.Close)
		for _, after := range []bool{false, true} {
			var front http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusFound)
			})
			if after {
				front = gitrepotest.RequireAuth(user, password, front)
			}
			server := httptest.NewServer(front)
			t.Cleanup(server.Close)
			b.refused(withUser(server.URL, user, password)+"/0.git", "main", "denied access")
			s.heardNothing(t)
		}
	})
	t.Run("submodule", func(t *testing.T) {
		t.Parallel()
		b, repo := remote(t), gitrepotest.New(t)
		s := &spy{}
		other := httptest.NewServer(s)
		t.Cleanup(other.Close)
		commit := repo.Commit(map[string]string{"a": "1"}, "First")
		repo.AddSubmodule("lib", other.URL+"/lib.git", commit)
		base := gitrepotest.ServeHTTPAuth(t, user, password, repo)
		b.refused(withUser(base, user, password)+"/0.git", "main", "In a submodule", "denied access")
		s.heardNothing(t)
	})
}

// Address hidden from logs, even when a server repeats it.
func TestServerMessagesAreCleaned(t *testing.T) {
	t.Parallel()
	b := remote(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("no \x1b[31mhunter2secret\x1b[0m for you"))
	}))
	t.Cleanup(server.Close)
	b.refused(withUser(server.URL, "reader", "hunter2secret")+"/0.git", "main", "denied access")
	if !strings.Contains(b.logged(), "no [31m***[0m for you") {
		t.Errorf("the server's message is not in the log:\n%s", b.logged())
	}
	b.noSecret("hunter2secret", "\x1b")
}

func TestInfrastructureErrors(t *testing.T) {
	t.Parallel()
	b, repo := remote(t), gitrepotest.New(t)
	first := repo.Commit(map[string]string{"a": "1"}, "First")
	var broken atomic.Bool
	h := gitrepotest.Handler(t, repo)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "try later", http.StatusBadGateway)
			return
		}
		h.ServeHTTP(w, r)
	}))
	b.checkout(server.URL+"/0.git", "main")
	b.write("_build/out", "output")
	broken.Store(true)
	infrastructure := func() {
		t.Helper()
		_, err := b.try(t.Context(), server.URL+"/0.git", "main")
		var author *course.AuthorError
		if err == nil || errors.As(err, &author) {
			t.Errorf("got %v, want an error that is not the author's", err)
		}
		b.has("_build/out", "output") // no clone was tried
		if head, err := b.git.Head(b.dir); err != nil || head != first {
			t.Errorf("head is %s, %v", head, err)
		}
	}
	infrastructure()
	server.Close()
	infrastructure()
}

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
	t.Cleanup(func() {
		must(t, l.Close())
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	for _, scheme := range []string{"http", "git", "ssh"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			if scheme == "ssh" {
				gitrepotest.Need(t, "ssh")
			}
			b := newBench(t, gitrepo.Config{Timeout: 300 * time.Millisecond})
			began := time.Now()
			_, err := b.try(t.Context(), scheme+"://"+silent(t)+"/x.git", "main")
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not done after 300ms") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("the time-out took %s", took)
			}
			b.alone()
		})
	}
}

func TestCancelInTheMiddleOfAClone(t *testing.T) {
	t.Parallel()
	b, repo := remote(t), gitrepotest.New(t)
	commit := repo.Commit(map[string]string{"a": "1"}, "First")
	h := gitrepotest.Handler(t, repo)
	reached, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var block atomic.Bool
	block.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && block.Load() {
			once.Do(func() { close(reached) })
			buf := make([]byte, 4096)
			for { // the body has to be read before a hang-up is noticed
				if _, err := r.Body.Read(buf); err != nil {
					break
				}
			}
			<-r.Context().Done() // the helper process of git has died
			block.Store(false)
			close(gone)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if _, err := b.try(ctx, server.URL+"/0.git", "main"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
	<-gone
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cancelled clone left %v", err)
	}
	b.alone()
	if got := b.checkout(server.URL+"/0.git", "main"); got.Commit != commit {
		t.Errorf("got %+v", got)
	}
}

// TestEndlessBranches: a git host that names branches without end does not fill
// the service's memory.
func TestEndlessBranches(t *testing.T) {
	t.Parallel()
	b := remote(t)
	name := strings.Repeat("a", 200_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/x.git/info/refs" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		for i := range 400 {
			if _, err := fmt.Fprintf(w, "%040d\trefs/heads/%s%d\n", i+1, name, i); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	_, err := b.git.Branches(t.Context(), server.URL+"/x.git")
	var author *course.AuthorError
	if !errors.As(err, &author) || !strings.Contains(author.Message, "more branches") {
		t.Errorf("got %.300v", err)
	}
}
