package webhook

import (
	"net/http"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// Bounds on what is kept of a delivery's headers.
const (
	maxHeaders     = 40
	maxHeaderValue = 200
)

// KeptHeaders are the headers of a delivery that tell its story, sorted, long
// ones cut. Whatever proves something is left out: secrets, signatures,
// credentials, cookies.
func KeptHeaders(h http.Header) []course.Header {
	var out []course.Header
	for name, values := range h {
		if !telling(name) {
			continue
		}
		value := strings.Join(values, ", ")
		if len(value) > maxHeaderValue {
			value = strings.ToValidUTF8(value[:maxHeaderValue], "") + "…"
		}
		out = append(out, course.Header{Name: name, Value: value})
	}
	slices.SortFunc(out, func(a, b course.Header) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), maxHeaders)]
}

// telling names what is kept rather than what is left out: a header that nobody
// thought of may hold a secret.
func telling(name string) bool {
	lower := strings.ToLower(name)
	for _, secret := range []string{"token", "signature", "secret", "auth", "cookie", "key-id"} {
		if strings.Contains(lower, secret) {
			return false
		}
	}
	for _, prefix := range []string{"x-github-", "x-gitlab-", "x-gitea-", "x-gogs-", "x-forgejo-"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"content-type", "content-length", "user-agent", "x-event-key", "x-hook-uuid",
		"x-request-uuid", "x-request-id", "x-attempt-number", "webhook-id", "webhook-timestamp",
	}, lower)
}
