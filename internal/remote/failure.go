// Package remote holds what calls to other services, A+ and the graders, have
// in common: the error of a call that did not work, which knows whether to try
// again and when, bounds on answers, and words that are fit for users. It makes
// no calls and knows no tokens. Start at Target and Failure.
package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"coursewright/internal/course"
)

// Kind is what went wrong with a call.
type Kind string

// The kinds of failure, with how often each is worth another try.
const (
	KindConnect Kind = "connect" // nothing was sent: five times
	KindRead    Kind = "read"    // the connection broke or the time was up: twice
	KindStatus  Kind = "status"  // an answer that refuses: three times if it may pass
	KindAnswer  Kind = "answer"  // an answer that makes no sense: never
	KindToken   Kind = "token"   // no permission to call at all: never
)

// maxRetryAfter bounds how long a service may make a build wait.
const maxRetryAfter = 5 * time.Minute

// Failure is a call that did not work. Its text is one line for the course's
// teachers, without secrets.
type Failure struct {
	Kind       Kind
	Status     int           // of the answer, 0 without one
	Message    string        // what happened and, where that is known, what to do
	RetryAfter time.Duration // what the service asked for, at most five minutes
	HasRetry   bool          // the answer had a usable Retry-After
	Err        error         // the cause; nil for an answer
}

// Error gives the message.
func (f *Failure) Error() string { return f.Message }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Next says whether the call is to be made again after it failed for the nth
// time, counted from 1, and how long to wait before: 0, 0.8, 1.6, 3.2, 6.4 s, or
// what the service asked for.
func (f *Failure) Next(attempt int) (wait time.Duration, again bool) {
	if attempt > f.retries() {
		return 0, false
	}
	if f.HasRetry {
		return f.RetryAfter, true
	}
	if attempt > 1 {
		wait = 400 * time.Millisecond << (attempt - 1)
	}
	return wait, true
}

func (f *Failure) retries() int {
	switch f.Kind {
	case KindConnect:
		return 5
	case KindRead:
		return 2
	case KindStatus:
		switch f.Status {
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return 3
		case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
			if f.HasRetry {
				return 3
			}
		}
	case KindAnswer, KindToken:
	}
	return 0
}

// Pauses between calls of a service that is away, once Next has given up.
const (
	firstPause   = 10 * time.Second
	longestPause = 5 * time.Minute
)

// NextWithin is Next for calls that can wait for a service that is away: such a
// one is called again at growing intervals, up to five minutes, for as long as
// another try begins within the time that is left.
func (f *Failure) NextWithin(left time.Duration, attempt int) (wait time.Duration, again bool) {
	if wait, again = f.Next(attempt); again {
		return wait, true
	}
	if !f.away() {
		return 0, false
	}
	wait = longestPause
	if n := attempt - f.retries() - 1; n < 5 { // 10, 20, 40, 80, 160 s
		wait = firstPause << n
	}
	if f.HasRetry {
		wait = max(wait, f.RetryAfter)
	}
	return wait, wait <= left
}

// away says whether the service was not there, rather than there and refusing.
func (f *Failure) away() bool {
	switch f.Kind {
	case KindConnect, KindRead:
		return true
	case KindStatus:
		switch f.Status {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
			return true
		}
	case KindAnswer, KindToken:
	}
	return false
}

// Target is the service and address of a call, in words for messages.
type Target struct {
	Name string // such as "the grader"
	URL  *url.URL
}

// String gives name and address, the latter without user names, passwords and
// query.
func (t Target) String() string {
	return t.Name + " " + ShowURL(t.URL)
}

// tokenRefusal is an error of the transport that adds tokens: the service that
// gives them gave an answer without one.
type tokenRefusal interface {
	error
	Answer() (status int, retryAfter string)
}

// Broken explains an error of http.Client.Do or of reading the answer's body.
// When ctx, the caller's own, is done it gives the context's error, else a
// *Failure of kind KindConnect or KindRead. Without a token the kind is
// KindToken for a course.ErrDenied, else as if the service that gives tokens had
// been called itself.
func (t Target) Broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("call %s: %w", t, context.Cause(ctx))
	}
	var outer, inner *url.Error
	var refused tokenRefusal
	if errors.As(err, &outer) {
		err = outer.Err // the outer text holds the address with its query
	}
	f := &Failure{Kind: KindRead, Err: err}
	why, connecting := t.reason(err)
	if connecting {
		f.Kind = KindConnect
	}
	switch {
	case errors.Is(err, course.ErrDenied):
		f.Kind = KindToken
		f.Message = fmt.Sprintf("%s was not called because there is no permission to: %s", t, t.words(err))
	case errors.As(err, &refused):
		status, after := refused.Answer()
		f.Kind, f.Status = KindStatus, status
		f.RetryAfter, f.HasRetry = retryAfter(after)
		f.Message = fmt.Sprintf("%s was not called: %s", t, t.words(err))
	case errors.Is(err, ErrTooLong):
		f.Kind = KindAnswer
		f.Message = fmt.Sprintf("%s: %s", t, err)
	case errors.As(err, &inner):
		// The transport makes a call of its own, to get a token.
		f.Message = fmt.Sprintf("%s was not called: the service that gives tokens for it cannot be reached: %s", t, why)
	default:
		f.Message = fmt.Sprintf("%s cannot be reached: %s", t, why)
	}
	return f
}

// words gives an error's text without the query of the target, which may be
// secret.
func (t Target) words(err error) string {
	text := err.Error()
	if t.URL.RawQuery != "" {
		text = strings.ReplaceAll(text, t.URL.RawQuery, "…")
	}
	return OneLine(text, maxShown)
}

// reason puts a network error into words that hold no inner addresses.
func (t Target) reason(err error) (why string, connecting bool) {
	var (
		op          *net.OpError
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		timeout     net.Error
	)
	connecting = errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &dns):
		return "its host name is not known", true
	case errors.As(err, &certificate):
		return "its certificate is not valid", true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses the connection", true
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time", connecting
	case connecting:
		return "the network has no way to it", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection before it answered", false
	}
	if errors.As(err, &op) {
		err = op.Err
	}
	return "the connection failed: " + t.words(err), false
}

// Refused makes a Failure of an answer's status. The hint, perhaps empty, tells
// what to do.
func (t Target) Refused(answer *http.Response, body []byte, hint string) *Failure {
	f := &Failure{Kind: KindStatus, Status: answer.StatusCode}
	f.RetryAfter, f.HasRetry = retryAfter(answer.Header.Get("Retry-After"))
	f.Message = fmt.Sprintf("%s answered with status %d", t, answer.StatusCode)
	if text := http.StatusText(answer.StatusCode); text != "" {
		f.Message += " " + text
	}
	if said := OneLine(string(body), maxShown); said != "" {
		f.Message += ": " + said
	}
	if hint != "" {
		f.Message += " (" + hint + ")"
	}
	return f
}

// Odd makes a Failure of an answer that was received but makes no sense. The
// message follows the name of the service.
func (t Target) Odd(status int, message string) *Failure {
	return &Failure{Kind: KindAnswer, Status: status, Message: t.String() + " " + message}
}

func retryAfter(header string) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return max(0, min(time.Until(at), maxRetryAfter)), true
}
