package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

// TestWhoMayLookAtOrigins: the service calls a git host only for those who may
// save the form that names it.
func TestWhoMayLookAtOrigins(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *web.Config) {
		c.Origins = fakeOrigins{}
		c.May = func(_ *http.Request, write bool, of course.Course) bool {
			return write && of.RemoteID != nil && *of.RemoteID == 5
		}
	})
	mine := course.New("mine")
	mine.GitBranch, mine.RemoteID = "main", new(int64(5))
	_, err := s.store.CreateCourse(t.Context(), mine)
	must(t, err)
	s.addCourse(t, "other")
	for form, want := range map[string]int{
		"":                              http.StatusForbidden,
		"remote_id=5":                   http.StatusOK, // a new course of an instance that the caller may change
		"remote_id=6":                   http.StatusForbidden,
		"remote_id=5x":                  http.StatusForbidden,
		"key=mine":                      http.StatusOK,
		"key=other&remote_id=5":         http.StatusForbidden, // the course that is there counts
		"key=nosuch&remote_id=5":        http.StatusOK,
		"key=..%2Fother&remote_id=%206": http.StatusForbidden,
	} {
		values, err := url.ParseQuery(form)
		must(t, err)
		values.Set("git_origin", "https://git.example.org/course.git")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, formRequest(t, "/gitmanager/new/origin", values))
		if w.Code != want {
			t.Errorf("%q: status %d, want %d: %s", form, w.Code, want, w.Body)
		}
	}
}
