package aplusauth

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims is what an own token says; the issuer is always the service itself.
type Claims struct {
	Subject     string    // whom the token is for; empty: the service itself
	Audience    string    // UID of the service that takes it; empty: left out
	Expires     time.Time // to the second; zero: never
	Permissions []Permission
	TargetURL   string // address that a token is wanted for; empty: none
}

// UID is the own name among A+'s services.
func (s *Service) UID() string { return s.uid }

// Sign makes a token. With Audience the own UID and without Permissions it is a
// master token, which opens everything here. While signing is off the token
// has neither signature nor issuer and only services without checks take it.
func (s *Service) Sign(c Claims) (string, error) {
	subject := c.Subject
	if subject == "" {
		subject = s.uid
	}
	permissions := c.Permissions
	if permissions == nil {
		permissions = []Permission{}
	}
	m := jwt.MapClaims{"iss": s.uid, "sub": subject, "permissions": permissions}
	if c.Audience != "" {
		m["aud"] = c.Audience
	}
	if !c.Expires.IsZero() {
		m["exp"] = c.Expires.Unix()
	}
	if c.TargetURL != "" {
		m["turl"] = c.TargetURL
	}
	method, key := jwt.SigningMethod(jwt.SigningMethodRS256), any(s.private)
	if s.unsigned {
		m["iss"] = nil
		method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	}
	token, err := jwt.NewWithClaims(method, m).SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}
