package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/browsertest"
	"coursewright/internal/gitrepo/gitrepotest"
)

// reader is somebody who uses the pages of a system with a browser.
type reader struct {
	*harness
	*browsertest.Page
	t       *testing.T // of the story
	whole   *testing.T // of all stories
	browser *browsertest.Browser
	repo    *gitrepotest.Repo
	gate    string // a file for which the build command waits
}

const browsed = "browsed" // the course

// TestStoriesInABrowser goes through what teachers do, one story after the other
// on one system and in one browser.
func TestStoriesInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.New(t)
	r := &reader{
		harness: newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_AUTO_PUBLISH=false"}}),
		whole:   t, browser: browser, repo: gitrepotest.New(t), gate: filepath.Join(t.TempDir(), "gate"),
	}
	r.Page = browser.Open(t, browsertest.Options{TimeZone: "Europe/Helsinki"})
	for _, story := range []struct {
		name string
		tell func()
	}{
		{"create a course", r.createCourse},
		{"a test delivery appears", r.testDelivery},
		{"push and watch", r.pushAndWatch},
		{"a failure names file, line and remedy", r.failure},
		{"mend it", r.mend},
		{"publish", r.publishIt},
		{"roll back", r.rollBack},
		{"cancel", r.cancelIt},
		{"find courses", r.findCourses},
		{"dark and Finnish", r.darkAndFinnish},
		{"a narrow screen", r.narrow},
		{"without scripts", r.withoutScripts},
		{"a lost connection", r.lostConnection},
	} {
		told := t.Run(story.name, func(t *testing.T) {
			r.t, r.tb = t, t
			r.Use(t)
			story.tell()
		})
		if !told {
			return // the stories build on each other
		}
	}
}

func (r *reader) visit(path string) { r.Go(r.base + path) }

func (r *reader) createCourse() {
	r.repo.Commit(tiny("One"), "The first chapter")
	origin := gitrepotest.ServeHTTP(r.whole, r.repo) + "/0.git"
	r.visit("/gitmanager/new/")
	r.Fill("#key", browsed)
	r.Fill("#git_origin", strings.Replace(origin, "/0.git", "/9.git", 1))
	r.Wait(`document.querySelector("#origin-state").classList.contains("bad")`)
	r.Shot("story-origin-wrong")
	r.Fill("#git_origin", origin)
	r.See("#origin-state button", "main")
	r.Wait(`document.querySelector("#git_branch").value === "main"`)
	r.Shot("story-origin-good")
	r.Click(".submit button")
	r.See(".notice", "The course is saved.")
}

func (r *reader) testDelivery() {
	r.visit("/gitmanager/" + browsed + "/webhook")
	r.See("#deliveries-part", "has not called the webhook yet")
	if err := refusedDelivery(r.t, r.base, browsed); err != nil {
		r.t.Fatal(err)
	}
	r.See("#deliveries-part", "refused")
	r.Shot("story-delivery")
}

// refusedDelivery calls the hook of a course as a git host with a wrong secret does.
func refusedDelivery(t *testing.T, base, key string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/gitmanager/"+key+"/hook", strings.NewReader(`{}`))
	if err != nil {
		return err
	}
	req.Header.Set("X-Gitlab-Event", "Push Hook")
	req.Header.Set("X-Gitlab-Token", "wrong")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// waiting is a course whose build prints a line, waits for the gate and prints
// more.
func (r *reader) waiting(title, after string) map[string]string {
	files := tiny(title)
	files["build.sh"] = "printf '\\033[32mstarted\\033[0m\\n'\nwhile [ ! -e " + r.gate + " ]; do sleep 0.05; done\n" + after + "\n" + files["build.sh"]
	return files
}

func (r *reader) openGate() {
	if err := os.WriteFile(r.gate, nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) closeGate() {
	if err := os.Remove(r.gate); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) pushAndWatch() {
	r.repo.Commit(r.waiting("Two", "echo the gate is open"), "Add <b>the second</b> chapter")
	r.visit("/gitmanager/" + browsed + "/updates")
	id := r.push(browsed)
	r.See("#builds-part .status.running", "running")
	r.See("#state", "Add <b>the second</b> chapter")
	r.Click(fmt.Sprintf(`#builds-part a[href$="/builds/%d"]`, id))
	r.See("h1 .status", "running")
	r.See(".block .f2", "started")
	r.Shot("story-running")
	r.openGate()
	r.See(".block > div", "the gate is open")
	r.See("h1 .status", "success")
	r.See("#facts-part", "Took")
	r.Shot("story-success")
	r.closeGate()
}

func (r *reader) failure() {
	files := tiny("Three")
	files["index.yaml"] = strings.Replace(files["index.yaml"], "max_points: 10", "max_points: ten", 1)
	r.repo.Commit(files, "Points for the exercise")
	id := r.push(browsed)
	r.visit(fmt.Sprintf("/gitmanager/%s/builds/%d", browsed, id))
	r.See(".cause h2", "Check the configuration")
	r.See(".cause .place", "index.yaml:9")
	r.See(".cause .hit", "max_points: ten")
	r.See(".cause .advice", "Mend the places")
	r.See("#head", "Points for the exercise")
	r.Shot("story-failure")
	r.visit("/gitmanager/" + browsed + "/updates")
	r.See("#state .trouble", "The newest build failed.")
}

func (r *reader) mend() {
	r.repo.Commit(tiny("Three"), "Mend the points")
	r.succeed(r.push(browsed))
	r.See("#state", "is stored; students see it once")
	r.See("#builds-part .status.success", "success")
	r.Shot("story-waiting")
}

func (r *reader) publishIt() {
	r.visit("/gitmanager/" + browsed + "/updates") // the release before may have stood there still
	r.Click("#state form button")
	r.See(".notice", "The release is published.")
	r.See("#published + .what", "Mend the points")
	r.Shot("story-published")
	if got := string(r.get("/static/"+browsed+"/index.html", http.StatusOK)); got != "<p>Three</p>\n" {
		r.t.Errorf("students see %q", got)
	}
}

func (r *reader) rollBack() {
	r.repo.Commit(tiny("Four"), "A fourth chapter")
	b := r.succeed(r.push(browsed))
	r.do(http.MethodPost, "/api/v1/courses/"+browsed+"/releases/"+b.Version+"/publish", "{}", http.StatusOK)
	r.See("#published + .what", "A fourth chapter") // without being asked for
	r.Click(`#releases-part button[aria-label^="Roll back"]`)
	r.See("#published + .what", "Mend the points")
	r.See("#state", "somebody went back")
	r.Shot("story-rolled-back")
	if got := string(r.get("/static/"+browsed+"/index.html", http.StatusOK)); got != "<p>Three</p>\n" {
		r.t.Errorf("students see %q", got)
	}
}

func (r *reader) cancelIt() {
	r.repo.Commit(r.waiting("Five", "true"), "A slow one")
	r.visit("/gitmanager/" + browsed + "/updates")
	r.Click(".start button")
	r.See(".block", "started")
	r.Click("#head .actions button.bad")
	r.See("h1 .status", "cancelled")
	r.Shot("story-cancelled")
}

// findCourses looks for courses by words and by state.
func (r *reader) findCourses() {
	r.addCourse("another", r.repo.URL(), nil)
	r.visit("/gitmanager/")
	rows := func(want string) {
		r.t.Helper()
		r.Wait(`[...document.querySelectorAll("#live tbody th[scope=row] a")].map((e) => e.textContent.trim()).join() === "` + want + `"`)
	}
	rows("another," + browsed)
	r.Fill("#q", "BROWSED")
	r.Click(".filter button")
	rows(browsed)
	r.Wait(`new URLSearchParams(location.search).get("q") === "BROWSED" && document.querySelector("#q").value === "BROWSED"`)
	r.visit("/gitmanager/")
	r.Click(`.chips a[href*="state=unpublished"]`)
	rows("another")
	r.Wait(`document.querySelector(".chips [aria-current]").href.includes("state=unpublished")`)
	r.Click(`.chips a[href*="state=failed"]`)
	r.See("main", "No course is like that.")
	r.Click(".empty a")
	rows("another," + browsed)
}

func (r *reader) darkAndFinnish() {
	r.visit("/gitmanager/" + browsed + "/updates")
	r.Click(".menu summary")
	r.Shot("story-menu")
	r.Click(`.menu a[href*="theme=dark"]`)
	r.Wait(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.body).backgroundColor === "rgb(14, 18, 24)"`)
	r.Click(".menu summary")
	r.Click(`.menu a[lang="fi"]`)
	r.See("#published", "Julkaistu")
	r.Wait(`document.documentElement.lang === "fi"`)
	if at := r.Address(); strings.Contains(at, "?") {
		r.t.Errorf("the choice stays in the address: %s", at)
	}
	r.Shot("story-dark-finnish")
	// Times are those of the reader, whatever the server's zone is.
	want := browsertest.Eval[string](r.Page, `new Date(document.querySelector("time[data-clock]").dateTime).toLocaleTimeString("fi", {timeZone: "Europe/Helsinki"})`)
	r.See("time[data-clock]", want)
}

func (r *reader) narrow() {
	phone := r.browser.Open(r.t, browsertest.Options{Width: 390, Height: 844})
	for _, path := range []string{"/gitmanager/", "/gitmanager/" + browsed + "/updates", fmt.Sprintf("/gitmanager/%s/builds/%d", browsed, r.builds(browsed)[0].ID)} {
		phone.Go(r.base + path)
		if wide := browsertest.Eval[float64](phone, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
			r.t.Errorf("%s is %.0f pixels wider than a phone", path, wide)
		}
	}
	phone.Shot("story-narrow")
}

func (r *reader) withoutScripts() {
	r.repo.Commit(tiny("Six"), "A sixth chapter")
	plain := r.browser.Open(r.t, browsertest.Options{NoScripts: true})
	plain.Go(r.base + "/gitmanager/" + browsed + "/updates")
	before := r.builds(browsed)[0].ID
	plain.Click(".start button")
	id := before
	for id == before {
		if err := waitShortly(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		id = r.builds(browsed)[0].ID
	}
	r.succeed(id)
	plain.Go(fmt.Sprintf("%s/gitmanager/%s/builds/%d?q=building+six", r.base, browsed, id))
	if got := plain.Text("h1"); got != fmt.Sprintf("Build %d success", id) {
		r.t.Errorf("the heading is %q", got)
	}
	if got := plain.Text("#found"); got != "1 line" {
		r.t.Errorf("the search found %q", got)
	}
	plain.Shot("story-without-scripts")
}

// lostConnection cuts what the browser listens to, again and again: every line
// of the log is there once.
func (r *reader) lostConnection() {
	r.repo.Commit(r.waiting("Seven", "i=1; while [ $i -le 400 ]; do echo number $i; i=$((i+1)); [ $((i % 20)) -eq 0 ] && sleep 0.1; done; true"), "Count")
	target, err := url.Parse(r.base)
	if err != nil {
		r.t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorLog = log.New(io.Discard, "", 0) // connections that the test cuts
	proxy := httptest.NewServer(forward)
	defer proxy.Close()
	page := r.browser.Open(r.t, browsertest.Options{})
	id := r.push(browsed)
	page.Go(fmt.Sprintf("%s/gitmanager/%s/builds/%d", proxy.URL, browsed, id))
	page.See(".block", "started")
	proxy.CloseClientConnections()
	r.openGate()
	for _, mark := range []string{"number 40", "number 200"} {
		page.See(".block > div", mark)
		proxy.CloseClientConnections()
	}
	page.See("h1 .status", "success")
	numbers := browsertest.Eval[[]string](page, `[...document.querySelectorAll(".block > div")].map((e) => e.textContent).filter((t) => t.startsWith("number "))`)
	for i, text := range numbers {
		if text != fmt.Sprintf("number %d", i+1) {
			r.t.Fatalf("line %d of %d is %q", i+1, len(numbers), text)
		}
	}
	if len(numbers) != 400 {
		r.t.Errorf("%d lines, want 400", len(numbers))
	}
	ids := browsertest.Eval[bool](page, `[...document.querySelectorAll(".block > div")].every((e, i) => e.id === "L" + (i + 1))`)
	if !ids {
		r.t.Error("the lines are not numbered from 1 on")
	}
}
