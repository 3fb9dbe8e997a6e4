package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
	"coursewright/internal/settings"
)

// setKeys gives the service a key pair by its environment.
func setKeys(t *testing.T) settings.Auth {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	public := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)})
	t.Setenv("COURSEWRIGHT_PRIVATE_KEY", string(private))
	t.Setenv("COURSEWRIGHT_PUBLIC_KEY", string(public))
	return settings.Auth{UID: "gitmanager", PrivateKey: settings.Secret(private), PublicKey: string(public)}
}

// makeToken runs the token command.
func makeToken(t *testing.T, in string, args ...string) (token, said string, err error) {
	t.Helper()
	var out, errOut strings.Builder
	cmd := newTokenCommand()
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

func verify(t *testing.T, auth settings.Auth, token string) aplusauth.Identity {
	t.Helper()
	tokens, err := newTokens(auth)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+strings.TrimSuffix(token, "\n"))
	id, err := tokens.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMasterToken(t *testing.T) {
	auth := setKeys(t)
	token, said, err := makeToken(t, "[]\n", "admin", "1h")
	if err != nil {
		t.Fatal(err)
	}
	id := verify(t, auth, token)
	if !id.Master || id.Subject != "admin" || !strings.Contains(said, "master token") || !strings.Contains(said, "It expires at") {
		t.Errorf("identity %+v, told %q; want a master token of admin", id, said)
	}
}

func TestTokenWithPermissions(t *testing.T) {
	auth := setKeys(t)
	file := filepath.Join(t.TempDir(), "permissions.json")
	if err := os.WriteFile(file, []byte(`[["instance", 1, {"id": 5}]]`), 0o600); err != nil {
		t.Fatal(err)
	}
	token, said, err := makeToken(t, "", "script", "false", "--permissions", file)
	if err != nil {
		t.Fatal(err)
	}
	five, six := int64(5), int64(6)
	id := verify(t, auth, token)
	if id.Master || !id.May(aplusauth.Read, &five, false) || id.May(aplusauth.Read, &six, false) || id.May(aplusauth.Write, &five, false) {
		t.Errorf("identity %+v, want read access to 5", id)
	}
	if !strings.Contains(said, "never expires") || strings.Contains(said, "master") {
		t.Errorf("told %q", said)
	}
}

func TestTokenForAnotherService(t *testing.T) {
	auth := setKeys(t)
	token, said, err := makeToken(t, "[]", "admin", "2d", "grader")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said, "master") {
		t.Errorf("told %q of a token that opens nothing here", said)
	}
	auth.UID = "grader"
	auth.UIDToKey = map[string]string{"gitmanager": auth.PublicKey}
	auth.TrustedUIDs = []string{"gitmanager"}
	if id := verify(t, auth, token); id.Issuer != "gitmanager" || id.Master {
		t.Errorf("the grader sees %+v", id)
	}
}

func TestTokensThatAreNotMade(t *testing.T) {
	setKeys(t)
	tests := []struct {
		name, in string
		args     []string
		want     string
	}{
		{"no permissions", "", []string{"a", "1h"}, "permissions from standard input"},
		{"null", "null", []string{"a", "1h"}, "null is no list"},
		{"unknown type", `[["galaxy", 1, {}]]`, []string{"a", "1h"}, `not "galaxy"`},
		{"no file", "", []string{"a", "1h", "-p", "/nowhere/x"}, "permissions: open /nowhere/x"},
		{"no subject", "[]", []string{"", "1h"}, "SUB is empty"},
		{"no audience", "[]", []string{"a", "1h", ""}, "AUD is empty"},
		{"no time", "[]", []string{"a", "soon"}, `EXP "soon" is not a time`},
		{"one argument", "[]", []string{"a"}, "accepts between 2 and 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, _, err := makeToken(t, tt.in, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(token, "eyJ") {
				t.Errorf("a token was made: %q", token)
			}
		})
	}
}

func TestNoUnsignedTokens(t *testing.T) {
	setKeys(t)
	t.Setenv("COURSEWRIGHT_DISABLE_JWT_SIGNING", "true")
	if _, _, err := makeToken(t, "[]", "a", "1h"); err == nil || !strings.Contains(err.Error(), "DISABLE_JWT_SIGNING") {
		t.Errorf("error %v, want one that names DISABLE_JWT_SIGNING", err)
	}
}

func TestTokenCommandIsThere(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if status := execute(t.Context(), []string{"token", "--help"}, &out, io.Discard); status != 0 || !strings.Contains(out.String(), "master token") {
		t.Errorf("status %d, help %q", status, out.String())
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"false":                     "never",
		"1d2h3m4s":                  "2026-11-24T14:03:04Z",
		"90m":                       "2026-11-23T13:30:00Z",
		"1s":                        "2026-11-23T12:00:01Z",
		"2027-01-31":                "2027-01-30T22:00:00Z",
		"2027-01-31T12:00":          "2027-01-31T10:00:00Z",
		"2027-01-31T12:00:30":       "2027-01-31T10:00:30Z",
		"2027-01-31 12:00:30":       "2027-01-31T10:00:30Z",
		"2027-01-31T12:00:00Z":      "2027-01-31T12:00:00Z",
		"2027-01-31T12:00:00+05:00": "2027-01-31T07:00:00Z",
		"2027-01-31T12:00Z":         "2027-01-31T12:00:00Z",
		"2026-11-23":                "not in the future",
		"0s":                        "not in the future",
		"99999999d":                 "more than 100 years",
		"":                          "is not a time",
		"1h1d":                      "is not a time",
		"-1d":                       "is not a time",
		"1.5h":                      "is not a time",
		"False":                     "is not a time",
		"2027-02-30":                "is not a time",
	} {
		end, err := expiry(text, now, zone)
		got := end.UTC().Format(time.RFC3339)
		switch {
		case err != nil:
			got = err.Error()
		case end.IsZero():
			got = "never"
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("EXP %q: %s, want %s", text, got, want)
		}
	}
}

// A token of the command opens the whole system, by header and by the cookie
// of the login; without one it is closed.
func TestTokensOpenTheSystem(t *testing.T) {
	auth := setKeys(t)
	h := newHarness(t, harnessOptions{environ: []string{
		"COURSEWRIGHT_DISABLE_LOGIN_CHECKS=false",
		"COURSEWRIGHT_PRIVATE_KEY=" + auth.PrivateKey.Reveal(), "COURSEWRIGHT_PUBLIC_KEY=" + auth.PublicKey,
	}})
	c := course.New("course")
	c.GitBranch = "main"
	if _, err := h.system.store.CreateCourse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	token, _, err := makeToken(t, "[]", "admin", "1h")
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + strings.TrimSpace(token)
	status, cookies := h.askAs("Authorization", bearer, http.MethodPost, "/login")
	if status != http.StatusOK || len(cookies) != 1 {
		t.Fatalf("login: status %d, %d cookies", status, len(cookies))
	}
	for path, closed := range map[string]int{
		"/gitmanager/course/updates": http.StatusFound, "/gitmanager/course/": http.StatusFound, "/api/v1/courses/course": http.StatusUnauthorized,
	} {
		for _, caller := range []struct {
			header, value string
			want          int
		}{
			{"X-Nothing", "", closed},
			{"Authorization", bearer, http.StatusOK},
			{"Cookie", cookies[0].Name + "=" + cookies[0].Value, http.StatusOK},
		} {
			if status, _ := h.askAs(caller.header, caller.value, http.MethodGet, path); status != caller.want {
				t.Errorf("%s by %s: status %d, want %d", path, caller.header, status, caller.want)
			}
		}
	}
}

// askAs makes a request with one header.
func (h *harness) askAs(header, value, method, path string) (status int, cookies []*http.Cookie) {
	h.tb.Helper()
	r, err := http.NewRequestWithContext(h.tb.Context(), method, h.base+path, http.NoBody)
	if err != nil {
		h.tb.Fatal(err)
	}
	r.Header.Set(header, value)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.tb.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		h.tb.Fatal(err)
	}
	return resp.StatusCode, resp.Cookies()
}
