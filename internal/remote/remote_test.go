package remote_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/remote"
)

func target(t *testing.T, address string) remote.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return remote.Target{Name: "the grader", URL: u}
}

func TestNext(t *testing.T) {
	t.Parallel()
	const s = time.Second
	growing := []time.Duration{0, 800 * time.Millisecond, 1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond}
	tests := map[string]struct {
		failure remote.Failure
		want    []time.Duration // before each further try
	}{
		"connection":         {remote.Failure{Kind: remote.KindConnect}, growing},
		"broken":             {remote.Failure{Kind: remote.KindRead}, growing[:2]},
		"500":                {remote.Failure{Kind: remote.KindStatus, Status: 500}, growing[:3]},
		"502":                {remote.Failure{Kind: remote.KindStatus, Status: 502}, growing[:3]},
		"503":                {remote.Failure{Kind: remote.KindStatus, Status: 503}, growing[:3]},
		"504":                {remote.Failure{Kind: remote.KindStatus, Status: 504}, growing[:3]},
		"503 with a wish":    {remote.Failure{Kind: remote.KindStatus, Status: 503, HasRetry: true, RetryAfter: 7 * s}, []time.Duration{7 * s, 7 * s, 7 * s}},
		"429 with a wish":    {remote.Failure{Kind: remote.KindStatus, Status: 429, HasRetry: true, RetryAfter: 7 * s}, []time.Duration{7 * s, 7 * s, 7 * s}},
		"413 with a wish":    {remote.Failure{Kind: remote.KindStatus, Status: 413, HasRetry: true}, []time.Duration{0, 0, 0}},
		"429":                {remote.Failure{Kind: remote.KindStatus, Status: 429}, nil},
		"413":                {remote.Failure{Kind: remote.KindStatus, Status: 413}, nil},
		"501":                {remote.Failure{Kind: remote.KindStatus, Status: 501}, nil},
		"404":                {remote.Failure{Kind: remote.KindStatus, Status: 404, HasRetry: true}, nil},
		"an answer":          {remote.Failure{Kind: remote.KindAnswer, Status: 200}, nil},
		"no token":           {remote.Failure{Kind: remote.KindToken}, nil},
		"an unknown trouble": {remote.Failure{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, waits(&test.failure)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A service that is away is called again for as long as the caller can wait; one
// that refuses is not.
func TestNextWithin(t *testing.T) {
	t.Parallel()
	const s = time.Second
	slow := []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}
	quick := []time.Duration{0, 800 * time.Millisecond, 1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond}
	tests := map[string]struct {
		failure remote.Failure
		want    []time.Duration
	}{
		"connection":      {remote.Failure{Kind: remote.KindConnect}, slices.Concat(quick, slow)},
		"broken":          {remote.Failure{Kind: remote.KindRead}, slices.Concat(quick[:2], slow)},
		"502":             {remote.Failure{Kind: remote.KindStatus, Status: 502}, slices.Concat(quick[:3], slow)},
		"503 with a wish": {remote.Failure{Kind: remote.KindStatus, Status: 503, HasRetry: true, RetryAfter: 30 * s}, []time.Duration{30 * s, 30 * s, 30 * s, 30 * s, 30 * s, 40 * s, 80 * s, 160 * s, 300 * s}},
		"429":             {remote.Failure{Kind: remote.KindStatus, Status: 429}, slow},
		"500":             {remote.Failure{Kind: remote.KindStatus, Status: 500}, quick[:3]},
		"404":             {remote.Failure{Kind: remote.KindStatus, Status: 404}, nil},
		"no token":        {remote.Failure{Kind: remote.KindToken}, nil},
		"an answer":       {remote.Failure{Kind: remote.KindAnswer, Status: 200}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []time.Duration
			for attempt, left := 1, 1000*s; ; attempt++ {
				wait, again := test.failure.NextWithin(left, attempt)
				if !again {
					break
				}
				got, left = append(got, wait), left-wait
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header   string
		low, top time.Duration
		usable   bool
	}{
		"seconds":     {"12", 12 * time.Second, 12 * time.Second, true},
		"none":        {"0", 0, 0, true},
		"too many":    {"999999", 5 * time.Minute, 5 * time.Minute, true},
		"a date":      {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), 50 * time.Second, time.Minute, true},
		"a past date": {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 0, true},
		"a far date":  {"Sun, 06 Nov 2994 08:49:37 GMT", 5 * time.Minute, 5 * time.Minute, true},
		"missing":     {"", 0, 0, false},
		"negative":    {"-1", 0, 0, false},
		"a word":      {"soon", 0, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {test.header}}}
			f := target(t, "http://grader.example/").Refused(answer, nil, "")
			if f.HasRetry != test.usable || f.RetryAfter < test.low || f.RetryAfter > test.top {
				t.Errorf("got %s, %t", f.RetryAfter, f.HasRetry)
			}
		})
	}
}

// tokenAnswer is what a transport got in place of a token.
type tokenAnswer struct {
	status int
	after  string
}

func (a *tokenAnswer) Error() string         { return "A+ gave no token" }
func (a *tokenAnswer) Answer() (int, string) { return a.status, a.after }

// A token that cannot be had is judged as if A+ had been called itself.
func TestBrokenWithoutToken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer tokenAnswer
		want   []time.Duration
	}{
		"in trouble":  {tokenAnswer{503, ""}, []time.Duration{0, 800 * time.Millisecond, 1600 * time.Millisecond}},
		"says when":   {tokenAnswer{429, "7"}, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}},
		"not there":   {tokenAnswer{404, ""}, nil},
		"not a token": {tokenAnswer{200, ""}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := target(t, "http://grader.example/c").Broken(t.Context(), &url.Error{Op: "Post", URL: "http://grader.example/c", Err: &test.answer})
			var f *remote.Failure
			if !errors.As(err, &f) || f.Status != test.answer.status {
				t.Fatalf("got %v", err)
			}
			if want := "the grader http://grader.example/c was not called: A+ gave no token"; f.Message != want {
				t.Errorf("message %q, want %q", f.Message, want)
			}
			if diff := cmp.Diff(test.want, waits(f)); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

// waits gives the pauses before each further try.
func waits(f *remote.Failure) (all []time.Duration) {
	for attempt := 1; ; attempt++ {
		wait, again := f.Next(attempt)
		if !again {
			return all
		}
		all = append(all, wait)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	type result struct {
		Kind    remote.Kind
		Message string
	}
	tests := map[string]struct {
		err  error
		want result
	}{
		"refused":     {dial(syscall.ECONNREFUSED), result{remote.KindConnect, "cannot be reached: it refuses the connection"}},
		"no way":      {dial(syscall.EHOSTUNREACH), result{remote.KindConnect, "cannot be reached: the network has no way to it"}},
		"slow":        {dial(context.DeadlineExceeded), result{remote.KindConnect, "cannot be reached: it did not answer in time"}},
		"no name":     {dial(&net.DNSError{Err: "no such host"}), result{remote.KindConnect, "cannot be reached: its host name is not known"}},
		"certificate": {&tls.CertificateVerificationError{Err: errors.New("expired")}, result{remote.KindConnect, "cannot be reached: its certificate is not valid"}},
		"time is up":  {context.DeadlineExceeded, result{remote.KindRead, "cannot be reached: it did not answer in time"}},
		"end":         {io.ErrUnexpectedEOF, result{remote.KindRead, "cannot be reached: it closed the connection before it answered"}},
		"reset":       {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, result{remote.KindRead, "cannot be reached: it closed the connection before it answered"}},
		"protocol":    {errors.New("malformed HTTP response\r\n"), result{remote.KindRead, "cannot be reached: the connection failed: malformed HTTP response"}},
		"other":       {&net.OpError{Op: "read", Addr: &net.TCPAddr{}, Err: syscall.EIO}, result{remote.KindRead, "cannot be reached: the connection failed: input/output error"}},
		"token":       {fmt.Errorf("token: %w", &url.Error{Op: "Get", URL: "http://aplus.example/", Err: dial(syscall.ECONNREFUSED)}), result{remote.KindConnect, "was not called: the service that gives tokens for it cannot be reached: it refuses the connection"}},
		"bad token":   {errors.New("no token for http://grader.example/c?k=hidden"), result{remote.KindRead, "cannot be reached: the connection failed: no token for http://grader.example/c?…"}},
		"too long":    {fmt.Errorf("%w: more than 5 bytes", remote.ErrTooLong), result{remote.KindAnswer, ": the answer is too long: more than 5 bytes"}},
		"no token":    {fmt.Errorf("A+ says no: %w", course.ErrDenied), result{remote.KindToken, "was not called because there is no permission to: A+ says no: denied"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// As an HTTP client wraps it, with the address as it is.
			err := target(t, "http://u:hidden@grader.example/c?k=hidden").Broken(t.Context(),
				&url.Error{Op: "Post", URL: "http://grader.example/c?k=hidden", Err: test.err})
			var f *remote.Failure
			if !errors.As(err, &f) || !errors.Is(err, test.err) {
				t.Fatalf("got %v", err)
			}
			message, found := strings.CutPrefix(f.Error(), "the grader http://grader.example/c?…")
			if !found {
				t.Errorf("message %q does not begin with the service", f)
			}
			if diff := cmp.Diff(test.want, result{f.Kind, strings.TrimPrefix(message, " ")}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBrokenByTheCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := target(t, "http://grader.example/").Broken(ctx, context.Canceled)
	var f *remote.Failure
	if !errors.Is(err, context.Canceled) || errors.As(err, &f) {
		t.Errorf("got %v", err)
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want string
	}{
		"plain":           {"a b", "a b"},
		"lines":           {"\r\n a\n\n\tb \n", "a b"},
		"terminal escape": {"a\x1b[31mred\x07", "a [31mred"},
		"written right":   {"a\u202egpj.exe\u200b", "a?gpj.exe?"},
		"no UTF-8":        {"a\xff\xfeb", "a??b"},
		"as long":         {"1234567890", "1234567890"},
		"too long":        {"12345678901", "1234567890…"},
		"spaces at limit": {"123456789      0", "123456789…"},
		"letters":         {"äöå 漢字 😀", "äöå 漢字 😀"},
		"nothing":         {" \x00 ", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := remote.OneLine(test.text, 10); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDirectFollowsNothing(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.RedirectHandler("/login", http.StatusFound))
	defer s.Close()
	shared := &http.Client{Transport: remote.NewTransport()}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := remote.Direct(shared).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusFound || shared.CheckRedirect != nil {
		t.Errorf("status %d, the caller's client changed: %t", answer.StatusCode, shared.CheckRedirect != nil)
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	answer := func(text string) *http.Response {
		return &http.Response{Body: io.NopCloser(strings.NewReader(text))}
	}
	if got, err := remote.ReadAll(answer("12345"), 5); err != nil || string(got) != "12345" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := remote.ReadAll(answer("123456"), 5); !errors.Is(err, remote.ErrTooLong) {
		t.Errorf("got %q, %v", got, err)
	}
}

// A service that repeats what it was sent does not bring it to light.
func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s%s and %s", strings.Repeat(" ", 1990), r.Header.Get("Authorization"), r.Header.Get("Private-Token"))
	}))
	t.Cleanup(s.Close)
	for name, c := range map[string]struct{ user, header, value, secret string }{
		"a token":          {"", "Authorization", "Bearer abcdefghijklmnopqrstuvwxyz", "abcdef"},
		"GitLab's":         {"", "Private-Token", "abcdefghijklmnopqrstuvwxyz", "abcdef"},
		"of the address":   {"user:opensesame@", "X-Nothing", "", "dXNlcjpvcGVu"},
		"without a scheme": {"", "Authorization", "abcdefghijklmnopqrstuvwxyz", "abcdef"},
	} {
		for way, read := range map[string]func(*http.Response) ([]byte, error){
			"all":  func(r *http.Response) ([]byte, error) { return remote.ReadAll(r, 1<<16) },
			"some": func(r *http.Response) ([]byte, error) { return remote.ReadSome(r), nil },
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(s.URL, "://", "://"+c.user, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(c.header, c.value)
			answer, err := remote.Direct(nil).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			data, err := read(answer)
			_ = answer.Body.Close()
			if err != nil || strings.Contains(string(data), c.secret) || way == "all" && !strings.Contains(string(data), "***") || len(data) < 1990 {
				t.Errorf("%s, %s: %q, %v", name, way, strings.TrimSpace(string(data)), err)
			}
		}
	}
}
