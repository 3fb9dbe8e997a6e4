package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Verify checks that the sender knows the secret, in constant time. It
// returns a *Refusal otherwise, also for an empty secret: nobody can prove to
// know that one.
func Verify(s Service, d Delivery, secret string) error {
	if secret == "" {
		return &Refusal{"The course has no webhook secret; make a new one on the course page"}
	}
	switch s {
	case GitLab:
		return verifyToken(d, secret)
	case Gitea:
		return verifyGitea(d, secret)
	case GitHub:
		return verifyPrefixed(d, "X-Hub-Signature-256", secret)
	case Bitbucket:
		return verifyPrefixed(d, "X-Hub-Signature", secret)
	}
	return &Refusal{"Unknown git service"}
}

func verifyToken(d Delivery, secret string) error {
	token := d.Header.Get("X-Gitlab-Token")
	if token == "" {
		return &Refusal{"No X-Gitlab-Token header"}
	}
	// Digests of equal length, so that the length of the secret does not show.
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return &Refusal{"Secrets didn't match"}
	}
	return nil
}

// verifyGitea checks a digest of the JSON text, which is not the raw body when
// the body is a form.
func verifyGitea(d Delivery, secret string) error {
	signed := d.payload()
	for _, name := range []string{"X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"} {
		if digest := d.Header.Get(name); digest != "" {
			return compare(digest, signed, secret)
		}
	}
	if digest, ok := strings.CutPrefix(d.Header.Get("X-Hub-Signature-256"), "sha256="); ok {
		return compare(digest, signed, secret)
	}
	return &Refusal{"No X-Gitea-Signature header"}
}

func verifyPrefixed(d Delivery, header, secret string) error {
	value := d.Header.Get(header)
	if value == "" {
		return &Refusal{"No " + header + " header"}
	}
	digest, ok := strings.CutPrefix(value, "sha256=")
	if !ok {
		return &Refusal{"Signatures didn't match"}
	}
	return compare(digest, d.Body, secret)
}

func compare(digest string, signed []byte, secret string) error {
	got, err := hex.DecodeString(digest)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(signed)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return &Refusal{"Signatures didn't match"}
	}
	return nil
}

// payload is the JSON text: the body, or the field payload of a form.
func (d Delivery) payload() []byte {
	if !isForm(d.Header) {
		return d.Body
	}
	form, err := url.ParseQuery(string(d.Body))
	if err != nil {
		return nil
	}
	return []byte(form.Get("payload"))
}

func isForm(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}
