package remote

import (
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
func ReadAll(body io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	return data, nil
}

// ReadSome reads the beginning of a body that is only shown; what cannot be
// read is left out.
func ReadSome(body io.Reader) []byte {
	// The status has been told already; a body that breaks off adds nothing.
	data, _ := io.ReadAll(io.LimitReader(body, 4*maxShown))
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
