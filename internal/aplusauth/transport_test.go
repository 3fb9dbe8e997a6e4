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
			if !errors.Is(err, course.ErrDenied) {
				t.Errorf("error %v is worth another try", err)
			}
			if len(network.requests) > 0 || !body.closed {
				t.Errorf("%d requests were sent, body closed: %t", len(network.requests), body.closed)
			}
		})
	}
}

// trouble is a network on which asking for a token always goes the same way.
type trouble struct {
	outcome any // error or reply
	asked   int
}

func (n *trouble) RoundTrip(r *http.Request) (*http.Response, error) {
	n.asked++
	if err, ok := n.outcome.(error); ok {
		return nil, err
	}
	return n.outcome.(reply).to(r), nil
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

// A token is asked for once for each request: who made the request tries again,
// and has to know what A+ said.
func TestTokensThatCannotBeHad(t *testing.T) {
	t.Parallel()
	refused := error(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	type answer struct {
		Status int
		After  string
	}
	tests := []struct {
		name    string
		outcome any
		want    answer
		denied  bool
	}{
		{"no connection", refused, answer{}, false},
		{"broken connection", io.ErrUnexpectedEOF, answer{}, false},
		{"in trouble", reply{500, ""}, answer{500, ""}, false},
		{"says when", reply{503, "7"}, answer{503, "7"}, false},
		{"says nothing", reply{429, ""}, answer{429, ""}, false},
		{"refused", reply{401, ""}, answer{401, ""}, true},
		{"forbidden", reply{403, ""}, answer{403, ""}, true},
		{"no such address", reply{404, ""}, answer{404, ""}, false},
		{"no audience", reply{400, ""}, answer{400, ""}, true},
		{"not a token", reply{200, ""}, answer{200, ""}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := &trouble{outcome: tt.outcome}
			err := call(t, newService(t, config("http://plus.test/get-token/")), n, http.MethodGet, "http://grader.test/")
			if err == nil || n.asked != 1 {
				t.Fatalf("error %v after %d requests, want one", err, n.asked)
			}
			var got answer
			var e *aplusauth.RefusedError
			if errors.As(err, &e) {
				got.Status, got.After = e.Answer()
			} else if cause := tt.outcome.(error); !errors.Is(err, cause) {
				t.Errorf("error %v does not hold its cause", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("A+'s answer (-want +got):\n%s", diff)
			}
			if errors.Is(err, course.ErrDenied) != tt.denied {
				t.Errorf("denied: %t, want %t: %v", !tt.denied, tt.denied, err)
			}
			if strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the error shows a token: %v", err)
			}
		})
	}
}

// silence is a network that never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func TestGettingATokenEnds(t *testing.T) {
	t.Parallel()
	s := newService(t, config("http://plus.test/get-token/"))
	for name, limit := range map[string]time.Duration{"with its context": time.Second, "by itself": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				begun := time.Now()
				r, err := http.NewRequestWithContext(aplusauth.WithPermissions(ctx), http.MethodGet, "http://grader.test/", nil)
				if err != nil {
					t.Fatal(err)
				}
				err = send(t, s.Transport(silence{}), r)
				if want := min(limit, 30*time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != want {
					t.Errorf("error %v after %s, want the deadline after %s", err, time.Since(begun), want)
				}
			})
		})
	}
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
