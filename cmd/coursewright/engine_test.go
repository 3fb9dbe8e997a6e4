package main

import (
	"strings"
	"testing"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// An engine that dies while a build runs, and is away for longer than all tries of a
// step last, costs no build, though there is one course only: the build waits and goes
// on with its container. One that is asked for meanwhile waits as well.
func TestBuildsWaitForTheEngine(t *testing.T) {
	t.Parallel()
	if missing := dockertest.DaemonMissing(); missing != "" {
		t.Skip(missing)
	}
	engine := dockertest.StartDaemon(t)
	data := t.TempDir()
	h := startDevWith(t, append(containerSettings(), "COURSEWRIGHT_BUILD_DOCKER_HOST="+engine.Address(), "COURSEWRIGHT_BUILD_RETRY_DELAY=1s"), data)
	repo := gitrepotest.New(t)
	repo.Commit(containerCourse("One", "echo started\nsleep 4\necho slept\n"), "first")
	h.addCourse("course", repo.URL(), nil)
	id := h.push("course")
	h.shows("course", id, "started\n")
	engine.Kill()
	h.shows("course", id, "The host cannot build at the moment")
	next := h.push("course")
	h.waitFor("the host is out", func() bool { return h.host(hostOf(t, data)).State == string(course.HostFailing) })
	engine.Start()
	h.succeeded(id)
	h.succeeded(next)
	log := h.log("course", id)
	for _, want := range []string{"Output of this moment may be missing", "The host can build again", "slept\n"} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log does not have %q once:\n%s", want, log)
		}
	}
}
