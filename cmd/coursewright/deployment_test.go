package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/settings"
	"coursewright/internal/temporaldev/temporaltest"
)

// deploymentSettings are the settings of every process of a deployment.
type deploymentSettings struct{ values map[string]string }

// newDeploymentSettings are those of a deployment in dir that asks for no
// tokens and builds without containers. The shared folders are made.
func newDeploymentSettings(tb testing.TB, dir string) *deploymentSettings {
	tb.Helper()
	for _, name := range []string{"store", "courses"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	return &deploymentSettings{map[string]string{
		"DATA": dir, "SSH_KEY_PATH": filepath.Join(dir, "id_ecdsa"),
		"BUILDER": "local", "ALLOW_LOCAL_BUILDER": "true", "ALLOW_LOCAL_ORIGINS": "true",
		"DISABLE_LOGIN_CHECKS": "true", "DISABLE_JWT_SIGNING": "true",
		"DEFAULT_GRADER_URL": "http://127.0.0.1:9/configure", "REQUIRE_GRADERS": "false",
		"LISTEN": "127.0.0.1:0", "ADMIN_LISTEN": "127.0.0.1:0", "LOG_LEVEL": "error",
	}}
}

func (s *deploymentSettings) set(name, value string) { s.values[name] = value }

// environ are the settings as variables, with more of them.
func (s *deploymentSettings) environ(more ...string) []string {
	var out []string
	for name, value := range s.values {
		out = append(out, settings.Prefix+name+"="+value)
	}
	return append(out, more...)
}

// deployment is a campus of real processes on one machine: several of each role
// on one database and one Temporal, with shared folders of releases and a build
// folder for each worker.
type deployment struct {
	tb       testing.TB
	dir      string
	settings *deploymentSettings
	apis     []*program
	workers  []*program
	program  string // file of the program; empty: the one under test
}

// deploymentOptions say what is started.
type deploymentOptions struct {
	apis, workers int
	// settings are more settings of every process, by name, such as
	// TEMPORAL_ADDRESS of a server that the test has started; environ are more
	// as variables, such as a database's.
	settings map[string]string
	environ  []string
	program  string // file of the program; empty: the one under test
}

// newDeployment prepares a deployment and starts it. Without a Temporal of the
// test's it has a development server.
func newDeployment(tb testing.TB, o deploymentOptions) *deployment {
	tb.Helper()
	dir := tb.TempDir()
	d := &deployment{tb: tb, dir: dir, settings: newDeploymentSettings(tb, dir), program: o.program}
	for name, value := range o.settings {
		d.settings.set(name, value)
	}
	for _, variable := range o.environ {
		name, value, _ := strings.Cut(variable, "=")
		d.settings.set(strings.TrimPrefix(name, settings.Prefix), value)
	}
	if o.settings["TEMPORAL_ADDRESS"] == "" {
		d.settings.set("TEMPORAL_ADDRESS", temporaltest.Start(tb).Address())
	}
	d.migrate()
	for range o.apis {
		d.addAPI()
	}
	for range o.workers {
		d.addWorker()
	}
	return d
}

// path is a file of the deployment.
func (d *deployment) path(name string) string { return filepath.Join(d.dir, name) }

// migrate prepares database and Temporal, as an administrator does first.
func (d *deployment) migrate() {
	d.tb.Helper()
	if e := runProgramOf(d.tb, d.program, d.settings.environ(), "migrate"); e.status != 0 {
		d.tb.Fatalf("migrate: status %d: %s", e.status, e.errOut)
	}
}

// addAPI starts one more api. It is given no build folder that it could use.
func (d *deployment) addAPI() *program {
	d.tb.Helper()
	p := d.startAPI()
	d.apis = append(d.apis, p)
	return p
}

// startAPI starts an api that is not one of the deployment's yet.
func (d *deployment) startAPI() *program {
	d.tb.Helper()
	return startProgramOf(d.tb, d.program, d.settings.environ("COURSEWRIGHT_BUILD_PATH=/dev/null/none"), "api")
}

// addWorker starts one more worker on a build folder of its own.
func (d *deployment) addWorker() *program {
	d.tb.Helper()
	p := d.worker(len(d.workers))
	d.workers = append(d.workers, p)
	return p
}

// restartWorker starts a worker again on its build folder.
func (d *deployment) restartWorker(i int) *program {
	d.tb.Helper()
	d.workers[i] = d.worker(i)
	return d.workers[i]
}

// worker starts a worker on the ith build folder. It is given no publish folder
// that it could use, and no keys to check callers with.
func (d *deployment) worker(i int) *program {
	d.tb.Helper()
	return startProgramOf(d.tb, d.program, d.settings.environ(
		fmt.Sprintf("COURSEWRIGHT_BUILD_PATH=%s", d.path(fmt.Sprintf("build%d", i))),
		"COURSEWRIGHT_COURSES_PATH=/dev/null/none", "COURSEWRIGHT_STATIC_ROOT=/dev/null/static",
		"COURSEWRIGHT_DISABLE_LOGIN_CHECKS=false",
	), "worker")
}

// finished waits until a build has its final status and checks it.
func (h *harness) finished(key string, id int64, want course.Status) buildJSON {
	h.tb.Helper()
	for _, b := range h.final(key) {
		if b.ID != id {
			continue
		}
		if b.Status != string(want) {
			h.tb.Fatalf("build %d of %s ended %s: %s\n%s", id, key, b.Status, b.Reason, h.log(key, id))
		}
		return b
	}
	h.tb.Fatalf("build %d of %s is not listed", id, key)
	return buildJSON{}
}

// publish publishes a stored release as an administrator does.
func (h *harness) publish(key, version string) {
	h.tb.Helper()
	h.do(http.MethodPost, "/api/v1/courses/"+key+"/releases/"+version+"/publish", "{}", http.StatusOK)
}

// offered is the course's name in the document for A+.
func (h *harness) offered(key string) string {
	h.tb.Helper()
	var document struct {
		Name string `json:"name"`
	}
	h.getJSON("/"+key+"/aplus-json", &document)
	return document.Name
}

// listed is the version that is listed as published, empty for none.
func (h *harness) listed(key string) string {
	h.tb.Helper()
	var list struct {
		Items []struct {
			Version   string `json:"version"`
			Published bool   `json:"published"`
		} `json:"items"`
	}
	h.getJSON("/api/v1/courses/"+key+"/releases", &list)
	for _, r := range list.Items {
		if r.Published {
			return r.Version
		}
	}
	return ""
}

// What one api has published every api shows at once, from the first byte on:
// files, document and list of releases.
func TestWhatOneAPIPublishesAllShow(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 2, workers: 2})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("0"), "first")
	d.apis[0].addCourse("course", repo.URL(), nil)
	for i := range 6 {
		title := fmt.Sprint("Title", i)
		repo.Commit(tiny(title), title)
		here, there := d.apis[i%2], d.apis[(i+1)%2]
		b := here.finished("course", here.push("course"), course.StatusSuccess)
		if got := there.offered("course"); got != title {
			t.Fatalf("%d: the other api offers %q to A+, want %q", i, got, title)
		}
		here.publish("course", b.Version)
		if got := string(there.get("/static/course/index.html", http.StatusOK)); got != "<p>"+title+"</p>\n" {
			t.Errorf("%d: the other api serves %q", i, got)
		}
		if got := there.listed("course"); got != b.Version {
			t.Errorf("%d: the other api lists %s as published, want %s", i, got, b.Version)
		}
	}
}

// Whoever dies, the others go on, and nothing that was accepted is lost.
func TestADeploymentGoesOnWithoutItsDead(t *testing.T) {
	t.Parallel()
	for name, environ := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killSome(t, newDeployment(t, deploymentOptions{apis: 2, workers: 2, environ: environ(t)}), (*deployment).restartWorker)
		})
	}
}

// killSome builds courses while an api and a worker die; replace gives a worker
// in its place.
func killSome(t *testing.T, d *deployment, replace func(d *deployment, dead int) *program) {
	t.Helper()
	const courses = 4
	gate := filepath.Join(t.TempDir(), "gate")
	ids := map[string]int64{}
	repos := map[string]*gitrepotest.Repo{}
	for i := range courses {
		key := fmt.Sprint("course", i)
		repos[key] = gitrepotest.New(t)
		repos[key].Commit(gated(t, gate), "slow")
		d.apis[0].addCourse(key, repos[key].URL(), nil)
		ids[key] = d.apis[0].push(key)
	}
	for key, id := range ids {
		d.apis[1].running(key, id)
		break
	}
	d.workers[0].kill()
	d.apis[0].kill()
	must(t, os.WriteFile(gate, nil, 0o600))
	api := d.apis[1]
	replaced := replace(d, 0)
	for key, id := range ids {
		b := api.finished(key, id, course.StatusSuccess)
		api.publish(key, b.Version)
	}
	for key, repo := range repos {
		repo.Commit(tiny("After"), "after")
		b := api.finished(key, api.push(key), course.StatusSuccess)
		api.publish(key, b.Version)
		if got := string(api.get("/static/"+key+"/index.html", http.StatusOK)); got != "<p>After</p>\n" {
			t.Errorf("%s: %q is served", key, got)
		}
	}
	for _, p := range []*program{d.apis[1], replaced, d.workers[1]} {
		if err := p.stop(); err != nil {
			t.Errorf("the end of %v: %v", p.cmd.Args[1:], err)
		}
	}
}
