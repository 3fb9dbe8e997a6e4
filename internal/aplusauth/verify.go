package aplusauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken bounds tokens, in bytes; longer ones are not looked into. A token
// with a thousand permissions fits.
const maxToken = 64 << 10

// CookieName is the cookie that holds a browser's token.
const CookieName = "AuthToken"

// The texts that refuse a token, as A+'s services know them.
const (
	unknownIssuer   = "Unknown issuer"
	badSignature    = "Invalid signature"
	badAudience     = "Invalid audience"
	expiredToken    = "Expired token"
	badIssuer       = "Invalid issuer" // said of claims with unreadable times
	badToken        = "Invalid token"
	untrustedIssuer = "Token must be issued by remote authenticator or self"
)

// Verify identifies the sender of a request by the token in its Authorization
// header or, without such a header, in its cookie. No token, or one that is
// not a JWT with an issuer, gives an anonymous Identity; a token that does not
// hold gives a *TokenError.
func (s *Service) Verify(r *http.Request) (Identity, error) {
	token, fromCookie := requestToken(r)
	if token == "" {
		return Identity{Open: s.open}, nil
	}
	if s.open {
		return s.believe(token), nil
	}
	id, refusal := s.check(token)
	if refusal != "" {
		return Identity{}, &TokenError{Text: refusal, FromCookie: fromCookie, Account: s.claimed(token)}
	}
	return id, nil
}

// requestToken finds the token of a request, empty if there is none.
//
// Servers cut the space after an empty Bearer token, hence the bare word.
func requestToken(r *http.Request) (token string, fromCookie bool) {
	header := strings.Join(r.Header.Values("Authorization"), ",")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok || header == "Bearer" {
		if !ok {
			token = ""
		}
		return token, false
	}
	if c, err := r.Cookie(CookieName); err == nil {
		return c.Value, true
	}
	return "", false
}

// believe takes a token's word, for services without checks.
func (s *Service) believe(raw string) Identity {
	c := &claims{}
	if _, ok := s.decode(raw, c); !ok {
		return Identity{Open: true}
	}
	id, err := c.identity()
	if err != nil {
		return Identity{Open: true}
	}
	id.Open = true
	return id
}

// check judges a token. refusal is the text that refuses it, empty for one that
// holds and for one that is as good as none.
func (s *Service) check(raw string) (id Identity, refusal string) {
	c := &claims{}
	token, ok := s.decode(raw, c)
	if !ok || !c.has("iss") {
		return Identity{}, ""
	}
	issuer, ok := c.text("iss")
	if !ok {
		return Identity{}, badToken
	}
	key, known := s.keys[issuer]
	if !known {
		return Identity{}, unknownIssuer
	}
	// Extensions that a token calls critical must be understood; we know none.
	if _, critical := token.Header["crit"]; critical || token.Method != jwt.SigningMethodRS256 {
		return Identity{}, badToken
	}
	verified := &claims{}
	_, err := s.parser.ParseWithClaims(raw, verified, func(*jwt.Token) (any, error) { return key, nil })
	if refusal := verdict(err); refusal != "" {
		return Identity{}, refusal
	}
	id, err = verified.identity()
	switch {
	case err != nil:
		return Identity{}, badToken
	case !s.trusted[id.Issuer]:
		return Identity{}, untrustedIssuer
	}
	id.Master = id.Issuer == s.uid && len(id.Permissions) == 0
	return id, ""
}

// claimed is the subject that a refused token claims.
func (s *Service) claimed(raw string) string {
	const longest = 100
	c := &claims{}
	if _, ok := s.decode(raw, c); !ok {
		return ""
	}
	name, _ := c.text("sub")
	return strings.ToValidUTF8(name[:min(len(name), longest)], "")
}

// decode reads a token without verifying anything. It says whether the token
// has the form of one.
func (s *Service) decode(raw string, into *claims) (*jwt.Token, bool) {
	if len(raw) > maxToken {
		return nil, false
	}
	token, parts, err := s.parser.ParseUnverified(raw, into)
	if errors.Is(err, jwt.ErrTokenUnverifiable) {
		// The algorithm is unknown, for which the library leaves out the signature.
		_, err = s.parser.DecodeSegment(parts[2])
	}
	return token, err == nil
}

// verdict words the library's errors, of which there may be several: the first
// in the order of A+'s services counts.
func verdict(err error) string {
	is := func(kinds ...error) bool {
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil:
		return ""
	case is(jwt.ErrTokenSignatureInvalid):
		return badSignature
	case is(errClaims, errIssuedAt, jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenUsedBeforeIssued):
		return badToken
	case is(errNotBefore):
		return badIssuer
	case is(jwt.ErrTokenNotValidYet):
		return badToken
	case is(errExpiry):
		return badIssuer
	case is(jwt.ErrTokenExpired):
		return expiredToken
	case is(jwt.ErrTokenInvalidAudience):
		return badAudience
	}
	return badToken
}
