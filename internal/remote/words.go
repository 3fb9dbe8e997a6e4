package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// maxShown is how much of a foreign text a message shows, in characters.
const maxShown = 500

// connectTimeout bounds each part of making a connection.
const connectTimeout = 10 * time.Second

// NewTransport gives the transport for calls to A+ and graders: 10 s for a
// connection, proxies as the environment says. The time for an answer is the
// caller's matter.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          20,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Direct gives a copy of an HTTP client that follows no redirects: no protocol
// here has any, and a login page must not pass for a success. Nil means
// a client without tokens that keeps no connections.
func Direct(c *http.Client) *http.Client {
	if c == nil {
		t := NewTransport()
		t.DisableKeepAlives = true
		c = &http.Client{Transport: t}
	}
	direct := *c
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &direct
}

// ErrTooLong is the error for an answer that goes beyond its bound.
var ErrTooLong = errors.New("the answer is too long")

// ReadAll reads an answer's body of at most limit bytes, ErrTooLong otherwise.
// Where the answer repeats credentials of its request they are masked: a service
// in trouble may tell all that it was sent, and what it tells is shown.
func ReadAll(answer *http.Response, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	return conceal(data, credentials(answer.Request)), nil
}

// ReadSome reads the beginning of a body that is only shown, with credentials
// masked as ReadAll does; what cannot be read is left out.
func ReadSome(answer *http.Response) []byte {
	const most = 4 * maxShown
	secrets := credentials(answer.Request)
	more := 0 // so that none is cut in two
	for _, secret := range secrets {
		more = max(more, len(secret))
	}
	// The status has been told already; a body that breaks off adds nothing.
	data, _ := io.ReadAll(io.LimitReader(answer.Body, int64(most+more)))
	data = conceal(data, secrets)
	return data[:min(len(data), most)]
}

// credentials are what a request proves its right with, in the forms in which an
// answer may repeat it.
func credentials(r *http.Request) []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, name := range []string{"Authorization", "Private-Token"} {
		for _, value := range r.Header.Values(name) {
			out = append(out, value[strings.LastIndex(value, " ")+1:])
		}
	}
	if _, password, ok := r.BasicAuth(); ok {
		out = append(out, password)
	}
	if password, ok := r.URL.User.Password(); ok {
		out = append(out, password, url.QueryEscape(password), url.PathEscape(password))
	}
	return out
}

func conceal(data []byte, secrets []string) []byte {
	for _, secret := range secrets {
		if secret != "" {
			data = bytes.ReplaceAll(data, []byte(secret), []byte("***"))
		}
	}
	return data
}

// OneLine makes a foreign text safe to show: one line, no control or invisible
// characters, at most limit characters.
func OneLine(text string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			space = n > 0
			continue
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			r = '?'
		}
		room := limit - n
		if space {
			room--
		}
		if room <= 0 {
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// ShowURL gives an address without what may be secret in it: user name,
// password, query and fragment.
func ShowURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	text := shown.String()
	if u.RawQuery != "" {
		text += "?…"
	}
	return OneLine(text, maxShown)
}
