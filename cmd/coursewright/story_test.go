package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/store/postgres/postgrestest"
)

// tiny is the smallest course that has everything: a build, a static folder, an
// exercise.
func tiny(title string) map[string]string {
	return map[string]string{
		"index.yaml": `name: ` + title + `
static_dir: _build
categories: {c: {name: Chapters}, e: {name: Exercises}}
modules:
  - key: m1
    name: First
    children:
      - {key: ch1, category: c, name: Chapter, static_content: index.html}
      - {key: ex1, category: e, name: Exercise, config: ex1.yaml, max_points: 10}
`,
		"ex1.yaml": "title: Exercise\nview_type: access.types.stdsync.createForm\nfieldgroups: []\n",
		"build.sh": "echo building " + title + "\nmkdir -p _build\necho '<p>" + title + "</p>' > _build/index.html\n",
	}
}

// The main job: a push to a real repository, served over http, becomes a
// published course.
func TestAPushBecomesAPublishedCourse(t *testing.T) {
	t.Parallel()
	for name, environ := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pushTwice(t, newHarness(t, harnessOptions{environ: environ(t)}))
		})
	}
}

// databases are the settings of each kind of database.
func databases() map[string]func(t *testing.T) []string {
	return map[string]func(t *testing.T) []string{
		"sqlite": func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string {
			t.Helper()
			server := postgrestest.Start(t)
			return []string{"COURSEWRIGHT_DATABASE_URL=" + server.Address(server.Database(t))}
		},
	}
}

// pushTwice takes a course from the first push to the second publishing.
func pushTwice(t *testing.T, h *harness) {
	t.Helper()
	repo := gitrepotest.New(t)
	first := repo.Commit(tiny("One"), "first")
	h.addCourse("course", gitrepotest.ServeHTTP(t, repo)+"/0.git", map[string]any{"remote_id": 5})

	b := h.succeed(h.push("course"))
	if b.Commit != first {
		t.Errorf("commit is %s, want %s", b.Commit, first)
	}
	var steps []string
	for _, s := range h.builds("course")[0].Steps {
		steps = append(steps, s.Name+" "+s.Outcome)
	}
	if d := cmp.Diff([]string{"checkout ok", "build ok", "validate ok", "configure grader 1 ok", "store ok", "commit ok"}, steps); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	if log := h.log("course", b.ID); !strings.Contains(log, "building One") {
		t.Errorf("the log has not the build's output:\n%s", log)
	}
	h.published("course", b.Version)
	for _, path := range []string{"/static/course/index.html", "/static/5/index.html"} {
		if got := string(h.get(path, http.StatusOK)); got != "<p>One</p>\n" {
			t.Errorf("%s is %q", path, got)
		}
	}
	document := h.document("course")
	if document["name"] != "One" {
		t.Errorf("name in aplus-json is %v", document["name"])
	}
	if _, err := os.Lstat(filepath.Join(h.system.settings.BuildPath, "course", "_build")); !os.IsNotExist(err) {
		t.Errorf("the working copy was not cleaned: %v", err)
	}

	second := repo.Commit(tiny("Two"), "second")
	b = h.succeed(h.push("course"))
	h.published("course", b.Version)
	if b.Commit != second || string(h.get("/static/course/index.html", http.StatusOK)) != "<p>Two</p>\n" {
		t.Error("the second push is not what is published")
	}
}

// The origin may also be on an ssh host, which lets the service's own key in.
func TestAPushOverSSH(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	commit := repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", gitrepotest.ServeSSH(t, h.system.publicKey).URL(repo), nil)
	b := h.succeed(h.push("course"))
	if b.Commit != commit {
		t.Errorf("commit is %s, want %s", b.Commit, commit)
	}
}

// A push whose hook never came is found by polling, also while other git hosts
// swallow what they are asked.
func TestALostHookIsFound(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	commit := repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_POLL_INTERVAL=1s"}})
	h.addCourse("course", repo.URL(), nil)
	for len(h.builds("course")) == 0 {
		if err := waitShortly(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b := h.succeed(h.builds("course")[0].ID); b.Commit != commit || b.Trigger != course.TriggerPoll {
		t.Errorf("build %+v is not of the push", b)
	}
	h.addCourse("silent", silentHost(t), nil) // newer, so it is looked at first
	repo.Commit(tiny("Two"), "second")
	ctx, stop := context.WithCancel(t.Context())
	var polling sync.WaitGroup
	polling.Go(func() {
		if err := h.system.newPoller(time.Hour).poll(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("polling ended with %v", err)
		}
	})
	for len(h.builds("course")) < 2 {
		if err := waitShortly(t.Context()); err != nil {
			t.Error(err)
			break
		}
	}
	stop()
	polling.Wait()
	err := h.system.newPoller(time.Millisecond).poll(t.Context())
	if err == nil || !strings.Contains(err.Error(), "poll silent: ") {
		t.Errorf("a look at a host that says nothing ends with %v", err)
	}
}

// silentHost is the address of a git host that takes connections and says nothing.
func silentHost(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String() + "/course.git"
}

func (h *harness) document(key string) map[string]any {
	h.tb.Helper()
	var out map[string]any
	h.getJSON("/"+key+"/aplus-json", &out)
	return out
}

// Without automatic publishing a release waits for A+, which reads aplus-json
// and calls the publish address in it.
func TestAStoredReleaseIsPublishedByItsAddress(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_AUTO_PUBLISH=false"}})
	h.addCourse("course", repo.URL(), nil)
	b := h.succeed(h.push("course"))
	h.get("/static/course/index.html", http.StatusNotFound)

	address, _ := h.document("course")["publish_url"].(string)
	path := strings.TrimPrefix(address, h.base)
	if want := "/course/publish/STORE/" + b.Version; path != want {
		t.Fatalf("publish_url is %s, want …%s", address, want)
	}
	for range 2 { // publishing again is fine
		var answer struct {
			Success bool  `json:"success"`
			Errors  []any `json:"errors"`
		}
		if err := json.Unmarshal(h.get(path, http.StatusOK), &answer); err != nil || !answer.Success || len(answer.Errors) > 0 {
			t.Fatalf("publish answered %+v, %v", answer, err)
		}
		path = strings.TrimPrefix(h.document("course")["publish_url"].(string), h.base)
	}
	h.get("/static/course/index.html", http.StatusOK)

	var refused struct {
		Success bool   `json:"success"`
		Errors  string `json:"errors"`
	}
	h.getJSON("/course/publish/STORE/"+strings.Repeat("x", course.VersionLength), &refused)
	if refused.Success || refused.Errors == "" {
		t.Errorf("a wrong version answered %+v", refused)
	}
}

// What teachers get wrong fails the build with the file and the line, and
// leaves what is published as it is.
func TestABrokenCourseFailsAndNamesThePlace(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	good := h.succeed(h.push("course"))
	h.published("course", good.Version)

	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"configuration", map[string]string{"ex1.yaml": "title: Exercise\n"}, "ex1.yaml"},
		{"index", map[string]string{"index.yaml": "name: X\nmodules:\n  - name: no key\n"}, "index.yaml:3"},
		{"command", map[string]string{"build.sh": "echo oh no; exit 3\n"}, "3"},
		{"link", map[string]string{"build.sh": "mkdir -p _build; ln -s /etc _build/etc\n"}, "_build/etc"},
	} {
		files := tiny("Broken")
		for name, text := range c.files {
			files[name] = text
		}
		repo.Commit(files, c.name)
		b := h.await(h.push("course"))
		if b.Status != course.StatusFailed {
			t.Errorf("%s: build ended %s", c.name, b.Status)
		}
		if log := h.log("course", b.ID); !strings.Contains(log, c.want) {
			t.Errorf("%s: the log does not say %q:\n%s", c.name, c.want, log)
		}
		if strings.Contains(b.Reason, "trouble of the service") {
			t.Errorf("%s: the service takes the blame: %s", c.name, b.Reason)
		}
	}
	if got := string(h.get("/static/course/index.html", http.StatusOK)); got != "<p>One</p>\n" {
		t.Errorf("the published page became %q", got)
	}
}

func TestDeletingACourseRemovesItsFiles(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	files := tiny("One")
	repo.Commit(files, "first")
	h := newHarness(t, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	h.succeed(h.push("course"))
	files["build.sh"] = "echo started; sleep 600\n"
	repo.Commit(files, "slow")
	slow := h.push("course")
	h.running("course", slow)

	h.do(http.MethodDelete, "/api/v1/courses/course", "", http.StatusBadRequest)
	h.do(http.MethodDelete, "/api/v1/courses/course?confirm=course", "", http.StatusNoContent)
	h.get("/api/v1/courses/course", http.StatusNotFound)
	h.get("/static/course/index.html", http.StatusNotFound)
	for _, path := range []string{
		filepath.Join(h.system.settings.BuildPath, "course"),
		filepath.Join(h.system.settings.StorePath, "course"),
		filepath.Join(h.system.settings.CoursesPath, "course"),
		filepath.Join(h.system.settings.StaticRoot, "course"),
	} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

// running waits until the build command of a build runs.
func (h *harness) running(key string, id int64) {
	h.tb.Helper()
	for !strings.Contains(h.log(key, id), "started") {
		if err := waitShortly(h.tb.Context()); err != nil {
			h.tb.Fatal(err)
		}
	}
}

// slowBuild starts a system and a build whose command runs for minutes.
func slowBuild(t *testing.T) (h *harness, repo *gitrepotest.Repo, id int64) {
	t.Helper()
	repo = gitrepotest.New(t)
	files := tiny("One")
	files["build.sh"] = "echo started; sleep 600\n"
	repo.Commit(files, "slow")
	h = newHarness(t, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	id = h.push("course")
	h.running("course", id)
	return h, repo, id
}

func TestACancelledBuildStopsAndTheCourseBuildsAgain(t *testing.T) {
	t.Parallel()
	h, repo, id := slowBuild(t)
	h.do(http.MethodPost, "/api/v1/courses/course/builds/"+strconv.FormatInt(id, 10)+"/cancel", "{}", http.StatusAccepted)
	if b := h.await(id); b.Status != course.StatusCancelled {
		t.Errorf("build ended %s: %s", b.Status, b.Reason)
	}
	repo.Commit(tiny("Two"), "quick")
	h.succeed(h.push("course"))
}

// Terminate in Temporal's Web UI ends a workflow without telling it.
func TestATerminatedBuildIsClosedAndTheCourseBuildsAgain(t *testing.T) {
	t.Parallel()
	h, repo, id := slowBuild(t)
	if err := h.system.temporal.TerminateWorkflow(t.Context(), "build/course", "", "by an administrator"); err != nil {
		t.Fatal(err)
	}
	if b := h.await(id); b.Status != course.StatusFailed || !strings.Contains(b.Reason, "Terminated") {
		t.Errorf("build ended %s: %s", b.Status, b.Reason)
	}
	repo.Commit(tiny("Two"), "quick")
	h.succeed(h.push("course"))
}

// In immediate mode the hook answers when the build has ended.
func TestImmediateModeAnswersAfterTheBuild(t *testing.T) {
	t.Parallel()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_IMMEDIATE=true"}})
	h.addCourse("course", repo.URL(), nil)
	h.do(http.MethodPost, "/gitmanager/course/hook", "", http.StatusOK)
	if got := h.builds("course")[0].Status; got != string(course.StatusSuccess) {
		t.Errorf("the hook answered while the build was %s", got)
	}
}
