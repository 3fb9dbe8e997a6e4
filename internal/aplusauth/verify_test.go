package aplusauth_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coursewright/internal/aplusauth"
)

const authenticator = "https://plus.example/api/v2/get-token/"

// now is the time of the tests.
var now = time.Unix(1800000000, 0)

func clockService(tb testing.TB) *aplusauth.Service {
	tb.Helper()
	c := config(authenticator)
	c.Now = func() time.Time { return now }
	c.UIDToKey = map[string]string{"friend": publicPEM(friendKey())}
	return newService(tb, c)
}

// valid are the claims of a good token, changed as told; a nil value removes a
// claim.
func valid(changes map[string]any) map[string]any {
	claims := map[string]any{"iss": "aplus", "sub": "user:jdoe", "aud": "gitmanager", "exp": now.Unix() + 1}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// null is the JSON value of that name, as a claim.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func TestVerdicts(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	tests := []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"valid", nil, ""},
		{"no exp", map[string]any{"exp": nil}, ""},
		{"expires now", map[string]any{"exp": now.Unix()}, "Expired token"},
		{"expires in a fraction of the last second", map[string]any{"exp": float64(now.Unix()) + 0.9}, "Expired token"},
		{"expires beyond all calendars", map[string]any{"exp": 1e300}, ""},
		{"expired before all calendars", map[string]any{"exp": -1e300}, "Expired token"},
		{"exp null", map[string]any{"exp": null{}}, "Invalid issuer"},
		{"exp a list", map[string]any{"exp": []int{1}}, "Invalid issuer"},
		{"nbf now", map[string]any{"nbf": now.Unix()}, ""},
		{"nbf later", map[string]any{"nbf": now.Unix() + 1}, "Invalid token"},
		{"nbf not a number", map[string]any{"nbf": "x"}, "Invalid issuer"},
		{"iat now", map[string]any{"iat": now.Unix()}, ""},
		{"iat later", map[string]any{"iat": now.Unix() + 1}, "Invalid token"},
		{"iat not a number", map[string]any{"iat": "x"}, "Invalid token"},
		{"aud empty list", map[string]any{"aud": []string{}}, "Invalid token"},
		{"aud null", map[string]any{"aud": null{}}, "Invalid token"},
		{"aud a number", map[string]any{"aud": 5}, "Invalid audience"},
		{"aud with a number", map[string]any{"aud": []any{"gitmanager", 5}}, "Invalid audience"},
		{"aud beginning with ours", map[string]any{"aud": "gitmanager2"}, "Invalid audience"},
		{"sub empty", map[string]any{"sub": ""}, "Invalid token"},
		{"permissions null", map[string]any{"permissions": null{}}, ""},
		{"permissions an object", map[string]any{"permissions": map[string]any{}}, "Invalid token"},
		{"permissions a text", map[string]any{"permissions": ""}, "Invalid token"},
		{"permission null", map[string]any{"permissions": []any{nil}}, "Invalid token"},
		{"expired, for others", map[string]any{"exp": 1, "aud": "grader"}, "Expired token"},
		{"expired, without sub", map[string]any{"exp": 1, "sub": nil}, "Invalid token"},
		{"expired, of the future", map[string]any{"exp": 1, "iat": 4102444800}, "Invalid token"},
		{"expired, nbf not a number", map[string]any{"exp": 1, "nbf": "x"}, "Invalid issuer"},
		{"for others, bad permissions", map[string]any{"aud": "grader", "permissions": []any{1}}, "Invalid audience"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.Verify(bearer(sign(t, aplusKey(), valid(tt.changes))))
			checkVerdict(t, err, tt.want, false)
		})
	}
}

// Names of claims count letter by letter.
func TestClaimsInOtherCase(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	id, err := s.Verify(bearer(sign(t, ownKey(), map[string]any{"ISS": "gitmanager", "sub": "x", "aud": "gitmanager"})))
	if err != nil || !id.Anonymous() {
		t.Errorf("ISS: %+v, %v; want an anonymous sender", id, err)
	}
	claims := valid(map[string]any{"SUB": "user:other", "Exp": 1, "Permissions": []any{1}})
	id, err = s.Verify(bearer(sign(t, aplusKey(), claims)))
	if err != nil || id.Subject != "user:jdoe" {
		t.Errorf("SUB: %+v, %v; want user:jdoe", id, err)
	}
}

func TestIssuers(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	_, err := s.Verify(bearer(sign(t, friendKey(), valid(map[string]any{"iss": "friend"}))))
	checkVerdict(t, err, "Token must be issued by remote authenticator or self", false)
	_, err = s.Verify(bearer(sign(t, friendKey(), valid(map[string]any{"iss": "stranger", "exp": 1}))))
	checkVerdict(t, err, "Unknown issuer", false)
	id, err := s.Verify(bearer(sign(t, aplusKey(), valid(map[string]any{"iss": null{}}))))
	if err != nil || !id.Anonymous() {
		t.Errorf("iss null: %+v, %v; want an anonymous sender", id, err)
	}
}

// A token of an unknown algorithm is still a token.
func TestUnknownAlgorithms(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	good := sign(t, aplusKey(), valid(nil))
	_, rest, _ := strings.Cut(good, ".")
	for _, header := range []string{`{"alg":"XX"}`, `{}`, `{"alg":5}`, `null`} {
		token := encode(header) + "." + rest
		_, err := s.Verify(bearer(token))
		checkVerdict(t, err, "Invalid token", false)
		id, err := s.Verify(bearer(token + "?"))
		if err != nil || !id.Anonymous() {
			t.Errorf("header %s, signature not decodable: %+v, %v; want an anonymous sender", header, id, err)
		}
	}
}

// Requests as servers get them from the network.
func TestSourcesOfTokens(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	good, other := sign(t, aplusKey(), valid(nil)), sign(t, aplusKey(), valid(map[string]any{"sub": "user:cookie"}))
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := s.Verify(r)
		var refused *aplusauth.TokenError
		switch {
		case errors.As(err, &refused) && refused.FromCookie:
			_, _ = w.Write([]byte("bad cookie"))
		case err != nil:
			_, _ = w.Write([]byte("bad header"))
		default:
			_, _ = w.Write([]byte(id.Subject))
		}
	}))
	t.Cleanup(answers.Close)
	tests := []struct{ name, authorization, cookie, want string }{
		{"header before cookie", "Authorization: Bearer " + good, other, "user:jdoe"},
		{"cookie alone", "", other, "user:cookie"},
		{"other scheme", "Authorization: Basic eA==", other, "user:cookie"},
		{"other case", "Authorization: bearer " + good, other, "user:cookie"},
		{"empty token", "Authorization: Bearer ", other, ""},
		{"two spaces", "Authorization: Bearer  " + good, other, ""},
		{"undecodable header", "Authorization: Bearer x", other, ""},
		{"two headers", "Authorization: Bearer " + good + "\r\nAuthorization: Bearer " + good, other, ""},
		{"bad header", "Authorization: Bearer " + good + "AAAA", other, "bad header"},
		{"bad cookie", "", good + "AAAA", "bad cookie"},
		{"undecodable cookie", "", "x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := rawRequest(t, answers.Listener.Addr().String(), tt.authorization, "Cookie: AuthToken="+tt.cookie)
			if got != tt.want {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
}

// rawRequest sends header lines as they are and gives the body of the answer.
func rawRequest(t *testing.T, address string, lines ...string) string {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, conn)
	request := "GET / HTTP/1.0\r\nHost: x\r\n"
	for _, line := range lines {
		if line != "" {
			request += line + "\r\n"
		}
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		t.Fatal(err)
	}
	return body(t, conn)
}

func TestDisabledChecks(t *testing.T) {
	t.Parallel()
	c := config(authenticator)
	c.DisableLoginChecks = true
	s := newService(t, c)
	for name, tt := range map[string]struct{ token, subject string }{
		"forged":          {sign(t, friendKey(), valid(map[string]any{"exp": 1})), "user:jdoe"},
		"no token":        {"", ""},
		"bad permissions": {sign(t, friendKey(), valid(map[string]any{"permissions": 5})), ""},
		"sub a number":    {sign(t, friendKey(), valid(map[string]any{"sub": 5})), ""},
	} {
		id, err := s.Verify(bearer(tt.token))
		if err != nil || !id.Open || id.Subject != tt.subject || !id.May(aplusauth.Write, nil, false) {
			t.Errorf("%s: %+v, %v; want everything allowed to %q", name, id, err, tt.subject)
		}
	}
}

func TestNobodyMayByDefault(t *testing.T) {
	t.Parallel()
	five := int64(5)
	var nobody aplusauth.Identity
	if nobody.May(aplusauth.Read, nil, true) || nobody.May(aplusauth.Read, &five, true) {
		t.Error("an anonymous sender may read")
	}
	zero := int64(0)
	id, err := clockService(t).Verify(bearer(sign(t, aplusKey(), valid(map[string]any{
		"permissions": []any{[]any{"instance", 1, map[string]any{"id": nil}}, []any{"course", 1, map[string]any{"id": 5}}, []any{"instance", 1, map[string]any{"id": 5.5}}},
	}))))
	if err != nil {
		t.Fatal(err)
	}
	if id.May(aplusauth.Read, &zero, true) || id.May(aplusauth.Read, &five, true) {
		t.Error("permissions without id, or of other types, open an instance")
	}
}

func TestHugeTokensAreNone(t *testing.T) {
	t.Parallel()
	s := clockService(t)
	for permissions, anonymous := range map[int]bool{1000: false, 3000: true} {
		list := make([]aplusauth.Permission, permissions)
		for i := range list {
			list[i] = aplusauth.ForInstance(aplusauth.Read, int64(1000000+i))
		}
		id, err := s.Verify(bearer(sign(t, aplusKey(), valid(map[string]any{"permissions": list}))))
		if err != nil || id.Anonymous() != anonymous {
			t.Errorf("%d permissions: anonymous %t, %v; want %t", permissions, id.Anonymous(), err, anonymous)
		}
	}
}
