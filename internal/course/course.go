package course

import (
	"strings"
	"time"
)

// Course is one university course that lives in git. Field rules follow
// gitmanager's table of courses; Validate checks them.
type Course struct {
	ID                  int64  // database id, stable when the key changes
	Key                 string // unique, at most MaxKeyLength characters of [-a-zA-Z0-9_]
	RemoteID            *int64 // id of the course instance in A+, unique; nil while A+ does not know it
	GitOrigin           string // empty: the course has no git origin
	GitBranch           string
	UpdateHook          string // stored and shown only, as in gitmanager
	EmailOnError        bool
	UpdateAutomatically bool
	SkipBuildFailsafes  bool
	ApproveRemovals     bool // a release that removes published exercises waits for somebody's approval
	PreviewBranches     bool // pushes to other branches are built as previews
	WebhookSecret       string
	OldSecret           string    // valid besides WebhookSecret until OldSecretUntil; empty: none
	OldSecretUntil      time.Time // UTC; zero without OldSecret
	CreatedAt           time.Time // UTC
	BuildHost           string    // host that has the working copy; empty while none has
	Revision            int64     // grows with each change of the fields above but BuildHost; 0: unknown
}

// New returns a course with gitmanager's defaults and the given key.
func New(key string) Course {
	return Course{Key: key, EmailOnError: true, UpdateAutomatically: true}
}

// Secrets are the webhook secrets that are valid at a time. An empty one is
// never among them.
func (c Course) Secrets(now time.Time) []string {
	var out []string
	if c.WebhookSecret != "" {
		out = append(out, c.WebhookSecret)
	}
	if c.OldSecret != "" && now.Before(c.OldSecretUntil) {
		out = append(out, c.OldSecret)
	}
	return out
}

// MaxKeepOldSecret bounds how long a secret stays valid besides its successor.
const MaxKeepOldSecret = 30 * 24 * time.Hour

// RenewSecret gives the course a new webhook secret. The present one stays
// valid for a while, which gives time to change it at the git host; one that
// was kept so far does not.
func (c *Course) RenewSecret(now time.Time, keep time.Duration) {
	c.OldSecret, c.OldSecretUntil = "", time.Time{}
	if keep > 0 && c.WebhookSecret != "" {
		c.OldSecret, c.OldSecretUntil = c.WebhookSecret, now.Add(keep)
	}
	c.WebhookSecret = NewSecret()
}

// KeepSecrets takes over the secrets of the course as it was, which whoever
// replaces its settings does not send.
func (c *Course) KeepSecrets(old Course) {
	c.WebhookSecret, c.OldSecret, c.OldSecretUntil = old.WebhookSecret, old.OldSecret, old.OldSecretUntil
}

// ShownOrigin is the origin for those who may look at the course only: without
// the user and password that an http(s) address may carry.
func (c Course) ShownOrigin() string {
	scheme, rest, ok := strings.Cut(c.GitOrigin, "://")
	if !ok || !strings.HasPrefix(strings.ToLower(scheme), "http") {
		return c.GitOrigin
	}
	authority, path, _ := strings.Cut(rest, "/")
	at := strings.LastIndex(authority, "@")
	if at < 0 {
		return c.GitOrigin
	}
	return scheme + "://…@" + authority[at+1:] + "/" + path
}

// OverSSH says whether git reaches the origin by ssh: ssh://host/path, or
// user@host:path.
func (c Course) OverSSH() bool {
	if scheme, _, ok := strings.Cut(c.GitOrigin, "://"); ok {
		return strings.Contains(strings.ToLower(scheme), "ssh")
	}
	host, _, ok := strings.Cut(c.GitOrigin, ":")
	return ok && !strings.Contains(host, "/")
}

// Owner names who shares a fair part of the build slots with the course: the
// host and the first part of the path of its git origin, such as
// git.example.org/organisation, else the course itself. It holds no
// credentials.
func (c Course) Owner() string {
	_, rest, ok := strings.Cut(c.GitOrigin, "://")
	if !ok {
		rest = strings.Replace(c.GitOrigin, ":", "/", 1) // user@host:path
		if i := strings.IndexAny(c.GitOrigin, ":/"); i < 0 || c.GitOrigin[i] == '/' {
			return c.Key // a folder, or nothing
		}
	}
	authority, path, _ := strings.Cut(rest, "/")
	authority = strings.ToLower(authority[strings.LastIndex(authority, "@")+1:])
	namespace, _, more := strings.Cut(strings.Trim(path, "/"), "/")
	if authority == "" || !more {
		return c.Key
	}
	return authority + "/" + namespace
}

// Filter chooses courses; the zero value chooses all.
type Filter struct {
	// Text is part of the key, the branch or the origin, without regard to case.
	// User and password in an origin are not looked at.
	Text   string
	Status Status // of the newest build that was not skipped; empty: any
}

// Page asks for one page of a list that is ordered newest first.
type Page struct {
	Limit  int   // at most this many items; at least 1
	Before int64 // only items with an id below this one; 0 for the first page
}
