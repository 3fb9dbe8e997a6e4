package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/course"
)

// removing is the course intro, whose stored release removes the exercise e and
// whose teachers want to be asked.
func removing(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, func(c *api.Config) { c.Auth = tokenless{} })
	c := f.addCourse(t, "intro")
	c.RemoteID, c.ApproveRemovals = new(int64(5)), true
	_, err := f.store.UpdateCourse(t.Context(), c)
	must(t, err)
	const begin = `{"categories": {"x": {"name": "X"}}, "modules": [{"key": "m", "children": [`
	const kept = `{"key": "c", "category": "x", "name": "Ch", "points_to_pass": `
	f.releases.published = &course.Release{Key: "intro", Version: version("p"), BuildID: 1, Dir: begin + kept + `1}, {"key": "e", "category": "x", "max_submissions": 1}]}]}`}
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), BuildID: 2, Dir: begin + kept + `2}]}]}`}
	f.releases.more = []course.Release{{Key: "intro", Version: version("o"), BuildID: 3, Dir: begin + `]}]}`}}
	return f
}

func TestReleaseDiff(t *testing.T) {
	t.Parallel()
	f := removing(t)
	at := "/api/v1/courses/intro/releases/" + version("s")
	w := f.send(t, http.MethodGet, at+"/diff", "", "X-Caller", "reader")
	want := `{"course":"intro","release":{"version":"` + version("s") + `","build_id":2,"commit":"","stored_at":null,"published_at":null},` +
		`"against":{"version":"` + version("p") + `","build_id":1,"commit":"","stored_at":null,"published_at":null},` +
		`"dangerous":true,"needs_approval":true,"approval":null,"incomparable":"",` +
		`"counts":{"added":0,"removed":1,"renamed":0,"moved":0,"changed":1},"items":[` +
		`{"kind":"chapter","change":"changed","name":"Ch","dangerous":false,"old":{"module":"m","parent":"","key":"c"},"new":{"module":"m","parent":"","key":"c"},` +
		`"fields":[{"name":"points_to_pass","old":"1","new":"2"}]},` +
		`{"kind":"exercise","change":"removed","name":"e","dangerous":true,"old":{"module":"m","parent":"","key":"e"},"new":null,"fields":[]}]}` + "\n"
	if d := cmp.Diff(want, w.Body.String()); w.Code != http.StatusOK || d != "" {
		t.Errorf("status %d (-want +got):\n%s", w.Code, d)
	}
	w = f.send(t, http.MethodGet, at+"/diff?against="+version("o"), "", "X-Caller", "reader")
	if !strings.Contains(w.Body.String(), `"counts":{"added":1,"removed":0,`) {
		t.Errorf("against another release: %s", w.Body)
	}
	for target, status := range map[string]int{
		at + "/diff?against=" + version("x"):                            http.StatusNotFound,
		at + "/diff?against=../x":                                       http.StatusNotFound,
		"/api/v1/courses/intro/releases/" + version("x") + "/diff":      http.StatusNotFound,
		"/api/v1/courses/intro/releases/..%2f" + version("s") + "/diff": http.StatusNotFound,
	} {
		if w := f.send(t, http.MethodGet, target, "", "X-Caller", "reader"); w.Code != status {
			t.Errorf("%s: status %d, want %d: %s", target, w.Code, status, w.Body)
		}
	}
}

func TestADamagedReleaseIsToldWithoutCauses(t *testing.T) {
	t.Parallel()
	f := removing(t)
	f.releases.published.Dir = ""
	w := f.send(t, http.MethodGet, "/api/v1/courses/intro/releases/"+version("s")+"/diff", "", "X-Caller", "reader")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "secret") ||
		!strings.Contains(w.Body.String(), `"needs_approval":true`) || !strings.Contains(w.Body.String(), `"incomparable":"One of`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	f := removing(t)
	at := "/api/v1/courses/intro/releases/" + version("s")
	for _, test := range []struct {
		caller, target, body string
		status               int
	}{
		{"reader", at, "", http.StatusForbidden},
		{"writer", at, `{"against": "` + version("o") + `"}`, http.StatusConflict},
		{"writer", at, `{"other": 1}`, http.StatusBadRequest},
		{"writer", "/api/v1/courses/intro/releases/" + version("x"), "", http.StatusNotFound},
		{"writer", "/api/v1/courses/intro/releases/" + version("p"), "", http.StatusConflict},
	} {
		if w := f.send(t, http.MethodPost, test.target+"/approve", test.body, "X-Caller", test.caller); w.Code != test.status {
			t.Errorf("%s %s %s: status %d, want %d: %s", test.caller, test.target, test.body, w.Code, test.status, w.Body)
		}
	}
	if len(f.releases.approvals) > 0 || len(f.builds.announced) > 0 {
		t.Fatalf("approved %v, announced %v", f.releases.approvals, f.builds.announced)
	}
	w := f.send(t, http.MethodPost, at+"/approve", `{"against": "`+version("p")+`"}`, "X-Caller", "writer")
	var got struct{ By, At, Against string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.By != "writer" || got.Against != version("p") || got.At == "" {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	if d := cmp.Diff([]string{version("s") + " by writer"}, f.builds.announced); d != "" {
		t.Errorf("announced (-want +got):\n%s", d)
	}
	if !strings.Contains(f.log.String(), "APPROVE-RELEASE") {
		t.Error("the security log says nothing")
	}
	w = f.send(t, http.MethodGet, at+"/diff", "", "X-Caller", "owner")
	if body := w.Body.String(); !strings.Contains(body, `"needs_approval":false`) || !strings.Contains(body, `"by":"writer"`) {
		t.Errorf("after the approval: %s", body)
	}
}

func TestSettingsOfAPlusKeepTheWishForApprovals(t *testing.T) {
	t.Parallel()
	f := removing(t)
	w := f.send(t, http.MethodPut, "/api/gitmanager/id/5", "key=intro&git_branch=main&remote_id=5", "X-Caller", "writer", "Content-Type", "application/x-www-form-urlencoded")
	c, err := f.store.Course(t.Context(), "intro")
	must(t, err)
	if w.Code != http.StatusOK || !c.ApproveRemovals {
		t.Errorf("status %d, %+v: %s", w.Code, c, w.Body)
	}
}
