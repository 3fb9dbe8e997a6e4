// Package commitstatus tells git hosts how the build of a commit goes, so that it
// is shown beside the commit and in merge requests: GitHub, GitLab, and Gitea or
// Forgejo. It neither decides when nor tries again (an error that is a
// *remote.Failure knows when to). Start at Client.
package commitstatus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/remote"
)

// Kind is a kind of git host, by the API that it has.
type Kind string

// The kinds of git hosts. Forgejo has Gitea's API.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// callLimit bounds one call.
const callLimit = 30 * time.Second

// Host is a git host that takes statuses.
type Host struct {
	Kind  Kind
	API   *url.URL // such as https://api.github.com, without a slash at the end
	Token string
}

// Client tells git hosts. It is safe for concurrent use.
type Client struct {
	// HTTP makes the requests, without tokens of other services. Nil: a client of
	// its own.
	HTTP *http.Client
	// Hosts are the git hosts by name, as it stands in the origins of courses, with
	// a port where it has one.
	Hosts map[string]Host
}

// Status is what is told of a commit.
type Status struct {
	Origin  string // of the course
	Commit  string // 40 hexadecimal digits
	Context string // tells the statuses of one commit apart
	Build   course.Status
	Text    string // one line
	URL     string // of the build's page; empty: unknown
}

// Takes says whether the git host of an origin can be told.
func (c *Client) Takes(origin string) bool {
	_, _, ok := c.find(origin)
	return ok
}

func (c *Client) find(origin string) (Host, string, bool) {
	if c == nil {
		return Host{}, "", false
	}
	names, path := split(origin)
	for _, name := range names {
		if h, ok := c.Hosts[name]; ok && path != "" {
			return h, path, true
		}
	}
	return Host{}, "", false
}

// split takes an origin apart: the names under which its host may be known, and
// the path of the repository without .git.
func split(origin string) (names []string, path string) {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok {
		at, after, found := strings.Cut(origin, ":") // user@host:path
		if !found || strings.Contains(at, "/") {
			return nil, "" // a folder
		}
		scheme, rest = "ssh", at+"/"+after
	}
	authority, path, _ := strings.Cut(rest, "/")
	authority = strings.ToLower(authority[strings.LastIndex(authority, "@")+1:])
	switch strings.ToLower(scheme) {
	case "http", "https":
		names = append(names, authority)
	case "ssh", "git":
	default:
		return nil, ""
	}
	host := (&url.URL{Host: authority}).Hostname()
	if host != authority {
		names = append(names, host)
	} else if len(names) == 0 {
		names = append(names, authority)
	}
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." || s == ".." }) {
		return nil, ""
	}
	return names, path
}

// Tell tells the git host of the origin. Errors are a *remote.Failure when it did
// not take the status, or an error of the context. Telling twice is the same as
// once.
func (c *Client) Tell(ctx context.Context, s Status) error {
	h, path, ok := c.find(s.Origin)
	if !ok {
		return fmt.Errorf("no token is known for the git host of the course: %w", course.ErrNotFound)
	}
	in, err := h.request(path, s)
	if err != nil {
		return err
	}
	to := remote.Target{Name: "the git host at", URL: in.url}
	timed, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(timed, http.MethodPost, in.url.String(), bytes.NewReader(in.body))
	if err != nil {
		return fmt.Errorf("make a request to %s: %w", to, err)
	}
	r.Header = in.header
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "coursewright")
	answer, err := remote.Direct(c.HTTP).Do(r)
	if err != nil {
		return to.Broken(ctx, err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	said := remote.ReadSome(answer)
	switch {
	case answer.StatusCode == http.StatusCreated, answer.StatusCode == http.StatusOK:
		return nil
	case h.Kind == GitLab && answer.StatusCode == http.StatusBadRequest && bytes.Contains(said, []byte("Cannot transition status")):
		return nil // it has this status already
	}
	return to.Refused(answer, said, hint(answer.StatusCode))
}

func hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "look at the token in COMMIT_STATUS: it must be allowed to write commit statuses of the repository"
	case http.StatusNotFound:
		return "the token in COMMIT_STATUS does not see the repository, or the kind or api of the host is wrong"
	}
	return ""
}

// request is a call before it is made.
type request struct {
	url    *url.URL
	header http.Header
	body   []byte
}

// request follows the published API of the host's kind.
func (h Host) request(path string, s Status) (request, error) {
	parts := strings.Split(path, "/")
	out := request{header: http.Header{}}
	var at string
	var body any
	switch h.Kind {
	case GitHub, Gitea:
		if len(parts) < 2 {
			return out, fmt.Errorf("the origin of the course names no owner and repository: %w", course.ErrInvalid)
		}
		owner, name := parts[len(parts)-2], parts[len(parts)-1]
		at = "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/statuses/" + s.Commit
		body = statusBody{State: h.state(s.Build), TargetURL: s.URL, Description: s.Text, Context: s.Context}
		out.header.Set("Authorization", "token "+h.Token)
		if h.Kind == GitHub {
			out.header.Set("Authorization", "Bearer "+h.Token)
			out.header.Set("Accept", "application/vnd.github+json")
			out.header.Set("X-Github-Api-Version", "2022-11-28")
		}
	case GitLab:
		root := strings.Trim(strings.TrimSuffix(h.API.Path, "/api/v4"), "/")
		if root != "" {
			path = strings.TrimPrefix(path, root+"/")
		}
		at = "/projects/" + url.PathEscape(path) + "/statuses/" + s.Commit
		body = gitlabBody{State: h.state(s.Build), TargetURL: s.URL, Description: s.Text, Name: s.Context}
		out.header.Set("Private-Token", h.Token)
	default:
		return out, fmt.Errorf("%q is no kind of git host: %w", h.Kind, course.ErrInvalid)
	}
	var err error
	if out.url, err = url.Parse(strings.TrimSuffix(h.API.String(), "/") + at); err != nil {
		return out, fmt.Errorf("address of the commit: %w", errors.Join(err, course.ErrInvalid))
	}
	out.body, err = json.Marshal(body)
	return out, err
}

// statusBody is the body of GitHub and Gitea.
type statusBody struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description"`
	Context     string `json:"context"`
}

type gitlabBody struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description"`
	Name        string `json:"name"`
}

// state words a build's status as the host does.
func (h Host) state(s course.Status) string {
	gitlab := h.Kind == GitLab
	switch {
	case s == course.StatusSuccess:
		return "success"
	case s == course.StatusFailed && gitlab:
		return "failed"
	case s == course.StatusFailed:
		return "failure"
	case !s.Final() && gitlab:
		return "running"
	case !s.Final():
		return "pending"
	case gitlab:
		return "canceled"
	}
	return "error"
}
