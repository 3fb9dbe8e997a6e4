// Package webhook tells which git host sent a delivery, checks that the
// sender knows the course's secret, and reads from the payload whether a
// branch was pushed. It does pure computation: no requests, no database, no
// log. Call Detect, VerifyHeaders, Verify, ParseEvent and Event.Decide in this
// order.
package webhook

import (
	"net/http"

	"coursewright/internal/course"
)

// Service is a family of git hosts that sign their deliveries alike.
type Service string

// The supported families.
const (
	GitLab    Service = "gitlab"
	Gitea     Service = "gitea" // Gitea, Forgejo and Gogs
	GitHub    Service = "github"
	Bitbucket Service = "bitbucket" // Cloud and Data Center
)

// Delivery is one request of a git host. The body is complete and unchanged.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Refusal is why a delivery is not believed. Its text is shown to the sender
// and holds nothing secret. It is of kind course.ErrDenied.
type Refusal struct{ Text string }

// Error gives the text.
func (r *Refusal) Error() string { return r.Text }

// Unwrap gives the kind.
func (r *Refusal) Unwrap() error { return course.ErrDenied }

// eventHeaders lists the headers that name the event, most telling first:
// Gitea and its relatives send GitHub's header as well.
func eventHeaders() []struct {
	service Service
	header  string
} {
	return []struct {
		service Service
		header  string
	}{
		{GitLab, "X-Gitlab-Event"},
		{Gitea, "X-Forgejo-Event"},
		{Gitea, "X-Gitea-Event"},
		{Gitea, "X-Gogs-Event"},
		{GitHub, "X-Github-Event"},
		{Bitbucket, "X-Event-Key"},
	}
}

// Detect tells which service sent a request with these headers; ok is false
// when no header names an event.
func Detect(h http.Header) (s Service, ok bool) {
	for _, e := range eventHeaders() {
		if h.Get(e.header) != "" {
			return e.service, true
		}
	}
	return "", false
}

// EventName gives the name of the event in the service's own words, empty when the
// headers have none.
func EventName(s Service, h http.Header) string {
	for _, e := range eventHeaders() {
		if e.service == s && h.Get(e.header) != "" {
			return h.Get(e.header)
		}
	}
	return ""
}
