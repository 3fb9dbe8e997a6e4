package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "go.temporal.io/sdk/client"

	"coursewright/client"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// quick is how long a trivial build may take when it waits for no dead host:
// that would be half a minute.
const quick = 20 * time.Second

// hostNumber says which worker has a build disk.
func (d *deployment) hostNumber(id string) int {
	d.tb.Helper()
	for i := range d.workers {
		if d.hostID(i) == id {
			return i
		}
	}
	d.tb.Fatalf("no worker has the build disk %q", id)
	return -1
}

// host is a build host as the API shows it.
func (h *harness) host(id string) client.Host {
	h.tb.Helper()
	var one client.Host
	h.getJSON("/api/v1/hosts/"+id, &one)
	return one
}

// builtOn builds a course and gives the host that did it, in reasonable time.
func (h *harness) builtOn(key string) string {
	h.tb.Helper()
	begun := time.Now()
	b := h.finished(key, h.push(key), course.StatusSuccess)
	if took := time.Since(begun); took > quick {
		h.tb.Errorf("the build took %s; it has waited for a host that takes none", took)
	}
	return b.Host
}

// TestBuildsGoToHostsThatTakeThem drains, stops and kills the host that has the
// working copy: the next build goes elsewhere without waiting for it.
func TestBuildsGoToHostsThatTakeThem(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 3})
	api := d.apis[0]
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	api.addCourse("course", repo.URL(), nil)

	first := api.builtOn("course")
	if again := api.builtOn("course"); again != first {
		t.Errorf("the second build is on %s; the working copy is on %s", again, first)
	}
	api.mustHost("drain", first)
	second := api.builtOn("course")
	if second == first {
		t.Errorf("a drained host took a build")
	}
	api.mustHost("resume", first)

	if err := d.workers[d.hostNumber(second)].stop(); err != nil {
		t.Errorf("the end of a worker: %v", err)
	}
	if got := api.host(second).State; got != string(course.HostStopped) {
		t.Errorf("the stopped host is %s", got)
	}
	third := api.builtOn("course")
	if third == second {
		t.Errorf("a stopped host took a build")
	}
	d.workers[d.hostNumber(third)].kill()
	api.waitFor("the killed host is gone", func() bool { return api.host(third).Gone })
	fourth := api.builtOn("course")
	if fourth == second || fourth == third {
		t.Errorf("a host that is gone took a build")
	}
	for _, id := range []string{second, third} {
		d.restartWorker(d.hostNumber(id))
		if got := api.host(id); got.State != string(course.HostActive) || got.Gone {
			t.Errorf("a host that came back is %+v", got)
		}
	}
	if out := api.mustHost("list"); strings.Count(out, "active") != 3 {
		t.Errorf("three hosts have come and gone and come back:\n%s", out)
	}
}

// TestAHostWithoutSpaceTakesNoBuilds: the other one does, and the list of hosts
// says why.
func TestAHostWithoutSpaceTakesNoBuilds(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1})
	api := d.apis[0]
	d.settings.set("MIN_FREE_DISK", "1000000TiB")
	d.addWorker()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	for i := range 4 {
		key := fmt.Sprint("course", i)
		api.addCourse(key, repo.URL(), nil)
		if got := api.builtOn(key); got != d.hostID(0) {
			t.Errorf("%s was built on %s, which has no space", key, got)
		}
	}
	full := api.host(d.hostID(1))
	if full.State != string(course.HostFailing) || !strings.Contains(full.Reason, "MIN_FREE_DISK") {
		t.Errorf("the host without space is %+v", full)
	}

	// A build folder is one process's.
	e := runProgram(t, d.settings.environ("COURSEWRIGHT_BUILD_PATH="+d.path("build0")), "worker")
	if e.status == 0 || !strings.Contains(e.errOut, "another coursewright process uses the build folder") {
		t.Errorf("a second worker on a build folder ended with %d: %s", e.status, e.errOut)
	}
}

// TestManualBuildsGoFirst has one slot and many pushes that wait for it.
func TestManualBuildsGoFirst(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_BUILD_CONCURRENCY=1"}})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	keys := []string{"running", "a", "b", "c", "manual"}
	for _, key := range keys { // the working copies are there afterwards
		h.addCourse(key, repo.URL(), nil)
		h.succeed(h.push(key))
	}
	files := tiny("Two")
	order, end := filepath.Join(t.TempDir(), "order"), filepath.Join(t.TempDir(), "end")
	files["build.sh"] = "echo started; echo $COURSE_KEY >>" + order + "\n" +
		"while [ $COURSE_KEY = running ] && [ ! -e " + end + " ]; do sleep 0.05; done\n" + files["build.sh"]
	repo.Commit(files, "slow")
	running := h.push("running")
	h.running("running", running)
	ids := map[string]int64{}
	waits := func(key string) {
		h.waitFor(key+" waits for a slot", func() bool { return strings.Contains(h.log(key, ids[key]), "Waiting for a build slot") })
	}
	for _, key := range []string{"a", "b", "c"} {
		ids[key] = h.push(key)
	}
	for _, key := range []string{"a", "b", "c"} {
		waits(key)
	}
	var started buildJSON
	if err := json.Unmarshal(h.do(http.MethodPost, "/api/v1/courses/manual/builds", "{}", http.StatusAccepted), &started); err != nil {
		t.Fatal(err)
	}
	ids["manual"] = started.ID
	waits("manual")
	must(t, os.WriteFile(end, nil, 0o600))
	h.succeed(ids["manual"])
	for _, key := range []string{"a", "b", "c"} {
		h.succeed(ids[key])
		if !strings.Contains(h.log(key, ids[key]), "for a build slot.") {
			t.Errorf("the log of %s does not tell how long it waited", key)
		}
	}
	ran, err := os.ReadFile(order)
	must(t, err)
	if got := strings.Fields(string(ran)); len(got) != 5 || got[0] != "running" || got[1] != "manual" {
		t.Errorf("the commands ran in the order %v; want the manual one right after the one that ran", got)
	}
}

// TestABrokenHostTakesItselfOut starts with a host whose engine does not
// answer: its builds do not fail but wait for a host that can do them.
func TestABrokenHostTakesItselfOut(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, settings: map[string]string{
		"HOST_MAX_FAILURES": "2", "HOST_PAUSE": "1h", "BUILD_RETRY_DELAY": "1s",
	}})
	api := d.apis[0]
	d.settings.set("BUILDER", "docker")
	d.settings.set("BUILD_DOCKER_HOST", "unix://"+d.path("no-engine.sock"))
	d.addWorker()
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	ids := map[string]int64{}
	for _, key := range []string{"one", "two"} {
		api.addCourse(key, repo.URL(), nil)
		ids[key] = api.push(key)
	}
	broken := d.hostID(0)
	api.waitFor("the broken host is out", func() bool { return api.host(broken).State == string(course.HostFailing) })
	if got := api.host(broken).Reason; !strings.Contains(got, "container engine at") || !strings.Contains(got, "no-engine.sock") {
		t.Errorf("the reason is %q", got)
	}

	d.settings.set("BUILDER", "local")
	d.addWorker()
	logs := ""
	for key, id := range ids {
		if b := api.finished(key, id, course.StatusSuccess); b.Host != d.hostID(1) {
			t.Errorf("%s was built on %s", key, b.Host)
		}
		logs += api.log(key, id)
	}
	// The other build may not have come to that host: it took itself out at once.
	if !strings.Contains(logs, "trouble of the service, not of the course") || !strings.Contains(logs, "no-engine.sock") {
		t.Errorf("the logs do not tell what kept the builds:\n%s", logs)
	}
}

// TestAWipedDiskLeavesNothingBehind: its containers end, its row goes, and the
// build that ran there is done by the host that the disk is now.
func TestAWipedDiskLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	mark := t.TempDir()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, environ: append(inContainers(t), "COURSEWRIGHT_BUILD_MOUNTS="+mark+":/mark:rw")})
	repo, api := gitrepotest.New(t), d.apis[0]
	repo.Commit(containerCourse("One", "if mkdir /mark/first; then echo started; exec sleep 600; fi\n"), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	old := d.hostID(0)
	d.workers[0].kill()
	d.settings.set("WIPE_BUILD_PATH", "true")
	d.restartWorker(0)
	if left := dockertest.Containers(t, docker.LabelDisk+"="+old); len(left) != 0 {
		t.Errorf("containers of the wiped disk are left: %v", left)
	}
	api.get("/api/v1/hosts/"+old, http.StatusNotFound)
	api.shows("course", id, "does not answer any more")
	if b := api.finished("course", id, course.StatusSuccess); b.Host == old || b.Host != d.hostID(0) {
		t.Errorf("the build was done by %s; the disk was %s and is %s", b.Host, old, d.hostID(0))
	}
}

// A build whose workflow is reset begins again at once, perhaps on another host, and
// before the one that builds has heard of it: the second waits for the first to be
// stopped. Each writes its time where the other sees it.
func TestAResetBuildDoesNotRunBesideItself(t *testing.T) {
	t.Parallel()
	temporal := temporaltest.Start(t)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 2, settings: map[string]string{"TEMPORAL_ADDRESS": temporal.Address()}})
	admin, err := sdk.Dial(sdk.Options{HostPort: temporal.Address(), Namespace: temporaldev.Namespace, Logger: testLog(t)})
	must(t, err)
	t.Cleanup(admin.Close)
	repo, api, shared := gitrepotest.New(t), d.apis[0], t.TempDir()
	files := tiny("One")
	files["build.sh"] = "cd " + shared + `
if mkdir again 2>/dev/null; then
	echo started
	while :; do echo "$i" >alive.new; mv alive.new alive; i=$((i + 1)); sleep 0.02; done
fi
before=$(cat alive)
sleep 0.3
if [ "$before" != "$(cat alive)" ]; then echo "another build runs"; exit 9; fi
cd "$OLDPWD"
` + files["build.sh"]
	repo.Commit(files, "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	first := d.workerOf("course", id)
	api.mustHost("drain", d.hostID(first))
	reset(t, admin, "course")
	b := api.finished("course", id, course.StatusSuccess)
	if b.Host == d.hostID(first) {
		t.Error("the build began again on the drained host")
	}
}

// A host could not say that it builds a course no more, since the database was away
// then: it says so soon, whatever its builder, and others need not wait for it.
func TestAHostGivesBackWhatItDoesNotBuild(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	h.addCourse("course", repo.URL(), nil)
	store := h.system.store
	if holder, err := store.HoldCourse(t.Context(), "course", h.system.host, ""); err != nil || holder != h.system.host {
		t.Fatalf("the course is held by %q, %v", holder, err)
	}
	h.waitFor("another host may have the course", func() bool {
		holder, err := store.HoldCourse(t.Context(), "course", "another", "")
		must(t, err)
		return holder == "another"
	})
}
