package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// statuses is a Gitea that keeps what it is told of commits.
type statuses struct {
	mu   sync.Mutex
	told []string
	fail int // so many first calls are answered 503; -1: all are refused
}

func (s *statuses) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct{ State, Context, Description, TargetURL string }
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fail < 0:
		w.WriteHeader(http.StatusForbidden)
		return
	case s.fail > 0:
		s.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.Header.Get("Authorization") != "token t0ken-of-git" || json.NewDecoder(r.Body).Decode(&body) != nil:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	line := strings.TrimPrefix(r.URL.Path, "/api/v1/repos/") + " " + body.Context + " " + body.State
	if !slices.Contains(s.told, line) { // twice is the same as once
		s.told = append(s.told, line)
	}
	w.WriteHeader(http.StatusCreated)
}

// until waits until the git host has been told a line.
func (s *statuses) until(t *testing.T, line string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		s.mu.Lock()
		told := slices.Clone(s.told)
		s.mu.Unlock()
		if slices.Contains(told, line) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("told %q, not %q", told, line)
		}
		if err := waitShortly(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// newTelling is a course at a git host that is told how builds go.
func newTelling(t *testing.T, git *statuses) *story {
	t.Helper()
	api := httptest.NewServer(git)
	t.Cleanup(api.Close)
	repo := gitrepotest.New(t)
	server := httptest.NewServer(http.StripPrefix("/org", gitrepotest.Handler(t, repo)))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://") // the git host's name has a port
	h := newHarness(t, harnessOptions{environ: []string{
		"COURSEWRIGHT_COMMIT_STATUS=" + `{"` + host + `": {"kind": "gitea", "token": "t0ken-of-git", "api": "` + api.URL + `/api/v1"}}`,
	}})
	s := &story{harness: h, repo: repo}
	s.addCourse("course", server.URL+"/org/0.git", nil)
	return s
}

func TestTheGitHostIsToldHowBuildsGo(t *testing.T) {
	t.Parallel()
	git := &statuses{fail: 2}
	s := newTelling(t, git)
	good := s.succeed(s.commit(tiny("One")))
	git.until(t, "org/0/statuses/"+good.Commit+" coursewright/course success")
	files := tiny("Two")
	files["build.sh"] = "exit 3\n"
	bad := s.await(s.commit(files))
	git.until(t, "org/0/statuses/"+bad.Commit+" coursewright/course failure")
	want := []string{
		"org/0/statuses/" + good.Commit + " coursewright/course success",
		"org/0/statuses/" + bad.Commit + " coursewright/course pending",
		"org/0/statuses/" + bad.Commit + " coursewright/course failure",
	}
	// What is told late is the truth of then, so that a pending may be missing.
	git.mu.Lock()
	told := slices.DeleteFunc(git.told, func(l string) bool { return strings.HasSuffix(l, " pending") && !slices.Contains(want, l) })
	git.mu.Unlock()
	want = slices.DeleteFunc(want, func(l string) bool { return strings.HasSuffix(l, " pending") && !slices.Contains(told, l) })
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	s.noSecret(t, "t0ken-of-git", good.ID)
}

// A git host that refuses fails nothing; the build's log says what to do.
func TestAGitHostThatRefusesFailsNoBuild(t *testing.T) {
	t.Parallel()
	s := newTelling(t, &statuses{fail: -1})
	b := s.succeed(s.commit(tiny("One")))
	s.published("course", b.Version)
	for end := time.Now().Add(time.Minute); !strings.Contains(s.log("course", b.ID), "look at the token in COMMIT_STATUS"); {
		if time.Now().After(end) {
			t.Fatalf("the log is\n%s", s.log("course", b.ID))
		}
		if err := waitShortly(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if next := s.succeed(s.commit(tiny("Two"))); next.Status != course.StatusSuccess {
		t.Errorf("the next build ended %s", next.Status)
	}
}

// noSecret looks for a secret in what Temporal keeps of a build and in its log.
func (s *story) noSecret(t *testing.T, secret string, build int64) {
	t.Helper()
	if strings.Contains(s.log("course", build), secret) {
		t.Error("the log has the token")
	}
	for _, id := range []string{"build/course", "commit/course/1"} {
		events := s.system.temporal.GetWorkflowHistory(t.Context(), id, "", false, 0)
		for events.HasNext() {
			e, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(e.String(), secret) {
				t.Errorf("the history of %s has the token", id)
			}
		}
	}
}
