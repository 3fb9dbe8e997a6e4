package coursetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
	"coursewright/internal/coursetest"
	"coursewright/internal/grader"
	"coursewright/internal/lms"
	"coursewright/internal/remote"
)

// service is a course service made of the real clients: what Coursewright is
// when everything around the calls is left out.
type service struct {
	*coursetest.World
	auth *aplusauth.Service
	http *http.Client
	url  string

	mu        sync.Mutex
	documents map[string]string // by path; answers with JSON
	publish   func(context.Context) string
}

// party makes a key once for all tests: that takes long.
func party(uid string) func() (coursetest.Party, error) {
	return sync.OnceValues(func() (coursetest.Party, error) { return coursetest.NewParty(uid) })
}

var (
	aplusParty   = party("aplus")
	serviceParty = party("gitmanager")
)

func start(t *testing.T) *service {
	t.Helper()
	self, err := serviceParty()
	if err != nil {
		t.Fatal(err)
	}
	other, err := aplusParty()
	if err != nil {
		t.Fatal(err)
	}
	w, err := coursetest.Start(t.Context(), coursetest.Options{Self: other})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	private, err := self.PrivatePEM()
	if err != nil {
		t.Fatal(err)
	}
	public, err := self.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	aplus, err := w.APlus.Self.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	auth, err := aplusauth.New(aplusauth.Config{
		UID: self.UID, PrivateKey: private, PublicKey: public,
		RemoteAuthenticatorUID: "aplus", RemoteAuthenticatorURL: w.TokenURL(), RemoteAuthenticatorKey: aplus,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{World: w, auth: auth, documents: map[string]string{}}
	transport := remote.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Transport: auth.Transport(transport)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	w.APlus.AddService(self.UID, &self.Key.PublicKey, server.URL)
	w.APlus.SetInstance(coursetest.Instance{ID: 5, ConfigureURL: server.URL + "/c/aplus-json", Recipients: []string{"t@example.org"}})
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, err := s.auth.Verify(r)
	id := int64(5)
	if err != nil || !who.May(aplusauth.Read, &id, false) {
		http.Error(w, fmt.Sprint("refused: ", err), http.StatusForbidden)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/c/publish/") && s.publish != nil {
		_, _ = io.WriteString(w, s.publish(r.Context()))
		return
	}
	s.mu.Lock()
	text, ok := s.documents[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, text)
}

func (s *service) serve(path, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[path] = text
}

// may is a context whose calls ask for write permission.
func may(t *testing.T, id int64) context.Context {
	t.Helper()
	return aplusauth.WithPermissions(t.Context(), aplusauth.ForInstance(aplusauth.Write, id))
}

func (s *service) lms(t *testing.T) *lms.Client {
	t.Helper()
	u, err := url.Parse(s.APlusURL)
	if err != nil {
		t.Fatal(err)
	}
	return &lms.Client{HTTP: s.http, FrontendURL: u}
}

func (s *service) configuration(t *testing.T, version string) grader.Configuration {
	t.Helper()
	id := int64(5)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return grader.Configuration{
		Course: grader.Course{Key: "c", RemoteID: &id, Version: version}, URL: s.GraderURL, Dir: dir,
		Spec: json.RawMessage(`{"name": "Cöurse", "lang": "en"}`),
		Exercises: []grader.Exercise{{
			Key: "e1", Spec: json.RawMessage(`{"key": "e1", "category": "ex"}`), Files: []string{"run.sh"},
			Config: json.RawMessage(`{"en": {"title": "E", "view_type": "v"}}`),
		}},
		Files: []grader.File{{Name: "run.sh", Path: "run.sh"}},
	}
}

// TestCourseReachesStudents goes the whole way with the real clients: the grader
// is told, A+ is notified, imports and publishes, and the grader is told again.
func TestCourseReachesStudents(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := grader.Client{HTTP: s.http}
	version := course.NewVersion()
	in := s.configuration(t, version)
	defaults, err := client.Configure(may(t, 5), in)
	if err != nil {
		t.Fatal(err)
	}
	var exercise struct{ URL string }
	if err := json.Unmarshal(defaults["e1"], &exercise); err != nil || !strings.HasSuffix(exercise.URL, "/5/e1") {
		t.Fatalf("defaults %s, %v", defaults, err)
	}
	s.publish = func(ctx context.Context) string {
		ctx = aplusauth.WithPermissions(ctx, aplusauth.ForInstance(aplusauth.Write, 5))
		_, err := client.Publish(ctx, grader.Publication{Course: in.Course, URL: in.URL})
		answer, _ := json.Marshal(map[string]any{"success": err == nil, "errors": []string{}})
		return string(answer)
	}
	s.serve("/c/build_log-json", `{"build_log": "ok", "request_time": "2026-11-23T07:07:56.911Z", "updated": true, "updated_time": "2026-11-23T07:08:00.000Z"}`)
	s.serve("/c/aplus-json", fmt.Sprintf(`{
		"name": "C", "lang": "en", "start": "2026-01-01", "categories": {"ex": {"name": "Exercises"}},
		"modules": [{"key": "m1", "name": "M", "children": [
			{"key": "ch", "category": "ex", "url": "%[1]s/static/c/ch.html", "children": [{"key": "e1", "category": "ex", "max_submissions": 0, "url": %[2]q}]}]}],
		"errors": [], "build_log_url": "%[1]s/c/build_log-json", "publish_url": "%[1]s/c/publish/STORE/%[3]s"}`, s.url, exercise.URL, version))
	outcome, err := s.lms(t).Notify(may(t, 5), 5, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lms.Outcome{Imported: true}, outcome); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	known, _ := s.Grader.Course(5)
	if known.Live == nil || known.Live.Version != version || known.Stored != nil {
		t.Errorf("the grader has %+v", known)
	}
	imports := s.APlus.Imports()
	if len(imports) != 1 {
		t.Fatalf("%d imports", len(imports))
	}
	want := []coursetest.Object{
		{Key: "ch", Category: "ex", Class: "chapter", URL: s.url + "/static/c/ch.html", Parent: "m1"},
		{Key: "e1", Category: "ex", Class: "exercise", URL: exercise.URL, Parent: "ch"},
	}
	if diff := cmp.Diff(want, imports[0].Objects); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	log, err := s.APlus.BuildLog(t.Context(), 5)
	if err != nil || log.Text != "ok" || !log.Updated {
		t.Errorf("build log %+v, %v", log, err)
	}
	if problems := append(s.APlus.Problems(), s.Grader.Problems()...); len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
}

func TestMailIsSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	if err := s.lms(t).Mail(may(t, 5), 5, "subject", "text"); err != nil {
		t.Fatal(err)
	}
	want := []coursetest.Mail{{Instance: 5, Recipients: []string{"t@example.org"}, Subject: "subject", Message: "text"}}
	if diff := cmp.Diff(want, s.APlus.Mails()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.APlus.SetInstance(coursetest.Instance{ID: 5, ConfigureURL: s.url})
	if err := s.lms(t).Mail(may(t, 5), 5, "s", "m"); err == nil || !strings.Contains(err.Error(), "No recipients") {
		t.Errorf("got %v", err)
	}
}

func TestAPlusRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.APlus.SetInstance(coursetest.Instance{ID: 6, ConfigureURL: "http://elsewhere.example/aplus-json"})
	tests := map[string]struct {
		instance, permission int64
		want                 string
	}{
		"another's instance":  {6, 6, "403 Forbidden"},
		"no permission":       {5, 7, "403 Forbidden"},
		"an unknown instance": {7, 7, "404 Not Found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.lms(t).Notify(may(t, test.permission), test.instance, true)
			if !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no token", func(t *testing.T) {
		t.Parallel()
		c := s.lms(t)
		c.HTTP = nil
		if _, err := c.Notify(t.Context(), 5, true); !strings.Contains(fmt.Sprint(err), "401 Unauthorized") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a grader that A+ does not know", func(t *testing.T) {
		t.Parallel()
		in := s.configuration(t, course.NewVersion())
		in.URL = "http://unknown.example/configure"
		_, err := (&grader.Client{HTTP: s.http}).Configure(may(t, 5), in)
		if !strings.Contains(fmt.Sprint(err), "there is no permission") {
			t.Errorf("got %v", err)
		}
	})
	for id, want := range map[int64]string{6: "A+ gave no token", 7: "403 Forbidden"} {
		t.Run(fmt.Sprint("a token for instance ", id), func(t *testing.T) {
			t.Parallel()
			in := s.configuration(t, course.NewVersion())
			_, err := (&grader.Client{HTTP: s.http}).Configure(may(t, id), in)
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTeachersGetTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	token, err := s.APlus.UserToken("jdoe", "gitmanager", 5)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	who, err := s.auth.Verify(r)
	own, other := int64(5), int64(6)
	if err != nil || who.Subject != "user:jdoe" || !who.May(aplusauth.Write, &own, false) || who.May(aplusauth.Read, &other, false) {
		t.Errorf("got %+v, %v", who, err)
	}
}

func TestAnswerOfNotifyTellsOfTheMail(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.serve("/c/aplus-json", `{"success": false, "errors": ["broken"]}`)
	outcome, err := s.lms(t).Notify(may(t, 5), 5, false)
	if err != nil {
		t.Fatal(err)
	}
	if !outcome.Imported || len(outcome.Errors) != 2 || len(s.APlus.Mails()) != 1 || s.APlus.Imports()[0].Success {
		t.Errorf("outcome %+v, mails %v, imports %+v", outcome, s.APlus.Mails(), s.APlus.Imports())
	}
}

// A+ does not notice that the caller of notify_update has gone.
func TestImportGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.serve("/c/aplus-json", `{"categories": {}, "modules": []}`)
	token, err := s.auth.Sign(aplusauth.Claims{Audience: "aplus", Permissions: []aplusauth.Permission{aplusauth.ForInstance(aplusauth.Write, 5)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v2/courses/5/notify_update/", strings.NewReader("email_on_error=True"))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.APlus.ServeHTTP(httptest.NewRecorder(), r)
	if imports := s.APlus.Imports(); len(imports) != 1 || !imports[0].Success {
		t.Errorf("imports are %+v, problems %v", imports, s.APlus.Problems())
	}
}
