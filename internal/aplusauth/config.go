package aplusauth

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Config are the settings of the package, named as the service's settings are.
// Keys are RSA keys as text: PEM (PKCS#1, PKCS#8, SPKI) or OpenSSH. Printing a
// Config shows no key.
type Config struct {
	// UID is the own name among A+'s services. Required.
	UID string
	// PrivateKey signs. Required unless DisableJWTSigning.
	PrivateKey string
	// PublicKey is its public half. Required unless DisableLoginChecks.
	PublicKey string

	// RemoteAuthenticatorUID, ...URL and ...Key describe A+: its name, where it
	// hands out tokens, its public key. All empty: no A+.
	RemoteAuthenticatorUID string
	RemoteAuthenticatorURL string
	RemoteAuthenticatorKey string

	// UIDToKey are the public keys of issuers by UID. The own one and that of
	// A+ are added when they are missing.
	UIDToKey map[string]string
	// TrustedUIDs are the issuers whose permissions are believed; nil: A+. The
	// own UID always is one.
	TrustedUIDs []string
	// TrustingRemotes are the services that accept self-signed tokens: from
	// address prefix, with or without scheme, to UID; nil: the host of
	// RemoteAuthenticatorURL. Scheme and host are in lower case.
	TrustingRemotes map[string]string
	// DefaultAudUID is the audience of tokens for addresses that
	// TrustingRemotes does not have; empty: A+ is asked for a token.
	DefaultAudUID string

	// DisableLoginChecks verifies no token and allows everything to everybody.
	DisableLoginChecks bool
	// DisableJWTSigning makes tokens without signature.
	DisableJWTSigning bool

	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// String names the configuration without its keys.
func (c Config) String() string { return fmt.Sprintf("aplusauth.Config{UID:%q ...}", c.UID) }

// GoString names the configuration without its keys.
func (c Config) GoString() string { return c.String() }

// LogValue names the configuration without its keys.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Service verifies and makes tokens. It is safe for concurrent use.
type Service struct {
	uid      string
	private  *rsa.PrivateKey
	keys     map[string]*rsa.PublicKey // by issuer
	trusted  map[string]bool           // issuers
	trusting map[string]string         // address prefix → UID
	audience string                    // for other addresses; empty: none

	authenticatorUID string
	authenticatorURL string

	open     bool // no checks
	unsigned bool // no signing
	parser   *jwt.Parser
}

// New checks the settings. Its error names every setting that is wrong, one
// line each, and holds nothing secret.
func New(c Config) (*Service, error) {
	s := &Service{
		uid: c.UID, audience: c.DefaultAudUID,
		authenticatorUID: c.RemoteAuthenticatorUID, authenticatorURL: c.RemoteAuthenticatorURL,
		open: c.DisableLoginChecks, unsigned: c.DisableJWTSigning,
	}
	var errs []error
	if c.UID == "" {
		errs = append(errs, errors.New("UID is missing: give the name by which A+ knows this service, usually gitmanager"))
	}
	errs = append(errs, s.readKeys(c), s.readRemotes(c))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.trusted = trustedIssuers(c)
	now := c.Now
	if now == nil {
		now = time.Now
	}
	s.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithAudience(c.UID), jwt.WithIssuedAt(), jwt.WithTimeFunc(now),
	)
	return s, nil
}

// readKeys reads all keys, and tells of all that cannot be used.
func (s *Service) readKeys(c Config) error {
	var errs []error
	fail := func(setting string, err error) {
		errs = append(errs, fmt.Errorf("%s %w", setting, err))
	}
	var err error
	switch {
	case c.PrivateKey != "":
		if s.private, err = parsePrivate(c.PrivateKey); err != nil {
			fail("PRIVATE_KEY", err)
		}
	case !c.DisableJWTSigning:
		fail("PRIVATE_KEY", errMissingKey)
	}
	s.keys = map[string]*rsa.PublicKey{}
	for _, uid := range slices.Sorted(maps.Keys(c.UIDToKey)) {
		key, err := parsePublic(c.UIDToKey[uid])
		if err != nil {
			fail(fmt.Sprintf("UID_TO_KEY, the key of %q,", uid), err)
			continue
		}
		s.keys[uid] = key
	}
	if err := s.addKey(c.UID, c.PublicKey, c.DisableLoginChecks); err != nil {
		fail("PUBLIC_KEY", err)
	}
	optional := c.DisableLoginChecks || c.RemoteAuthenticatorUID == ""
	if err := s.addKey(c.RemoteAuthenticatorUID, c.RemoteAuthenticatorKey, optional); err != nil {
		fail("REMOTE_AUTHENTICATOR_KEY", err)
	}
	if own := s.keys[c.UID]; own != nil && s.private != nil && !own.Equal(&s.private.PublicKey) {
		fail("PUBLIC_KEY", errors.New("does not belong to PRIVATE_KEY: give the public half of the same key, as A+ knows it"))
	}
	return errors.Join(errs...)
}

// addKey reads the key of a setting and adds it unless UID_TO_KEY has one for
// the same UID.
func (s *Service) addKey(uid, text string, optional bool) error {
	_, known := s.keys[uid]
	if text == "" {
		if optional || known {
			return nil
		}
		return errMissingKey
	}
	key, err := parsePublic(text)
	if err == nil && !known {
		s.keys[uid] = key
	}
	return err
}

// readRemotes reads where services are, and tells of all that cannot be used.
func (s *Service) readRemotes(c Config) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s.trusting = maps.Clone(c.TrustingRemotes)
	if c.RemoteAuthenticatorURL != "" {
		u, err := url.Parse(c.RemoteAuthenticatorURL)
		switch {
		case err != nil || u.Host == "":
			fail("REMOTE_AUTHENTICATOR_URL is %q: give an address such as https://aplus.example.org/api/v2/get-token/", c.RemoteAuthenticatorURL)
		case c.RemoteAuthenticatorUID == "":
			fail("REMOTE_AUTHENTICATOR_UID is missing beside REMOTE_AUTHENTICATOR_URL: give the name of A+, usually aplus")
		case s.trusting == nil:
			s.trusting = map[string]string{strings.ToLower(u.Host): c.RemoteAuthenticatorUID}
		}
	}
	for prefix, uid := range c.TrustingRemotes {
		if prefix == "" || uid == "" {
			fail("TRUSTING_REMOTES has the entry %q: %q: give an address, such as grader.example.org:8080, and the UID of the service there", prefix, uid)
		}
	}
	return errors.Join(errs...)
}

func trustedIssuers(c Config) map[string]bool {
	trusted := map[string]bool{c.UID: true}
	uids := c.TrustedUIDs
	if uids == nil {
		uids = []string{c.RemoteAuthenticatorUID}
	}
	for _, uid := range uids {
		if uid != "" {
			trusted[uid] = true
		}
	}
	return trusted
}
