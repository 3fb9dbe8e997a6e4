package coursetest

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The permissions that a token can give for a course instance.
const (
	Read  = 1
	Write = 2
)

// tokenLife is how long a token lives that A+ makes for others.
const tokenLife = time.Minute

// grant is one permission of a token: a list of type, permission and details.
type grant struct {
	kind    string
	number  int
	details map[string]any
}

func onInstance(number int, id int64) grant {
	return grant{"instance", number, map[string]any{"id": id}}
}

// MarshalJSON writes the list.
func (g grant) MarshalJSON() ([]byte, error) { return json.Marshal([]any{g.kind, g.number, g.details}) }

// UnmarshalJSON reads the list.
func (g *grant) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != 3 {
		return fmt.Errorf("a permission has 3 parts, not %d", len(parts))
	}
	return errors.Join(json.Unmarshal(parts[0], &g.kind), json.Unmarshal(parts[1], &g.number), json.Unmarshal(parts[2], &g.details))
}

// instance gives the number of the course instance that a permission is for.
func (g grant) instance() (id int64, ok bool) {
	number, ok := g.details["id"].(float64)
	return int64(number), ok && g.kind == "instance" && number == float64(int64(number))
}

// allows says whether one of the permissions is exactly this one.
func allows(list []grant, number int, id int64) bool {
	return slices.ContainsFunc(list, func(g grant) bool {
		of, ok := g.instance()
		return ok && of == id && g.number == number
	})
}

// claims are what a token says. Of the registered ones it uses those below.
type claims struct {
	Issuer      string           `json:"iss"`
	Subject     string           `json:"sub"`
	Audience    string           `json:"aud"`
	Expires     *jwt.NumericDate `json:"exp,omitempty"`
	Permissions []grant          `json:"permissions"`
	TargetURL   string           `json:"turl,omitempty"`
	TargetUID   string           `json:"taud,omitempty"`
}

// The methods of jwt.Claims.

func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires, nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil } //nolint:nilnil // no such claim
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil } //nolint:nilnil // no such claim
func (c claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{c.Audience}, nil }

// sign makes a token of the claims.
func (p Party) sign(c claims) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, c).SignedString(p.Key)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

// errAnonymous says that a request has no token.
var errAnonymous = errors.New("the request has no token")

// verify reads the token of a request to the service with the given UID. Keys
// are found by issuer.
func verify(r *http.Request, uid string, keyOf func(issuer string) *rsa.PublicKey) (claims, error) {
	raw, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || raw == "" {
		return claims{}, errAnonymous
	}
	var c claims
	_, err := jwt.ParseWithClaims(raw, &c, func(*jwt.Token) (any, error) {
		key := keyOf(c.Issuer)
		if key == nil {
			return nil, fmt.Errorf("the issuer %q is not known", c.Issuer)
		}
		return key, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(uid))
	if err != nil {
		return claims{}, fmt.Errorf("the token is not valid: %w", err)
	}
	if c.Subject == "" {
		return claims{}, errors.New("the token is not valid: it has no sub")
	}
	return c, nil
}
