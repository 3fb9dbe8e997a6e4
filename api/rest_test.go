package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"coursewright/internal/course"
)

// answerOf sends a request, written as method, target and body, that has to be
// answered with a status, and reads a JSON object.
func answerOf[T any](t *testing.T, f *fixture, want int, request string, headers ...string) (out T) {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	target, body, _ := strings.Cut(target, " ")
	w := f.send(t, method, target, body, headers...)
	if w.Code != want {
		t.Fatalf("%s: status %d, want %d: %s", request, w.Code, want, w.Body)
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &out))
	return out
}

type anyBuild struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`
}

type anyPage struct {
	Items []anyBuild `json:"items"`
	Next  string     `json:"next"`
}

// TestChangesNeedTheNewestTag has two people read a course and both save it.
func TestChangesNeedTheNewestTag(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	const at, body = "/api/v1/courses/intro", `{"key": "intro", "git_branch": "dev"}`
	read := f.send(t, "GET", at, "").Header().Get("ETag")
	f.endedBuild(t, "intro", course.StatusSuccess, "") // changes the answer, not the settings
	if w := f.send(t, "GET", at, "", "If-None-Match", read); w.Code != http.StatusOK {
		t.Errorf("a course with another build: status %d for the old tag", w.Code)
	}
	w := f.send(t, "PUT", at, body, "If-Match", read)
	if w.Code != http.StatusOK {
		t.Fatalf("the first change: status %d: %s", w.Code, w.Body)
	}
	for _, method := range []string{"PUT", "PATCH"} {
		if w := f.send(t, method, at, body, "If-Match", read); w.Code != http.StatusPreconditionFailed {
			t.Errorf("%s with the tag of before: status %d", method, w.Code)
		}
	}
	for _, request := range []string{"POST " + at + "/webhook-secret", "DELETE " + at + "?confirm=intro"} {
		method, target, _ := strings.Cut(request, " ")
		if w := f.send(t, method, target, "", "If-Match", read); w.Code != http.StatusPreconditionFailed {
			t.Errorf("%s with the tag of before: status %d", request, w.Code)
		}
	}
	if w := f.send(t, "PATCH", at, `{"git_branch": "main"}`, "If-Match", `"other", `+w.Header().Get("ETag")); w.Code != http.StatusOK {
		t.Errorf("the tag that the change gave: status %d: %s", w.Code, w.Body)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	const start = "POST /api/v1/courses/intro/builds"
	first := answerOf[anyBuild](t, f, http.StatusAccepted, start+` {"skip_git": true}`, "Idempotency-Key", "one")
	again := answerOf[anyBuild](t, f, http.StatusAccepted, start+` { "skip_git":true }`, "Idempotency-Key", "one")
	other := answerOf[anyBuild](t, f, http.StatusAccepted, start+` {"skip_git": true}`, "Idempotency-Key", "two")
	if first.ID != again.ID || other.ID == first.ID {
		t.Errorf("builds %d, %d with the same key and %d with another", first.ID, again.ID, other.ID)
	}
	problem := answerOf[map[string]any](t, f, http.StatusUnprocessableEntity, start+` {"skip_git": false}`, "Idempotency-Key", "one")
	if problem["type"] != "urn:coursewright:problem:idempotency-key-reused" {
		t.Errorf("another request by the key: %v", problem)
	}
	for _, bad := range []string{" ", strings.Repeat("x", 256), "ä"} {
		answerOf[map[string]any](t, f, http.StatusBadRequest, start+` {}`, "Idempotency-Key", bad)
	}
}

func TestPagesKeepTheirFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	for range 3 {
		f.endedBuild(t, "intro", course.StatusFailed, "")
		f.endedBuild(t, "intro", course.StatusSuccess, "")
	}
	var ids []int64
	next := "/api/v1/courses/intro/builds?status=FAILED,CANCELLED&limit=2"
	for next != "" {
		w := f.send(t, "GET", next, "")
		var page anyPage
		must(t, json.Unmarshal(w.Body.Bytes(), &page))
		for _, b := range page.Items {
			if b.Status != "FAILED" {
				t.Errorf("build %d is %s", b.ID, b.Status)
			}
			ids = append(ids, b.ID)
		}
		if link := w.Header().Get("Link"); page.Next != "" && link != "<"+page.Next+`>; rel="next"` || page.Next == "" && link != "" {
			t.Errorf("next is %q, Link is %q", page.Next, link)
		}
		next = page.Next
	}
	if fmt.Sprint(ids) != "[5 3 1]" {
		t.Errorf("failed builds %v; want 5, 3 and 1", ids)
	}
}

func TestLogInPieces(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	const text = "käännös 🚀\nsecond line\n"
	f.endedBuild(t, "intro", course.StatusSuccess, text)
	for _, limit := range []string{"1", "5", "1000"} {
		got, offset := "", "0"
		for range len(text) + 1 {
			w := f.send(t, "GET", "/api/v1/courses/intro/builds/1/log?limit="+limit+"&offset="+offset, "")
			if w.Body.Len() == 0 {
				break
			}
			got += w.Body.String()
			offset = w.Header().Get("Log-Next-Offset")
		}
		if got != text {
			t.Errorf("read by %s bytes the log is %q", limit, got)
		}
	}
	w := f.send(t, "GET", "/api/v1/courses/intro/builds/1/log?download=true", "")
	if name := w.Header().Get("Content-Disposition"); name != `attachment; filename="intro-build-1.log"` || w.Body.String() != text {
		t.Errorf("as a file it is %q, %q", name, w.Body)
	}
}

func TestRetryKeepsTheOptions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	old := answerOf[anyBuild](t, f, http.StatusAccepted, "POST /api/v1/courses/intro/builds"+` {"build_command": "make html"}`)
	retry := fmt.Sprintf("POST /api/v1/courses/intro/builds/%d/retry", old.ID)
	answerOf[map[string]any](t, f, http.StatusConflict, retry)
	_, err := f.store.FinishBuild(t.Context(), old.ID, course.BuildResult{Status: course.StatusFailed})
	must(t, err)
	again := answerOf[anyBuild](t, f, http.StatusAccepted, retry+` {"rebuild_all": true}`)
	b, err := f.store.Build(t.Context(), again.ID)
	must(t, err)
	if want := (course.BuildOptions{BuildCommand: "make html", RebuildAll: true}); b.Options != want || again.ID == old.ID {
		t.Errorf("build %d has options %+v; want %+v", b.ID, b.Options, want)
	}
}

func TestFleetAtAGlance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, describedPartsOf(t))
	f.addCourse(t, "a")
	f.addCourse(t, "b")
	for _, key := range []string{"a", "b", "b"} {
		failed := f.endedBuild(t, key, course.StatusRunning, "")
		must(t, f.store.StartStep(t.Context(), failed.ID, "build"))
		must(t, f.store.FinishStep(t.Context(), failed.ID, "build", course.OutcomeFailed, "exit 1"))
		_, err := f.store.FinishBuild(t.Context(), failed.ID, course.BuildResult{Status: course.StatusFailed, Reason: "exit 1"})
		must(t, err)
	}
	f.endedBuild(t, "a", course.StatusFailed, "") // no step failed
	f.endedBuild(t, "a", course.StatusRunning, "")
	_, err := f.store.RequestBuild(t.Context(), "b", course.BuildRequest{Trigger: course.TriggerAPI})
	must(t, err)
	_, err = f.store.ReportHost(t.Context(), course.HostReport{ID: "h", Name: "builder", Slots: 3, Running: 1})
	must(t, err)
	type open struct {
		Course, Class, Host, Step string
	}
	got := answerOf[struct {
		Slots   struct{ Total, Free int }
		Running []open
		Waiting []open
		Failure struct {
			Total   int
			ByCause []struct {
				Cause   string
				Count   int
				Courses []string
			} `json:"by_cause"`
		} `json:"failures"`
	}](t, f, http.StatusOK, "GET /api/v1/fleet?since=2026-01-01")
	if len(got.Running) != 1 || got.Running[0] != (open{"a", "push", "host-a", ""}) || len(got.Waiting) != 1 || got.Waiting[0] != (open{"b", "manual", "", ""}) {
		t.Errorf("running %+v, waiting %+v", got.Running, got.Waiting)
	}
	if got.Slots.Total != 3 || got.Slots.Free != 2 {
		t.Errorf("slots %+v", got.Slots)
	}
	if s := fmt.Sprint(got.Failure); s != "{4 [{build 3 [b a]} {interrupted 1 [a]}]}" {
		t.Errorf("failures %s", s)
	}
}

func TestOriginsAreTried(t *testing.T) {
	t.Parallel()
	f := newFixture(t, describedPartsOf(t))
	type origin struct {
		Readable bool
		Problem  string
		Branches []struct{ Name, Commit string }
		Exists   *bool                               `json:"branch_exists"`
		Key      *struct{ Fingerprint, Type string } `json:"deploy_key"`
	}
	const check = "POST /api/v1/origins/check"
	got := answerOf[origin](t, f, http.StatusOK, check+` {"git_origin": "git@git.example.org:a.git", "git_branch": "devel"}`)
	if !got.Readable || len(got.Branches) != 2 || got.Branches[0].Name != "main" || got.Exists == nil || *got.Exists || got.Key == nil || !strings.HasPrefix(got.Key.Fingerprint, "SHA256:") {
		t.Errorf("an origin by ssh: %+v", got)
	}
	got = answerOf[origin](t, f, http.StatusOK, check+` {"git_origin": "https://nowhere.example.org/a.git"}`)
	if got.Readable || got.Problem == "" || got.Key != nil || got.Exists != nil {
		t.Errorf("an origin that nobody knows: %+v", got)
	}
	if got = answerOf[origin](t, f, http.StatusOK, check+` {"git_origin": "https://slow.example.org/a.git"}`); got.Readable || !strings.Contains(got.Problem, "did not answer") {
		t.Errorf("an origin that does not answer: %+v", got)
	}
	answerOf[map[string]any](t, f, http.StatusInternalServerError, check+` {"git_origin": "https://broken.example.org/a.git"}`)
	answerOf[map[string]any](t, f, http.StatusBadRequest, check+` {"git_origin": "ext::sh -c evil"}`)
	answerOf[map[string]any](t, f, http.StatusBadRequest, check+` {}`)
}

func TestWhoIsWho(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if got := answerOf[map[string]any](t, f, http.StatusOK, "GET /api/v1/whoami"); got["open"] != true || got["administrator"] != true {
		t.Errorf("without logins: %v", got)
	}
}

func TestTypesOfBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	for kind, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/x-www-form-urlencoded": 200,
		"text/plain": 415, "multipart/form-data; boundary=x": 415, "application/xml": 415, "nonsense;;": 415,
	} {
		if w := f.send(t, "PATCH", "/api/v1/courses/intro", `{"git_branch": "main"}`, "Content-Type", kind); w.Code != want {
			t.Errorf("%s: status %d, want %d", kind, w.Code, want)
		}
	}
}

// The page of the API is complete, small and runs nothing.
func TestPageOfTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, describedPartsOf(t))
	w := f.send(t, "GET", "/api/v1/docs", "")
	for _, r := range f.routes(t) {
		if strings.HasPrefix(r.Path, "/api/v1/") && r.Method != http.MethodHead && !strings.Contains(w.Body.String(), r.Method+" "+templateOf(r.Path)) {
			t.Errorf("the page lacks %s %s", r.Method, r.Path)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "script-src") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(w.Body.String(), "<script") {
		t.Errorf("the page may run scripts: %s", policy)
	}
	const most = 60_000
	if small := f.send(t, "GET", "/api/v1/docs", "", "Accept-Encoding", "gzip"); small.Body.Len() > most || small.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes are sent", small.Body.Len())
	}
}
