package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/settings"
)

// upgradeFrom names the revision from which TestARollingUpgradeLosesNothing
// upgrades.
const upgradeFrom = "UPGRADE_FROM"

// programOf builds the program of a revision of the repository, and gives its
// file.
func programOf(t *testing.T, revision string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(in string, name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = in
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	if err := exec.CommandContext(t.Context(), "git", "-C", "../..", "cat-file", "-e", revision+"^{commit}").Run(); err != nil {
		t.Fatalf("the revision %s is not in the history of this clone (%v): fetch it, such as by git fetch --unshallow, or name another", revision, err)
	}
	archive := filepath.Join(dir, "source.tar")
	run("../..", "git", "archive", "--output="+archive, revision)
	run(dir, "tar", "-xf", archive)
	run(dir, "go", "build", "-o", "coursewright", "./cmd/coursewright")
	return filepath.Join(dir, "coursewright")
}

// upgrade is a deployment whose processes are replaced by those of another
// program while they work.
type upgrade struct {
	*deployment

	boxed []string // settings of the first worker, which builds in containers; empty where no engine is
	keys  []string
	repos map[string]*gitrepotest.Repo
	gate  string // builds wait for this file

	mu     sync.Mutex
	pushed map[string]int
}

// worker starts the ith worker, again when it was there before.
func (u *upgrade) worker(i int) {
	u.tb.Helper()
	u.settings.set("BUILDER", "local")
	if i == 0 {
		for _, variable := range u.boxed {
			name, value, _ := strings.Cut(variable, "=")
			u.settings.set(strings.TrimPrefix(name, settings.Prefix), value)
		}
	}
	if i == len(u.workers) {
		u.addWorker()
	} else {
		u.restartWorker(i)
	}
}

// addCourse adds a course and has it built, so that the next build comes to the same
// worker.
func (u *upgrade) addCourse(key string) {
	u.tb.Helper()
	u.keys, u.repos[key] = append(u.keys, key), gitrepotest.New(u.tb)
	u.repos[key].Commit(containerCourse("Zero", ""), "zero")
	u.apis[0].addCourse(key, u.repos[key].URL(), nil)
	u.apis[0].finished(key, u.apis[0].push(key), course.StatusSuccess) // histories that the old program began and ended
	u.pushed[key]++
}

// pushAll pushes a new commit to every course, at any api that answers.
func (u *upgrade) pushAll(title string) {
	u.tb.Helper()
	for _, key := range u.keys {
		u.repos[key].Commit(containerCourse(title, fmt.Sprintf("echo started\nuntil test -e %s; do sleep 0.1; done\n", u.gate)), title)
		u.pushOnce(key)
	}
}

func (u *upgrade) pushOnce(key string) {
	u.tb.Helper()
	for _, api := range u.apis {
		status, err := postTo(context.WithoutCancel(u.tb.Context()), api.base+"/gitmanager/"+key+"/hook")
		if err == nil && status == http.StatusOK {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.pushed[key]++
			return
		}
	}
	u.tb.Errorf("a push to %s is refused by all apis", key)
}

// A rolling upgrade from the program of an earlier revision to the present one, as
// upgrade.md tells: builds wait, run and are requested all the while. UPGRADE_FROM
// names the revision; `make upgrade` runs it.
func TestARollingUpgradeLosesNothing(t *testing.T) {
	t.Parallel()
	revision := os.Getenv(upgradeFrom)
	if revision == "" {
		t.Skip("set UPGRADE_FROM to the revision to upgrade from, as `make upgrade` does")
	}
	old := programOf(t, revision)
	d := newDeployment(t, deploymentOptions{apis: 2, program: old, settings: map[string]string{"BUILD_STOP_TIMEOUT": "1", "BUILD_CONCURRENCY": "4"}})
	u := &upgrade{deployment: d, repos: map[string]*gitrepotest.Repo{}, gate: filepath.Join(t.TempDir(), "gate"), pushed: map[string]int{}}
	if dockertest.Here(t) {
		shared := filepath.Dir(u.gate)
		u.boxed = append(inContainers(t), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":"+shared+":rw")
	} else {
		t.Log("there is no container engine: no container is handed over from one version to the other")
	}
	u.worker(0)
	u.addCourse("boxed")
	u.worker(1)
	for i := range 3 {
		u.addCourse(fmt.Sprint("course", i))
	}
	u.pushAll("One")
	for _, key := range u.keys {
		d.apis[0].running(key, d.apis[0].builds(key)[0].ID)
	}
	first := d.apis[0].builds("boxed")[0]
	u.pushAll("Two") // waits behind the first

	d.program = "" // the present one from now on
	d.migrate()
	u.pushAll("Three")
	for i := range d.apis {
		must(t, d.apis[i].stop())
		d.apis[i] = d.startAPI()
		u.pushAll(fmt.Sprint("Api", i))
	}
	for i := range d.workers {
		must(t, d.workers[i].stop())
		u.pushAll(fmt.Sprint("Worker", i))
		u.worker(i)
	}
	if u.boxed != nil {
		d.apis[1].shows("boxed", first.ID, "is followed again") // the old program's container
	}
	must(t, os.WriteFile(u.gate, nil, 0o600))
	u.check(t)
	if log := d.apis[1].log("boxed", first.ID); u.boxed != nil && strings.Count(log, "started\n") != 1 {
		t.Errorf("the container that was handed over did not run once:\n%s", log)
	}
}

// check looks whether all pushes have led to what they should, when all builds may end.
func (u *upgrade) check(t *testing.T) {
	t.Helper()
	api := u.apis[1]
	for _, key := range u.keys {
		rows := api.final(key)
		if len(rows) != u.pushed[key] {
			t.Errorf("%s: %d builds of %d pushes", key, len(rows), u.pushed[key])
		}
		for _, b := range rows {
			if b.Status != string(course.StatusSuccess) && b.Status != string(course.StatusSkipped) {
				t.Errorf("%s: build %d ended %s: %s\n%s", key, b.ID, b.Status, b.Reason, api.log(key, b.ID))
			}
		}
		api.publish(key, rows[0].Version)
		if got := string(u.apis[0].get("/static/"+key+"/index.html", http.StatusOK)); got != "<p>Worker1</p>\n" {
			t.Errorf("%s: served is %q", key, got)
		}
	}
}
