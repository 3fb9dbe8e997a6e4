package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"coursewright/api"
	"coursewright/internal/course"
)

// Who does not even pretend to know the secret is turned away before the body is
// read, which may have 25 MB, also when there were too many such calls.
func TestHookReadsNoBodyOfStrangers(t *testing.T) {
	t.Parallel()
	const allowed = 12
	f := newFixture(t, func(c *api.Config) { c.Auth, c.Limits = oneToken{}, api.Limits{HookFailures: allowed} })
	f.addCourse(t, "intro")
	tests := []struct {
		name    string
		headers []string
		want    int
		text    string
	}{
		{"no git host", nil, 400, "Unknown git service"},
		{"GitHub without a signature", []string{"X-GitHub-Event", "push"}, 403, "No X-Hub-Signature-256 header"},
		{"GitHub, another algorithm", []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", "sha1=00"}, 403, "Signatures didn't match"},
		{"GitHub, no digest", []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", "sha256=00"}, 403, "Signatures didn't match"},
		{"Bitbucket without a signature", []string{"X-Event-Key", "repo:push"}, 403, "No X-Hub-Signature header"},
		{"Gitea without a signature", []string{"X-Gitea-Event", "push", "X-GitHub-Event", "push"}, 403, "No X-Gitea-Signature header"},
		{"GitLab without a token", []string{"X-Gitlab-Event", "Push Hook"}, 403, "No X-Gitlab-Token header"},
		{"GitLab with a wrong token", []string{"X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "guess"}, 403, "Secrets didn't match"},
	}
	for i := range 2 * allowed {
		tt := tests[i%len(tests)]
		want, text := tt.want, tt.text
		if i >= allowed {
			want, text = http.StatusTooManyRequests, "Too many requests"
		}
		body := &countingReader{}
		w := f.deliver(t, body, tt.headers...)
		if w.Code != want || !strings.Contains(w.Body.String(), text) || body.read > 0 {
			t.Errorf("%d. %s: status %d, %d reads: %s", i, tt.name, w.Code, body.read, w.Body)
		}
	}
	list, err := f.store.ListDeliveries(t.Context(), "intro", course.Page{Limit: 99})
	must(t, err)
	if len(list) != allowed-2 || list[0].Verdict != course.DeliveryRefused { // two say nothing of a git host
		t.Errorf("deliveries %+v, want those within the limit", list)
	}
}

// deliver sends a body of unknown length.
func (f *fixture) deliver(t *testing.T, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, delivery(t.Context(), body, headers...))
	return w
}

func delivery(ctx context.Context, body io.Reader, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/gitmanager/intro/hook", body)
	r.Host = "localhost"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// countingReader never ends.
type countingReader struct{ read int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.read++
	return len(p), nil
}

// Of large bodies whose signature has yet to be checked four are read at a time;
// small ones do not wait for them.
func TestFewUnprovenBodiesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Auth = oneToken{} })
	f.addCourse(t, "intro")
	forged := []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("guess", "")}
	const atOnce = 4
	begun, end := make(chan struct{}, atOnce), make(chan struct{})
	var done sync.WaitGroup
	for range atOnce {
		done.Go(func() {
			if w := f.deliver(t, &slowReader{begun: begun, end: end}, forged...); w.Code != http.StatusForbidden {
				t.Errorf("a slow one: status %d: %s", w.Code, w.Body)
			}
		})
	}
	for range atOnce {
		<-begun
	}
	const clientGone = 499
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w, body := httptest.NewRecorder(), &countingReader{}
	if f.handler.ServeHTTP(w, delivery(gone, body, forged...)); w.Code != clientGone || body.read > 0 {
		t.Errorf("one more: status %d, %d reads", w.Code, body.read)
	}
	const push = `{"ref":"refs/heads/main"}`
	if w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-GitHub-Event", "push", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", push)); w.Code != http.StatusOK {
		t.Errorf("a push meanwhile: status %d: %s", w.Code, w.Body)
	}
	close(end)
	done.Wait()
	if w := f.deliver(t, strings.NewReader(push), forged...); w.Code != http.StatusForbidden {
		t.Errorf("afterwards: status %d: %s", w.Code, w.Body)
	}
}

// slowReader is a body of which nothing arrives until the end.
type slowReader struct {
	begun chan<- struct{}
	end   <-chan struct{}
}

func (r *slowReader) Read([]byte) (int, error) {
	r.begun <- struct{}{}
	<-r.end
	return 0, io.EOF
}

// A body has to arrive in time, and the deadline ends with it: what the request
// waits for afterwards may take longer.
func TestDeliveriesHaveADeadline(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	for body, want := range map[io.Reader]int{strings.NewReader(""): http.StatusOK, lateReader{}: http.StatusRequestTimeout} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		f.handler.ServeHTTP(w, delivery(t.Context(), body))
		if w.Code != want {
			t.Errorf("status %d, want %d: %s", w.Code, want, w.Body)
		}
		if left := time.Until(w.set[0]); left <= 0 || left > time.Minute {
			t.Errorf("the body has %s", left)
		}
		if last := w.set[len(w.set)-1]; want == http.StatusOK && !last.IsZero() {
			t.Errorf("the deadline %s stays", last)
		}
	}
}

type lateReader struct{}

func (lateReader) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// deadlines notes the read deadlines of a connection.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}
