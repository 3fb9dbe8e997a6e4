// Package client speaks the REST API of Coursewright. It knows no command line
// and no other package of this module: programs may copy how it is used by the
// command coursewright. Errors of the service are *Error. Start at New.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of the client.
const (
	answerTimeout = time.Minute
	maxAnswer     = 64 << 20 // bytes
	maxTries      = 3        // of requests that change nothing
	longestPause  = 10 * time.Second
)

// Options say how a service is reached.
type Options struct {
	URL   string // scheme and host, perhaps a path, such as https://gitmanager.example.org
	Token string // empty: none is shown
	// HTTP sends the requests; nil: a client that follows no redirects, since
	// these lead to the login page.
	HTTP *http.Client
	// Pause waits between two tries; nil: by the clock.
	Pause func(ctx context.Context, d time.Duration) error
}

// Client is safe for concurrent use.
type Client struct {
	base    string
	options Options
}

// New makes a client. It fails on addresses that cannot be a service's.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the service's address %q is none; give one such as https://gitmanager.example.org", o.URL)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	o.Token = strings.TrimSpace(o.Token)
	return &Client{base: strings.TrimSuffix(u.String(), "/"), options: o}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Error is the refusal of a request by the service.
type Error struct {
	Status int          `json:"status"`
	Type   string       `json:"type"` // such as urn:coursewright:problem:not-found
	Title  string       `json:"title"`
	Detail string       `json:"detail"`
	Hint   string       `json:"hint"`
	Fields []FieldError `json:"errors"`

	// RetryAfter is when the service wants to be asked again; 0: it did not say.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one thing wrong with a field of a body or a parameter.
type FieldError struct {
	Field     string `json:"field"`
	Pointer   string `json:"pointer"`
	Parameter string `json:"parameter"`
	Message   string `json:"message"`
}

// Error tells everything that is wrong in one line.
func (e *Error) Error() string {
	text := e.Detail
	for _, f := range e.Fields {
		text += " " + f.Field + ": " + f.Message
	}
	if e.Hint != "" {
		text += " " + e.Hint
	}
	return text
}

// ErrForeign is an answer that is not Coursewright's, perhaps that of a proxy or
// of another service.
var ErrForeign = errors.New("not as Coursewright answers")

// request is one request to the API.
type request struct {
	method, path string
	query        url.Values
	body         any // sent as JSON; nil: none
	header       http.Header
}

// do sends a request and gives the body of the answer as it came, read into out as
// well unless that is nil. Requests that change nothing are tried again, a few
// times, while the service is away.
func (c *Client) do(ctx context.Context, r request, out any) ([]byte, http.Header, error) {
	for try := 1; ; try++ {
		answer, header, err := c.once(ctx, r)
		if err == nil && out != nil {
			if err = json.Unmarshal(answer, out); err != nil {
				return nil, nil, fmt.Errorf("%s answers, but %w: %w", c.base, ErrForeign, err)
			}
		}
		safe := r.method == http.MethodGet || r.method == http.MethodHead || r.header.Get(idempotencyHeader) != ""
		wait, again := passes(err, try)
		if err == nil || !safe || !again || try == maxTries || ctx.Err() != nil {
			return answer, header, err
		}
		if err := c.options.Pause(ctx, wait); err != nil {
			return nil, nil, err
		}
	}
}

// passes says whether an error may be gone in a moment, and after how long.
func passes(err error, try int) (time.Duration, bool) {
	wait := time.Duration(try) * 500 * time.Millisecond
	var refused *Error
	switch {
	case errors.As(err, &refused):
		if refused.RetryAfter > 0 {
			wait = min(refused.RetryAfter, longestPause)
		}
		return wait, refused.Status == http.StatusServiceUnavailable || refused.Status == http.StatusTooManyRequests ||
			refused.Status == http.StatusGatewayTimeout || refused.Status == http.StatusBadGateway
	case errors.Is(err, ErrForeign), errors.Is(err, context.Canceled):
		return 0, false
	}
	return wait, err != nil // the connection failed
}

// once sends a request once and reads the answer.
func (c *Client) once(ctx context.Context, r request) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	res, err := c.send(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return body, res.Header, nil
}

// send sends a request and gives an answer that is a success.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.options.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Token)
	}
	res, err := c.options.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer res.Body.Close() //nolint:errcheck // only read
		return nil, c.refusal(res)
	}
	return res, nil
}

// refusal reads an answer that is no success.
func (c *Client) refusal(res *http.Response) error {
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	e := &Error{}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(body, e) != nil {
		return fmt.Errorf("%s answers %s, %w", res.Request.URL.Redacted(), res.Status, ErrForeign)
	}
	e.Status = res.StatusCode
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
