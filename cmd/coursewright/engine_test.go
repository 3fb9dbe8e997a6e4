package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// An engine that dies while a build runs, and is away for longer than all tries of a
// step last, costs no build: the build waits and goes on with its container. One that
// is asked for meanwhile waits as well. One that has failed meanwhile, which may have
// said why to nobody, begins anew.
func TestBuildsWaitForTheEngine(t *testing.T) {
	t.Parallel()
	engine := dockertest.StartDaemon(t)
	data, shared := t.TempDir(), t.TempDir()
	h := startDevWith(t, append(containerSettings(), "COURSEWRIGHT_BUILD_DOCKER_HOST="+engine.Address(), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":"+shared+":rw",
		"COURSEWRIGHT_BUILD_RETRY_DELAY=1s", "COURSEWRIGHT_BUILD_CONCURRENCY=2"), data)
	awaits := func(name string) string {
		return "while [ ! -e " + filepath.Join(shared, name) + " ]; do sleep 0.1; done\n"
	}
	mark := func(name string) {
		if err := os.WriteFile(filepath.Join(shared, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	repo := gitrepotest.New(t)
	repo.Commit(containerCourse("One", "echo started\n"+awaits("back")+"echo slept\n"), "first")
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	failing := gitrepotest.New(t)
	failing.Commit(containerCourse("Two", "echo started\nif [ ! -e tried ]; then\ntouch tried\n"+awaits("away")+"echo the reason\ntouch "+filepath.Join(shared, "failed")+"\nexit 1\nfi\n"), "first")
	h.addCourse("failing", failing.URL(), nil)
	failed := h.push("failing")
	h.shows("course", id, "started\n")
	h.shows("failing", failed, "started\n")
	engine.Kill()
	h.shows("course", id, "The host cannot build at the moment")
	next := h.push("course")
	h.waitFor("the host is out", func() bool { return h.host(hostOf(t, data)).State == string(course.HostFailing) })
	mark("away")
	h.waitFor("the build fails without its engine", func() bool {
		_, err := os.Stat(filepath.Join(shared, "failed"))
		return err == nil
	})
	engine.Start()
	h.shows("course", id, "the build has gone on and is followed again")
	mark("back")
	h.succeeded(id)
	h.succeeded(next)
	h.finished("failing", failed, course.StatusSuccess)
	if log := h.log("failing", failed); !strings.Contains(log, "what it said of that may be lost") {
		t.Errorf("the log does not say why the build began anew:\n%s", log)
	}
	log := h.log("course", id)
	for _, want := range []string{"Output of this moment may be missing", "The host can build again", "slept\n"} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log does not have %q once:\n%s", want, log)
		}
	}
}

// journaled is a course whose builds write to a file that all hosts see: the first try
// does so until it is stopped.
func journaled(title, file string) map[string]string {
	return containerCourse(title, `try=$(cat /proc/sys/kernel/random/uuid)
echo "$try begins" >>`+file+`
echo started
while [ ! -e `+file+`.end ]; do
	sleep 0.1
	echo "$try goes on" >>`+file+`
done
`)
}

// A container can outlive its engine, and then nobody can stop it. Its build may be
// ended all the same: the course is not built on another host before the engine is
// back and the container is gone.
func TestACourseIsNotBuiltWhileItsContainerOutlivesTheEngine(t *testing.T) {
	t.Parallel()
	engine, temporal, shared := dockertest.StartDaemon(t), temporaltest.Start(t), t.TempDir()
	d := newDeployment(t, deploymentOptions{apis: 1, settings: map[string]string{"TEMPORAL_ADDRESS": temporal.Address(), "BUILD_CONCURRENCY": "4"}})
	api := d.apis[0]
	admin, err := sdk.Dial(sdk.Options{HostPort: temporal.Address(), Namespace: temporaldev.Namespace, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	for _, variable := range append(containerSettings(), "COURSEWRIGHT_BUILD_DOCKER_HOST="+engine.Address(), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":"+shared+":rw") {
		name, value, _ := strings.Cut(variable, "=")
		d.settings.set(strings.TrimPrefix(name, "COURSEWRIGHT_"), value)
	}
	d.addWorker()
	d.settings.set("BUILDER", "local")
	ends := map[string]struct {
		end    func(key string, id int64)
		status course.Status
	}{
		"cancelled": {func(key string, id int64) {
			api.do(http.MethodPost, fmt.Sprintf("/api/v1/courses/%s/builds/%d/cancel", key, id), "{}", http.StatusAccepted)
		}, course.StatusCancelled},
		"terminated": {func(key string, _ int64) {
			if err := admin.TerminateWorkflow(t.Context(), "build/"+key, "", "by an administrator"); err != nil {
				t.Fatal(err)
			}
		}, course.StatusFailed},
	}
	journal := func(key string) string { return filepath.Join(shared, key) }
	read := func(key string) string {
		text, err := os.ReadFile(journal(key))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first, second := map[string]int64{}, map[string]int64{}
	for key := range ends {
		repo := gitrepotest.New(t)
		repo.Commit(journaled("One", journal(key)), "first")
		api.addCourse(key, repo.URL(), nil)
		first[key] = api.push(key)
		api.shows(key, first[key], "started\n")
	}
	d.addWorker()
	engine.Kill()
	api.waitFor("the host without its engine is out", func() bool { return api.host(d.hostID(0)).State == string(course.HostFailing) })
	for key, c := range ends {
		c.end(key, first[key])
		api.finished(key, first[key], c.status)
		second[key] = api.push(key)
	}
	for key := range ends {
		api.shows(key, second[key], "has not said yet that an earlier build of the course is stopped")
		written := len(read(key))
		api.waitFor("the container goes on", func() bool { return len(read(key)) > written })
	}
	engine.Start()
	began := time.Now()
	for key := range ends {
		api.waitFor("the container is gone", func() bool { tries, _ := readJournal(read(key)); return tries == 2 })
		if err := os.WriteFile(journal(key)+".end", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if b := api.finished(key, second[key], course.StatusSuccess); b.Host != d.hostID(1) {
			t.Errorf("the build is on %s, want it on the other host", b.Host)
		}
		if _, twice := readJournal(read(key)); twice {
			t.Errorf("%s was built twice at once:\n%s", key, read(key))
		}
	}
	if took := time.Since(began); took > containerBound+quick {
		t.Errorf("with the engine back the builds took %s", took)
	}
	left, err := engine.Client().ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil || len(left.Items) != 0 {
		t.Errorf("containers are left: %v, %v", left.Items, err)
	}
}

// A worker that is gone for good while its engine is away as well: the watchman ends
// the container when the engine is back, unless another worker has come.
func TestTheWatchmanWaitsForTheEngine(t *testing.T) {
	t.Parallel()
	engine, dir := dockertest.StartDaemon(t), t.TempDir()
	api := engine.Client()
	made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config:     &container.Config{Image: dockertest.Image, Cmd: []string{"sleep", "600"}, Labels: map[string]string{docker.LabelDisk: "disk"}},
		HostConfig: &container.HostConfig{NetworkMode: docker.NoNetwork},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	engine.Kill()
	if err := writeInstance(dir, "worker"); err != nil {
		t.Fatal(err)
	}
	w := watched{buildPath: dir, disk: "disk", instance: "another", engine: engine.Address()}
	if err := w.end(0); err != nil {
		t.Errorf("with another worker: %v", err)
	}
	w.instance = "worker"
	if err := w.end(0); err == nil {
		t.Error("the containers were ended without an engine")
	}
	ended := make(chan error, 1)
	go func() { ended <- w.end(time.Minute) }()
	engine.Start()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true}); err != nil || len(left.Items) != 0 {
		t.Errorf("containers are left: %v, %v", left.Items, err)
	}
}
