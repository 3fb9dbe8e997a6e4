package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// hostID is the id of the build disk of the ith worker.
func (d *deployment) hostID(i int) string {
	d.tb.Helper()
	id, err := os.ReadFile(d.path(fmt.Sprintf("build%d/.host", i)))
	if err != nil {
		d.tb.Fatal(err)
	}
	return string(id)
}

// workerOf finds the worker that has a build.
func (d *deployment) workerOf(key string, id int64) int {
	d.tb.Helper()
	for _, b := range d.apis[0].builds(key) {
		for i := range d.workers {
			if b.ID == id && b.Host == d.hostID(i) {
				return i
			}
		}
	}
	d.tb.Fatalf("no worker has build %d of %s", id, key)
	return -1
}

// A rolling restart of all workers while they build: every build goes on in its
// container, and its log is whole.
func TestARollingRestartLosesNoBuild(t *testing.T) {
	t.Parallel()
	const lines, courses = 9000, 3
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 2, environ: append(inContainers(t), "COURSEWRIGHT_BUILD_STOP_TIMEOUT=1")})
	api := d.apis[0]
	repo := gitrepotest.New(t)
	repo.Commit(containerCourse("One", counting(lines)), "first")
	builds := map[string]int64{}
	for i := range courses {
		key := fmt.Sprintf("course%d", i)
		api.addCourse(key, repo.URL(), nil)
		builds[key] = api.push(key)
	}
	for key, id := range builds {
		api.shows(key, id, "line 10\n")
	}
	for i, w := range d.workers {
		if err := w.stop(); err != nil {
			t.Errorf("worker %d ended with %v", i, err)
		}
		d.restartWorker(i)
	}
	for key, id := range builds {
		api.finished(key, id, course.StatusSuccess)
		log := api.log(key, id)
		wantCounted(t, log, lines)
		if n := strings.Count(log, "is followed again"); n != 1 {
			t.Errorf("the log of %s tells %d times that the build was handed over:\n%.3000s", key, n, log)
		}
	}
	for i := range d.workers {
		if left := dockertest.Containers(t, docker.LabelDisk+"="+d.hostID(i)); len(left) != 0 {
			t.Errorf("containers of worker %d are left: %v", i, left)
		}
	}
}

// A local build cannot be handed over: it is stopped with its worker and begins
// anew.
func TestAStoppedWorkersLocalBuildBeginsAnew(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, environ: []string{"COURSEWRIGHT_BUILD_STOP_TIMEOUT=0"}})
	repo, api := gitrepotest.New(t), d.apis[0]
	files := tiny("One")
	files["build.sh"] = "if mkdir ../first-try; then echo started; exec sleep 600; fi\n" + files["build.sh"]
	repo.Commit(files, "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	if err := d.workers[0].stop(); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
	d.restartWorker(0)
	api.finished("course", id, course.StatusSuccess)
	if log := api.log("course", id); !strings.Contains(log, "the build begins anew") {
		t.Errorf("the log does not say that the build began anew:\n%s", log)
	}
}

// A host that dies in the midst of a build and does not come back: within a minute
// another clones afresh and builds.
func TestAnotherHostTakesOverTheBuildOfADeadOne(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 2})
	repo, api := gitrepotest.New(t), d.apis[0]
	files := tiny("One")
	mark := d.path("first-try")
	files["build.sh"] = "if mkdir " + mark + "; then echo started; exec sleep 600; fi\n" + files["build.sh"]
	repo.Commit(files, "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	first := d.workerOf("course", id)
	d.workers[first].kill()
	killed := time.Now()
	api.waitFor("the other host has the build", func() bool { return d.workerOf("course", id) != first })
	took := time.Since(killed)
	t.Logf("the other host had the build %s after the first was killed", took)
	if took > buildable {
		t.Errorf("another host has the build after %s", took)
	}
	api.finished("course", id, course.StatusSuccess)
	if log := api.log("course", id); !strings.Contains(log, "does not answer any more") {
		t.Errorf("the log does not tell why the build began anew:\n%s", log)
	}
	if second := d.workerOf("course", id); second == first {
		t.Errorf("worker %d has the build still", first)
	}
}

// A host whose worker is killed and does not come back: its container, which
// nobody follows, ends before another host begins the build. Each writes its time
// where the other sees it.
func TestNoContainerOutlivesADeadWorkerForLong(t *testing.T) {
	t.Parallel()
	shared := t.TempDir()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 2, environ: append(inContainers(t), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":/shared:rw")})
	repo, api := gitrepotest.New(t), d.apis[0]
	repo.Commit(containerCourse("One", `if mkdir /shared/again; then
	echo started
	while :; do echo "$i" >/shared/alive; i=$((i + 1)); sleep 0.1; done
fi
before=$(cat /shared/alive)
sleep 3
if [ "$before" != "$(cat /shared/alive)" ]; then echo "another build runs"; exit 9; fi
`), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	first := d.workerOf("course", id)
	host := d.hostID(first)
	d.workers[first].kill()
	if len(dockertest.Containers(t, docker.LabelDisk+"="+host)) != 1 {
		t.Error("the container ended with its worker: the test shows nothing")
	}
	api.gone(host, time.Minute)
	api.shows("course", id, "does not answer any more")
	api.finished("course", id, course.StatusSuccess)
}

// A worker that is told to stop follows a build to its end, for longer than the
// watchman would wait for a worker that is gone.
func TestAStoppingWorkerFollowsItsBuildToTheEnd(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, environ: append(inContainers(t), "COURSEWRIGHT_BUILD_STOP_TIMEOUT=120")})
	repo, api := gitrepotest.New(t), d.apis[0]
	repo.Commit(containerCourse("One", "echo started\nsleep 32\necho slept\n"), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	if err := d.workers[0].stop(); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
	if log := api.log("course", id); !strings.Contains(log, "slept") {
		t.Errorf("the worker left before the build had ended:\n%s", log)
	}
	d.restartWorker(0)
	api.finished("course", id, course.StatusSuccess)
	if log := api.log("course", id); strings.Count(log, "started\n") != 1 {
		t.Errorf("the build did not run once:\n%s", log)
	}
}
