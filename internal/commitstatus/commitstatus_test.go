package commitstatus_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/commitstatus"
	"coursewright/internal/course"
	"coursewright/internal/remote"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// host is a git host that refuses what the published API of its kind does not
// have.
type host struct {
	t      *testing.T
	kind   commitstatus.Kind
	path   string // that is expected, as it is sent
	status int    // to answer with, 0 for success
	said   string
	state  string
	got    map[string]string
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, why string) {
		h.t.Errorf("%s %s: %s", r.Method, r.URL, why)
		http.Error(w, why, status)
	}
	token := map[commitstatus.Kind][2]string{
		commitstatus.GitHub: {"Authorization", "Bearer t0ken"}, commitstatus.Gitea: {"Authorization", "token t0ken"}, commitstatus.GitLab: {"Private-Token", "t0ken"},
	}[h.kind]
	body, err := io.ReadAll(r.Body)
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	fields := struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
		Name        string `json:"name"`
	}{}
	states := map[commitstatus.Kind]string{
		commitstatus.GitHub: "error failure pending success", commitstatus.Gitea: "pending success error failure warning",
		commitstatus.GitLab: "pending running success failed canceled skipped",
	}[h.kind]
	switch {
	case err != nil:
		refuse(http.StatusBadRequest, err.Error())
	case r.Method != http.MethodPost || r.URL.EscapedPath() != h.path:
		refuse(http.StatusNotFound, "not "+h.path)
	case r.Header.Get(token[0]) != token[1]:
		refuse(http.StatusUnauthorized, "token")
	case r.Header.Get("Content-Type") != "application/json" || d.Decode(&fields) != nil:
		refuse(http.StatusBadRequest, "body "+string(body))
	case !strings.Contains(" "+states+" ", " "+fields.State+" "):
		refuse(http.StatusUnprocessableEntity, "state "+fields.State)
	case h.kind == commitstatus.GitHub && (r.Header.Get("Accept") != "application/vnd.github+json" || len(fields.Description) > 140 || fields.Name != ""):
		refuse(http.StatusUnprocessableEntity, "fields")
	case h.kind == commitstatus.GitLab && (fields.Context != "" || fields.Name == ""):
		refuse(http.StatusUnprocessableEntity, "fields")
	case h.status != 0:
		w.WriteHeader(h.status)
		_, _ = io.WriteString(w, h.said)
	default:
		h.state = fields.State
		h.got = map[string]string{"url": fields.TargetURL, "text": fields.Description, "context": fields.Context + fields.Name}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": 1}`)
	}
}

// start serves the host and makes a client that knows it by name.
func (h *host) start(t *testing.T, name, root string) *commitstatus.Client {
	t.Helper()
	h.t = t
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	api, err := url.Parse(server.URL + root)
	if err != nil {
		t.Fatal(err)
	}
	return &commitstatus.Client{Hosts: map[string]commitstatus.Host{name: {Kind: h.kind, API: api, Token: "t0ken"}}}
}

func status(origin string, s course.Status) commitstatus.Status {
	return commitstatus.Status{Origin: origin, Commit: commit, Context: "coursewright/c", Build: s, Text: "Build 1 runs.", URL: "https://gm/builds/1"}
}

func TestTell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind               commitstatus.Kind
		name, root, origin string
		path               string
		states             map[course.Status]string
	}{
		"GitHub": {
			kind: commitstatus.GitHub, name: "github.com", origin: "git@github.com:org/course.git", path: "/repos/org/course/statuses/" + commit,
			states: map[course.Status]string{"RUNNING": "pending", "PENDING": "pending", "SUCCESS": "success", "FAILED": "failure", "CANCELLED": "error"},
		},
		"GitHub Enterprise": {
			kind: commitstatus.GitHub, name: "git.example.org", root: "/api/v3", origin: "https://user:pass@Git.Example.org/org/course", path: "/api/v3/repos/org/course/statuses/" + commit,
			states: map[course.Status]string{"SUCCESS": "success"},
		},
		"GitLab": {
			kind: commitstatus.GitLab, name: "gitlab.com", root: "/api/v4", origin: "https://gitlab.com/group/sub/course.git", path: "/api/v4/projects/group%2Fsub%2Fcourse/statuses/" + commit,
			states: map[course.Status]string{"RUNNING": "running", "PENDING": "running", "SUCCESS": "success", "FAILED": "failed", "CANCELLED": "canceled"},
		},
		"GitLab below a path": {
			kind: commitstatus.GitLab, name: "example.org:8443", root: "/git/api/v4", origin: "https://example.org:8443/git/group/course.git", path: "/git/api/v4/projects/group%2Fcourse/statuses/" + commit,
			states: map[course.Status]string{"SUCCESS": "success"},
		},
		"Gitea": {
			kind: commitstatus.Gitea, name: "codeberg.org", root: "/api/v1", origin: "ssh://git@codeberg.org:2222/org/a course.git", path: "/api/v1/repos/org/a%20course/statuses/" + commit,
			states: map[course.Status]string{"RUNNING": "pending", "SUCCESS": "success", "FAILED": "failure", "CANCELLED": "error"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{kind: test.kind, path: test.path}
			c := h.start(t, test.name, test.root)
			if !c.Takes(test.origin) {
				t.Fatalf("%s is not known", test.origin)
			}
			for s, want := range test.states {
				if err := c.Tell(t.Context(), status(test.origin, s)); err != nil || h.state != want {
					t.Errorf("%s is told as %q, %v; want %q", s, h.state, err, want)
				}
			}
			want := map[string]string{"url": "https://gm/builds/1", "text": "Build 1 runs.", "context": "coursewright/c"}
			if d := cmp.Diff(want, h.got); d != "" {
				t.Errorf("told (-want +got):\n%s", d)
			}
		})
	}
}

func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	h := &host{kind: commitstatus.GitHub}
	c := h.start(t, "github.com", "")
	for _, origin := range []string{
		"", "/srv/course", "file:///srv/course", "../course", "https://github.com/", "https://github.com", "https://github.com.evil.org/o/r", "https://evil.org/github.com/r",
		"git@github.org:o/r", "https://github.com@evil.org/o/r", "https://github.com/../r", "https://github.com/o/..",
	} {
		if c.Takes(origin) {
			t.Errorf("%q is taken", origin)
		}
		if err := c.Tell(t.Context(), status(origin, "SUCCESS")); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("%q: %v", origin, err)
		}
	}
	var none *commitstatus.Client
	if none.Takes("https://github.com/o/r") {
		t.Error("without hosts somebody is told")
	}
	if err := c.Tell(t.Context(), status("https://github.com/alone", "SUCCESS")); !errors.Is(err, course.ErrInvalid) {
		t.Errorf("an origin without an owner: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind   commitstatus.Kind
		status int
		said   string
		want   string // in the message; empty: it counts as told
		again  bool
	}{
		"bad token":          {commitstatus.GitHub, http.StatusUnauthorized, `{"message": "Bad credentials"}`, "look at the token in COMMIT_STATUS", false},
		"not seen":           {commitstatus.GitHub, http.StatusNotFound, `{}`, "does not see the repository", false},
		"too many":           {commitstatus.GitHub, http.StatusUnprocessableEntity, `{"message": "This SHA and context has reached the maximum number of statuses."}`, "maximum number", false},
		"away":               {commitstatus.GitHub, http.StatusBadGateway, ``, "502", true},
		"a login page":       {commitstatus.GitHub, http.StatusFound, ``, "302", false},
		"already so":         {commitstatus.GitLab, http.StatusBadRequest, `{"message":"Cannot transition status via :run from :running"}`, "", false},
		"another bad one":    {commitstatus.GitLab, http.StatusBadRequest, `{"message":"no"}`, "400", false},
		"only GitLab's word": {commitstatus.GitHub, http.StatusBadRequest, `{"message":"Cannot transition status"}`, "400", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{kind: test.kind, status: test.status, said: test.said, path: "/repos/o/r/statuses/" + commit}
			if test.kind == commitstatus.GitLab {
				h.path = "/projects/o%2Fr/statuses/" + commit
			}
			c := h.start(t, "git.example.org", "")
			err := c.Tell(t.Context(), status("https://git.example.org/o/r", "SUCCESS"))
			if test.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var failure *remote.Failure
			if !errors.As(err, &failure) || !strings.Contains(failure.Message, test.want) || strings.Contains(failure.Message, "t0ken") {
				t.Fatalf("the failure is %v", err)
			}
			if _, again := failure.Next(1); again != test.again {
				t.Errorf("it is tried again: %t", again)
			}
		})
	}
}
