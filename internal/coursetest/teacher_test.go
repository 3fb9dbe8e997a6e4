package coursetest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/aplusauth"
	"coursewright/internal/coursetest"
)

// manager answers the calls of A+'s forms and writes them down.
type manager struct {
	*service
	mu      sync.Mutex
	calls   []string
	answers map[string]int // by method and path; 200 otherwise
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, err := m.auth.Verify(r)
	id := int64(9)
	if err != nil || !who.May(aplusauth.Write, &id, false) {
		http.Error(w, fmt.Sprint("refused: ", err), http.StatusForbidden)
		return
	}
	data, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(data))
	line := r.Method + " " + r.URL.Path
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, line+" "+form.Encode())
	if status := m.answers[line]; status != 0 {
		http.Error(w, "no", status)
	}
}

func TestCoursesAreSaved(t *testing.T) {
	t.Parallel()
	settings := coursetest.CourseSettings{Key: "c-1", GitOrigin: "git@host:c", GitBranch: "main", EmailOnError: true}
	const common = "email_on_error=True&git_branch=main&git_origin=git%40host%3Ac&key=c-1&remote_id=9&update_automatically=False"
	const put, post = "PUT /api/gitmanager/id/9", "POST /api/gitmanager/id/9"
	const hook = "POST /gitmanager/c-1/hook"
	tests := map[string]struct {
		clone   bool
		answers map[string]int
		calls   []string
		want    string // part of the error
	}{
		"changed":      {false, nil, []string{put + " " + common + "&update_hook=&webhook_secret=", hook + " key=c-1"}, ""},
		"added":        {false, map[string]int{put: 404}, []string{put + " " + common + "&update_hook=&webhook_secret=", post + " " + common + "&update_hook=", hook + " key=c-1"}, ""},
		"refused":      {false, map[string]int{put: 403}, []string{put + " " + common + "&update_hook=&webhook_secret="}, "status 403: no"},
		"cloned":       {true, nil, []string{"POST /api/gitmanager/c-1/ " + common, hook + " key=c-1"}, ""},
		"no build":     {true, map[string]int{hook: 404}, []string{"POST /api/gitmanager/c-1/ " + common, hook + " key=c-1"}, "ask for a build: status 404"},
		"a redirect":   {true, map[string]int{hook: 302}, []string{"POST /api/gitmanager/c-1/ " + common, hook + " key=c-1"}, "ask for a build: status 302"},
		"not accepted": {true, map[string]int{"POST /api/gitmanager/c-1/": 400}, []string{"POST /api/gitmanager/c-1/ " + common}, "save the course: status 400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			m := &manager{service: s, answers: test.answers}
			server := httptest.NewServer(m)
			t.Cleanup(server.Close)
			s.APlus.AddService("gitmanager", nil, server.URL)
			save := s.APlus.SaveCourse
			if test.clone {
				save = s.APlus.CloneCourse
			}
			err := save(t.Context(), 9, server.URL, settings)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(test.calls, m.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPageShowsWhatHappened(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.serve("/c/aplus-json", document(``, ``, `, "max_submissions": 0, "url": "javascript:alert(1)"`))
	answer, err := http.Post(s.APlusURL+"/instances/5/import", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Course instance 5", "Instance 5: imported", "exercise e javascript:alert(1)", "None yet."} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the page lacks %q:\n%s", want, data)
		}
	}
}
