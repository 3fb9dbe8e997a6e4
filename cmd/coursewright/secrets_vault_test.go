package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// vault knows all secrets of a test and what was seen where.
type vault struct {
	mu      sync.Mutex
	secrets map[string]string           // name by text
	seen    map[string]*strings.Builder // text by place
	got     map[string]bool             // partners that were sent a secret
}

func newVault() *vault {
	return &vault{secrets: map[string]string{}, seen: map[string]*strings.Builder{}, got: map[string]bool{}}
}

// plant makes a secret, always the same for a name.
func (v *vault) plant(name string) string {
	text := "planted" + strings.ReplaceAll(name, " ", "") + "0123456789abcdef"
	v.know(name, text)
	return text
}

// know adds a secret that others have made.
func (v *vault) know(name, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[text] = name
}

// knowKey adds a line of a private key that holds nothing of its public half.
func (v *vault) knowKey(name, pem string, line int) {
	v.know(name, strings.Split(pem, "\n")[line])
}

// saw adds what came to light at a place.
func (v *vault) saw(place, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen[place] == nil {
		v.seen[place] = &strings.Builder{}
	}
	v.seen[place].WriteString(text)
}

// at is all that came to light at a place.
func (v *vault) at(place string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen[place] == nil {
		return ""
	}
	return v.seen[place].String()
}

// Write makes the vault the log of processes.
func (v *vault) Write(p []byte) (int, error) {
	v.saw("log", string(p))
	return len(p), nil
}

// check looks for every secret at every place, but for what allowed takes out of
// the text of a place, in all the ways in which texts are often written.
func (v *vault) check(t *testing.T, allowed func(place, text string) string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for place, seen := range v.seen {
		text := allowed(place, seen.String())
		for _, secret := range slices.Sorted(maps.Keys(v.secrets)) {
			for _, form := range formsOf(secret) {
				if i := strings.Index(text, form); i >= 0 {
					t.Errorf("%s holds the secret %q: …%q…", place, v.secrets[secret], text[max(0, i-150):min(len(text), i+len(form)+50)])
					break
				}
			}
		}
	}
}

// formsOf gives the ways in which a text is written into others: as it is, in
// addresses, in JSON, and as a part of something in base64, such as of a user name
// and password.
func formsOf(secret string) []string {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(secret, "\n", `\n`)}
	for before := range 3 {
		whole := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
		own := whole[[]int{0, 2, 3}[before] : (before+len(secret))*8/6] // what no neighbour has a part in
		forms = append(forms, own, strings.NewReplacer("+", "-", "/", "_").Replace(own))
	}
	return slices.Compact(forms)
}

func TestSecretsAreFoundInBase64(t *testing.T) {
	t.Parallel()
	for _, around := range []string{"%s", "u:%s", "ab%s:", "user:%s\n", `{"auth": "%s"}`} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(fmt.Appendf(nil, around, "opensesame-~7391?>"))
			if !slices.ContainsFunc(formsOf("opensesame-~7391?>"), func(form string) bool { return strings.Contains(text, form) }) {
				t.Errorf("the secret is not found in %q, which is %q", text, around)
			}
		}
	}
}

// logged is a test whose processes log into the vault.
type logged struct {
	testing.TB

	vault *vault
}

// Output is where processes of a test write their errors.
func (l logged) Output() io.Writer { return l.vault }

// echo asks for credentials and answers with a status and all that it was sent, as
// servers in trouble do. What it was sent as a token is secret.
func (v *vault) echo(t *testing.T, name string, status int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(v.listen(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="echo"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var sent bytes.Buffer
		_ = r.Header.Write(&sent)                            // never fails
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16)) // what there is
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s %s: refused.\n%s\n%s", r.Method, r.URL, &sent, body)
	})))
	t.Cleanup(s.Close)
	return s
}

// listen notes the tokens that a partner is sent.
func (v *vault) listen(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
			v.know("token that "+name+" got at "+r.URL.Path, token)
			v.mu.Lock()
			v.got[name] = true
			v.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}
