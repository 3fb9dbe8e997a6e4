package main

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// A worker whose clock is days ahead takes a container over, here from itself after
// the engine was killed: the build has not run for longer than it may.
func TestAWrongClockEndsNoBuild(t *testing.T) {
	t.Parallel()
	engine, shared := dockertest.StartDaemon(t), t.TempDir()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, environ: append(containerSettings(),
		"COURSEWRIGHT_BUILD_DOCKER_HOST="+engine.Address(), "COURSEWRIGHT_BUILD_MOUNTS="+shared+":"+shared+":rw")})
	repo, api := gitrepotest.New(t), d.apis[0]
	repo.Commit(containerCourse("One", fmt.Sprintf("echo started\nuntil test -e %s/gate; do sleep 0.1; done\n", shared)), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.shows("course", id, "started")
	jump, err := newClockJump(d.workers[0].cmd.Process.Pid)
	if errors.Is(err, errNoClockJump) {
		gitrepotest.Missing(t, "clocks", err.Error())
	}
	must(t, err)
	must(t, jump.set(72*time.Hour))
	engine.Kill()
	engine.Start()
	api.shows("course", id, "is followed again")
	must(t, os.WriteFile(shared+"/gate", nil, 0o600))
	api.finished("course", id, course.StatusSuccess)
}
