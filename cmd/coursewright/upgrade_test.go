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

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
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

	keys  []string
	repos map[string]*gitrepotest.Repo
	gate  string // builds wait for this file

	mu     sync.Mutex
	pushed map[string]int
}

// pushAll pushes a new commit to every course, at any api that answers.
func (u *upgrade) pushAll(title string) {
	u.tb.Helper()
	for _, key := range u.keys {
		files := tiny(title)
		files["build.sh"] = fmt.Sprintf("echo started; until test -e %s; do sleep 0.1; done\n%s", u.gate, files["build.sh"])
		u.repos[key].Commit(files, title)
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
	d := newDeployment(t, deploymentOptions{apis: 2, workers: 2, program: old})
	u := &upgrade{deployment: d, repos: map[string]*gitrepotest.Repo{}, gate: d.path("gate"), pushed: map[string]int{}}
	for i := range 4 {
		key := fmt.Sprint("course", i)
		u.keys, u.repos[key] = append(u.keys, key), gitrepotest.New(t)
		u.repos[key].Commit(tiny("Zero"), "zero")
		d.apis[0].addCourse(key, u.repos[key].URL(), nil)
		d.apis[0].finished(key, d.apis[0].push(key), course.StatusSuccess) // histories that the old program began and ended
		u.pushed[key]++
	}
	u.pushAll("One")
	for _, key := range u.keys {
		d.apis[0].running(key, d.apis[0].builds(key)[0].ID)
	}
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
		d.restartWorker(i)
	}
	must(t, os.WriteFile(u.gate, nil, 0o600))
	for _, key := range u.keys {
		rows := d.apis[1].final(key)
		if len(rows) != u.pushed[key] {
			t.Errorf("%s: %d builds of %d pushes", key, len(rows), u.pushed[key])
		}
		for _, b := range rows {
			if b.Status != string(course.StatusSuccess) && b.Status != string(course.StatusSkipped) {
				t.Errorf("%s: build %d ended %s: %s\n%s", key, b.ID, b.Status, b.Reason, d.apis[1].log(key, b.ID))
			}
		}
		d.apis[1].publish(key, rows[0].Version)
		if got := string(d.apis[0].get("/static/"+key+"/index.html", http.StatusOK)); got != "<p>Worker1</p>\n" {
			t.Errorf("%s: served is %q", key, got)
		}
	}
}
