package aplusauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"coursewright/internal/course"
)

const (
	// fetchTimeout bounds one attempt to get a token.
	fetchTimeout = 30 * time.Second
	// maxAnswer bounds A+'s answer, in bytes.
	maxAnswer = 1 << 16
	// maxDetail bounds what an error repeats of A+'s answer, in bytes.
	maxDetail = 300
)

// RefusedError says that A+ gave no token for a request. It is of kind
// course.ErrDenied when A+ refused, rather than failed.
type RefusedError struct {
	Target     string // address that the token was for, without password
	Status     int    // of A+'s answer
	RetryAfter string // of A+'s answer, the header of that name
	Detail     string // beginning of A+'s answer, without tokens; empty with status 200
}

// Answer tells what A+ answered, for those who judge whether to try again.
func (e *RefusedError) Answer() (status int, retryAfter string) { return e.Status, e.RetryAfter }

// Error says what to look at.
func (e *RefusedError) Error() string {
	if e.Status == http.StatusOK {
		return fmt.Sprintf("A+ gave no token for %s: its answer is not a token as JSON text; check REMOTE_AUTHENTICATOR_URL", e.Target)
	}
	text := fmt.Sprintf("A+ gave no token for %s: status %d", e.Target, e.Status)
	if e.Detail != "" {
		text += fmt.Sprintf(", %q", e.Detail)
	}
	switch {
	case e.Status == http.StatusBadRequest:
		text += "; A+ knows no service at that address: its administrators add it to TRUSTING_REMOTES"
	case e.denied():
		text += "; A+ must know the public key of this service, and its course instance must be configured from this service"
	}
	return text
}

// Unwrap gives the kind.
func (e *RefusedError) Unwrap() error {
	if e.denied() {
		return course.ErrDenied
	}
	return nil
}

func (e *RefusedError) denied() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return false
}

// fetch asks A+ once for a token for the target. Whoever made the request that
// needs it tries again as a whole, so that the tries do not multiply.
func (t *transport) fetch(ctx context.Context, target *url.URL, p []Permission) (string, error) {
	if t.service.authenticatorURL == "" {
		return "", noTokenError(fmt.Sprintf("no token for %s: add the service to TRUSTING_REMOTES, or set REMOTE_AUTHENTICATOR_URL to ask A+ for one", target.Redacted()))
	}
	clean := *target
	clean.User, clean.Fragment, clean.RawFragment = nil, "", ""
	a, err := t.ask(ctx, Claims{Audience: t.service.authenticatorUID, TargetURL: clean.String(), Permissions: p})
	if err != nil {
		return "", fmt.Errorf("token from A+ for %s: %w", clean.String(), err)
	}
	return a.token(clean.String())
}

// noTokenError says why there is no token for a request, however often it is
// made.
type noTokenError string

func (e noTokenError) Error() string { return string(e) }

func (e noTokenError) Unwrap() error { return course.ErrDenied }

// remoteAnswer is what A+ said.
type remoteAnswer struct {
	status     int
	retryAfter string
	body       string
	asked      string // the token that asked
}

func (t *transport) ask(ctx context.Context, c Claims) (remoteAnswer, error) {
	token, err := t.service.Sign(c)
	if err != nil {
		return remoteAnswer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.service.authenticatorURL, nil)
	if err != nil {
		return remoteAnswer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := t.remote.Do(r)
	if err != nil {
		return remoteAnswer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return remoteAnswer{
		status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After"), body: string(body), asked: token,
	}, errors.Join(err, resp.Body.Close())
}

// token reads the token from A+'s answer, a JSON text.
func (a remoteAnswer) token(target string) (string, error) {
	if a.status != http.StatusOK {
		detail := strings.ToValidUTF8(strings.ReplaceAll(a.body, a.asked, "***"), "\uFFFD")
		return "", &RefusedError{Target: target, Status: a.status, RetryAfter: a.retryAfter, Detail: detail[:min(len(detail), maxDetail)]}
	}
	var token string
	if err := json.Unmarshal([]byte(a.body), &token); err != nil || !isToken(token) {
		// Not repeated here: it might hold a token.
		return "", &RefusedError{Target: target, Status: a.status}
	}
	return token, nil
}

// isToken says whether a text can be a token: three parts of base64url.
func isToken(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	return strings.Count(s, ".") == 2 && strings.Trim(s, letters) == ""
}
