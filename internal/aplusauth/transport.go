package aplusauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
)

type permissionsKey struct{}

// WithPermissions says what the requests of a context ask for. Transport puts
// it into their tokens.
func WithPermissions(ctx context.Context, p ...Permission) context.Context {
	return context.WithValue(ctx, permissionsKey{}, slices.Clone(p))
}

// transport adds tokens to requests.
type transport struct {
	service *Service
	base    http.RoundTripper
	remote  *http.Client // asks A+ for tokens
}

// Transport sends requests by base with a token for their target: one of the
// service's own where the target is known to take it, else one that A+ signs
// for this request. The permissions are those of the request's context, see
// WithPermissions; without them requests fail. Every request, hence every
// attempt of a client, gets a new token. Errors hold no token. When A+ answers
// without one the error is a *RefusedError; errors of kind course.ErrDenied are
// those that trying again does not help.
func (s *Service) Transport(base http.RoundTripper) http.RoundTripper {
	return &transport{service: s, base: base, remote: &http.Client{Transport: base}}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.token(r.Context(), r.URL)
	if err != nil {
		if r.Body != nil {
			err = errors.Join(err, r.Body.Close())
		}
		return nil, err
	}
	withToken := r.Clone(r.Context())
	withToken.Header.Set("Authorization", "Bearer "+token)
	return t.base.RoundTrip(withToken)
}

func (t *transport) token(ctx context.Context, target *url.URL) (string, error) {
	s := t.service
	permissions, ok := ctx.Value(permissionsKey{}).([]Permission)
	if !ok {
		return "", noTokenError("the request's context does not say which permissions its token is to have")
	}
	if s.unsigned {
		return s.Sign(Claims{Permissions: permissions})
	}
	audience := s.audienceOf(target)
	if audience == "" && target.String() == s.authenticatorURL {
		audience = s.authenticatorUID
	}
	switch {
	case audience == "":
		return t.fetch(ctx, target, permissions)
	case audience == s.uid && len(permissions) == 0:
		// Whoever gets it could do everything here.
		return "", noTokenError(target.Redacted() + " would get a master token of this service; check TRUSTING_REMOTES and DEFAULT_AUD_UID")
	}
	return s.Sign(Claims{Audience: audience, Permissions: permissions})
}
