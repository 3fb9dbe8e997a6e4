package webhook

import (
	"cmp"
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
	if err := VerifyHeaders(s, d.Header, secret); err != nil || s == GitLab {
		return err
	}
	digest, err := digestOf(s, d.Header)
	if err != nil {
		return err
	}
	signed := d.Body
	if s == Gitea {
		signed = d.payload() // not the raw body when that is a form
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(signed)
	if !hmac.Equal(digest, mac.Sum(nil)) {
		return &Refusal{"Signatures didn't match"}
	}
	return nil
}

// VerifyHeaders is as much of Verify as needs no body: that there is a
// signature, and of hosts that send the secret itself all of it.
func VerifyHeaders(s Service, h http.Header, secret string) error {
	if secret == "" {
		return &Refusal{"The course has no webhook secret; make a new one on the course page"}
	}
	if s == GitLab {
		return verifyToken(h, secret)
	}
	_, err := digestOf(s, h)
	return err
}

func verifyToken(h http.Header, secret string) error {
	token := h.Get("X-Gitlab-Token")
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

// digestOf reads the signature.
func digestOf(s Service, h http.Header) ([]byte, error) {
	const prefix = "sha256="
	var text string
	switch s {
	case Gitea:
		text = cmp.Or(h.Get("X-Forgejo-Signature"), h.Get("X-Gitea-Signature"), h.Get("X-Gogs-Signature"))
		if hub, ok := strings.CutPrefix(h.Get("X-Hub-Signature-256"), prefix); ok && text == "" {
			text = hub
		}
		if text == "" {
			return nil, &Refusal{"No X-Gitea-Signature header"}
		}
	case GitHub, Bitbucket:
		header := "X-Hub-Signature-256"
		if s == Bitbucket {
			header = "X-Hub-Signature"
		}
		value := h.Get(header)
		if value == "" {
			return nil, &Refusal{"No " + header + " header"}
		}
		if text = strings.TrimPrefix(value, prefix); text == value {
			return nil, &Refusal{"Signatures didn't match"}
		}
	default:
		return nil, &Refusal{"Unknown git service"}
	}
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) != sha256.Size {
		return nil, &Refusal{"Signatures didn't match"}
	}
	return digest, nil
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
