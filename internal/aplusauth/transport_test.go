package aplusauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
)

// aplus plays A+: it verifies signing requests and signs tokens for graders,
// a new one each time.
func aplus(t *testing.T) *httptest.Server {
	t.Helper()
	keys := map[string]string{"gitmanager": publicPEM(ownKey())}
	s := newService(t, aplusauth.Config{UID: "aplus", PrivateKey: privatePEM(aplusKey()), PublicKey: publicPEM(aplusKey()), UIDToKey: keys, TrustedUIDs: []string{"gitmanager"}})
	var made atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := s.Verify(r)
		if err != nil || id.Anonymous() || r.Method != http.MethodGet {
			http.Error(w, `{"detail": "Token missing or bad"}`, http.StatusUnauthorized)
			return
		}
		token, err := s.Sign(aplusauth.Claims{
			Subject: id.Issuer, Audience: "grader", Permissions: id.Permissions,
			Expires: time.Now().Add(time.Minute + time.Duration(made.Add(1))*time.Second),
		})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `"`+token+`"`)
	}))
	t.Cleanup(server.Close)
	return server
}

// grader plays a grader, which believes A+ only; it answers with the body.
func grader(t *testing.T, tokens chan<- string) *httptest.Server {
	t.Helper()
	s := newService(t, aplusauth.Config{
		UID: "grader", DisableJWTSigning: true, PublicKey: publicPEM(friendKey()),
		RemoteAuthenticatorUID: "aplus", RemoteAuthenticatorKey: publicPEM(aplusKey()),
	})
	five := int64(5)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := s.Verify(r)
		if err != nil || !id.May(aplusauth.Write, &five, false) {
			http.Error(w, "no access", http.StatusForbidden)
			return
		}
		tokens <- r.Header.Get("Authorization")
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestRequestsToGraders(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 2)
	g := grader(t, tokens)
	s := newService(t, config(aplus(t).URL+"/api/v2/get-token/"))
	client := &http.Client{Transport: s.Transport(http.DefaultTransport)}
	for range 2 {
		ctx := aplusauth.WithPermissions(t.Context(), aplusauth.ForInstance(aplusauth.Write, 5))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/configure", strings.NewReader("course"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, resp.Body)
		if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || string(text) != "course" {
			t.Fatalf("status %d, body %q, %v", resp.StatusCode, text, err)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the caller's request was changed")
		}
	}
	if first, second := <-tokens, <-tokens; first == second {
		t.Error("two requests had the same token")
	}
}

// closeRecorder is a body that knows whether it was closed.
type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

func TestRequestsWithoutToken(t *testing.T) {
	t.Parallel()
	ours := config(authenticator)
	ours.TrustingRemotes = map[string]string{"self.test": "gitmanager"}
	alone := config("")
	alone.RemoteAuthenticatorUID = ""
	all := aplusauth.WithPermissions(context.Background())
	tests := []struct {
		name   string
		config aplusauth.Config
		ctx    context.Context
		target string
		want   string
	}{
		{"no permissions chosen", ours, context.Background(), "http://x.test/", "which permissions"},
		{"a master token", ours, all, "http://self.test/", "master token"},
		{"nobody to ask", alone, all, "http://x.test/", "TRUSTING_REMOTES"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := &closeRecorder{Reader: strings.NewReader("x")}
			r, err := http.NewRequestWithContext(tt.ctx, http.MethodPost, tt.target, body)
			if err != nil {
				t.Fatal(err)
			}
			network := &recorder{}
			err = send(t, newService(t, tt.config).Transport(network), r)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if len(network.requests) > 0 || !body.closed {
				t.Errorf("%d requests were sent, body closed: %t", len(network.requests), body.closed)
			}
		})
	}
}

// trouble is a network on which asking for a token goes as told, one outcome
// per attempt; the last one repeats.
type trouble struct {
	outcomes []any // error or reply
	at       []time.Duration
	start    time.Time
}

func (n *trouble) RoundTrip(r *http.Request) (*http.Response, error) {
	outcome := n.outcomes[min(len(n.at), len(n.outcomes)-1)]
	n.at = append(n.at, time.Since(n.start))
	if err, ok := outcome.(error); ok {
		return nil, err
	}
	return outcome.(reply).to(r), nil
}

// reply is an answer that repeats the token which asked, as some error pages do.
type reply struct {
	status     int
	retryAfter string
}

func (a reply) to(r *http.Request) *http.Response {
	resp := response(a.status, "token was "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if a.retryAfter != "" {
		resp.Header.Set("Retry-After", a.retryAfter)
	}
	return resp
}

func status(code int) reply { return reply{status: code} }

func TestAttemptsToGetAToken(t *testing.T) {
	t.Parallel()
	refused := error(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	broken := errors.New("unexpected EOF")
	ms := func(n ...int) (out []time.Duration) {
		for _, one := range n {
			out = append(out, time.Duration(one)*time.Millisecond)
		}
		return out
	}
	tests := []struct {
		name     string
		outcomes []any
		want     []time.Duration // since the start, one per attempt
		denied   bool
	}{
		{"no connection", []any{refused}, ms(0, 0, 800, 2400, 5600, 12000), false},
		{"broken connection", []any{broken}, ms(0, 0, 800), false},
		{"in trouble", []any{status(500)}, ms(0, 0, 800, 2400), false},
		{"all kinds", []any{refused, broken, status(503), status(502), broken, status(504)}, ms(0, 0, 800, 2400, 5600, 12000), false},
		{"says when", []any{reply{503, "7"}, status(403)}, ms(0, 7000), true},
		{"says too much", []any{reply{429, "99999999"}, status(403)}, ms(0, 60000), true},
		{"says nothing", []any{status(429)}, ms(0), false},
		{"refused", []any{status(401)}, ms(0), true},
		{"no such address", []any{status(404)}, ms(0), false},
		{"no audience", []any{status(400)}, ms(0), true},
		{"not a token", []any{status(200)}, ms(0), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, config("http://plus.test/get-token/"))
			synctest.Test(t, func(t *testing.T) {
				n := &trouble{outcomes: tt.outcomes, start: time.Now()}
				err := call(t, s, n, http.MethodGet, "http://grader.test/")
				if err == nil {
					t.Fatal("no error")
				}
				if diff := cmp.Diff(tt.want, n.at); diff != "" {
					t.Errorf("attempts (-want +got):\n%s", diff)
				}
				if errors.Is(err, course.ErrDenied) != tt.denied {
					t.Errorf("denied: %t, want %t: %v", !tt.denied, tt.denied, err)
				}
				if strings.Contains(err.Error(), "eyJ") {
					t.Errorf("the error shows a token: %v", err)
				}
			})
		})
	}
}

func TestGettingATokenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newService(t, config("http://plus.test/get-token/"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := &trouble{outcomes: []any{status(500)}, start: time.Now()}
		r, err := http.NewRequestWithContext(aplusauth.WithPermissions(ctx), http.MethodGet, "http://grader.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		err = send(t, s.Transport(n), r)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(n.start) != time.Second {
			t.Errorf("error %v after %s, want the deadline after 1s", err, time.Since(n.start))
		}
	})
}

func TestAnswersThatAreNoTokens(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{``, `null`, `""`, `{"token": "a.b.c"}`, `a.b.c`, `"a.b"`, `"a.b.c\n"`, `"a.b c.d"`, `["a.b.c"]`, `"` + strings.Repeat("a", 70000) + `.b.c"`} {
		network := &recorder{answer: func(*http.Request) *http.Response { return response(http.StatusOK, answer) }}
		err := call(t, newService(t, config("http://plus.test/get-token/")), network, http.MethodGet, "http://grader.test/")
		if err == nil || len(network.requests) != 1 {
			t.Errorf("answer %.40q: error %v after %d requests, want one request and an error", answer, err, len(network.requests))
		}
	}
}
