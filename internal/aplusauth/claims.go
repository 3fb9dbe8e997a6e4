package aplusauth

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What is wrong with the form of claims, for verdict.
var (
	errClaims    = errors.New("iss, sub and aud are required, iss and sub are texts")
	errIssuedAt  = errors.New("iat is not a number")
	errNotBefore = errors.New("nbf is not a number")
	errExpiry    = errors.New("exp is not a number")
)

// claims are the members of a token's payload, which encoding/json would match
// without regard to case if they were fields. They are read when they are
// needed, since the order of checks decides about the answer.
type claims struct {
	fields map[string]json.RawMessage
}

// UnmarshalJSON takes any object.
func (c *claims) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &c.fields)
}

// has says whether a claim is there and not null.
func (c *claims) has(name string) bool {
	raw, ok := c.fields[name]
	return ok && string(raw) != "null"
}

// text gives a claim that is a text which is not empty.
func (c *claims) text(name string) (string, bool) {
	var s string
	err := json.Unmarshal(c.fields[name], &s)
	return s, err == nil && s != ""
}

// time gives a claim that is a number of seconds since 1970, nil when it is
// absent. Times far beyond calendars are brought near.
func (c *claims) time(name string, wrong error) (*jwt.NumericDate, error) {
	raw, ok := c.fields[name]
	if !ok {
		return nil, nil
	}
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil {
		return nil, wrong
	}
	const most = 1e11 // in the year 5138
	at := math.Max(-most, math.Min(most, math.Trunc(*seconds)))
	return jwt.NewNumericDate(time.Unix(int64(at), 0)), nil
}

// Validate is called by the parser, beside its own checks.
func (c *claims) Validate() error {
	if _, ok := c.text("sub"); !ok || !c.has("aud") {
		return errClaims
	}
	return nil
}

// identity reads who the claims are about.
func (c *claims) identity() (Identity, error) {
	var id Identity
	id.Subject, _ = c.text("sub")
	id.Issuer, _ = c.text("iss")
	if !c.has("permissions") {
		return id, nil
	}
	err := json.Unmarshal(c.fields["permissions"], &id.Permissions)
	return id, err
}

// The methods below are the parser's view of the claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.time("exp", errExpiry) }

func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.time("nbf", errNotBefore) }

func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return c.time("iat", errIssuedAt) }

func (c *claims) GetIssuer() (string, error) {
	s, _ := c.text("iss")
	return s, nil
}

func (c *claims) GetSubject() (string, error) {
	s, _ := c.text("sub")
	return s, nil
}

func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	if one, ok := c.text("aud"); ok {
		return jwt.ClaimStrings{one}, nil
	}
	var several []string
	if c.has("aud") && json.Unmarshal(c.fields["aud"], &several) != nil {
		return nil, jwt.ErrTokenInvalidAudience
	}
	return several, nil
}
