package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Variables that say how commands reach the REST API.
const (
	urlVariable   = "COURSEWRIGHT_URL"
	tokenVariable = "COURSEWRIGHT_TOKEN"
)

const (
	restTimeout = time.Minute
	restAnswer  = 64 << 20 // bytes of an answer that are read at most
)

// restClient asks the REST API of a running service for commands of
// administrators.
type restClient struct {
	server string // scheme and host, perhaps a path
	token  string // empty: none is sent
}

// addFlags adds the flags of every command that asks the REST API.
func (c *restClient) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.server, "server", "", "address of the service (default "+urlVariable+", or http://127.0.0.1:8070)")
	f.StringVar(&c.token, "token", "", "token to show; other users of this machine can see flags, so better set "+tokenVariable)
}

// do sends a request without a body and reads the JSON answer into out, nil to
// leave it. It returns the answer as it came.
func (c *restClient) do(ctx context.Context, method, path string, out any) ([]byte, error) {
	return c.send(ctx, method, path, nil, out)
}

// send is do with a JSON body, nil for none.
func (c *restClient) send(ctx context.Context, method, path string, body []byte, out any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, restTimeout)
	defer cancel()
	r, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w; say with --server or %s where the service is", err, urlVariable)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, restAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.URL.Redacted(), err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, restRefusal(res, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			return nil, fmt.Errorf("%s does not answer as Coursewright does: %w", r.URL.Redacted(), err)
		}
	}
	return answer, nil
}

func (c *restClient) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	server, token := c.server, c.token
	if server == "" {
		server = os.Getenv(urlVariable)
	}
	if server == "" {
		server = "http://127.0.0.1:8070"
	}
	if token == "" {
		token = os.Getenv(tokenVariable)
	}
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the service's address %q is none; give one such as https://gitmanager.example.org with --server or %s", server, urlVariable)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(u.String(), "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token = strings.TrimSpace(token); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, nil
}

// restRefusal words an answer that is no success.
func restRefusal(res *http.Response, body []byte) error {
	var problem struct {
		Detail string `json:"detail"`
		Hint   string `json:"hint"`
		Errors []struct {
			Field   string `json:"field"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(body, &problem) != nil {
		return fmt.Errorf("%s answers %s, not as Coursewright does; say with --server or %s where the service is", res.Request.URL.Redacted(), res.Status, urlVariable)
	}
	text := problem.Detail
	for _, e := range problem.Errors {
		text += " " + e.Field + ": " + e.Message
	}
	if problem.Hint != "" {
		text += " " + problem.Hint
	}
	if res.StatusCode == http.StatusUnauthorized {
		text += "; make a token with coursewright token, and set " + tokenVariable
	}
	return errors.New(text)
}
