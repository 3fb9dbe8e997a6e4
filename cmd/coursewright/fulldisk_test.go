package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/host"
	"coursewright/internal/store/postgres/postgrestest"
)

// A build command that fails on a disk without space is nobody's fault in the
// course: another host builds it.
func TestAFullDiskIsNotTheCoursesFault(t *testing.T) {
	t.Parallel()
	if missing := mountsHere(t); missing != "" {
		t.Skip(missing)
	}
	d := newDeployment(t, deploymentOptions{apis: 1, settings: map[string]string{"MIN_FREE_DISK": "4MiB"}})
	small, err := mountDisk(t, d.path("build0"), workerDisk)
	must(t, err)
	d.addWorker()
	api, repo, gate := d.apis[0], gitrepotest.New(t), d.path("gate")
	files := tiny("One")
	files["build.sh"] = fmt.Sprintf("set -e\necho started; until test -e %s; do sleep 0.1; done\n%s", gate, files["build.sh"])
	repo.Commit(files, "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.running("course", id)
	full := d.hostID(0)
	defer small.fill()()
	d.addWorker()
	must(t, os.WriteFile(gate, nil, 0o600))
	if b := api.finished("course", id, course.StatusSuccess); b.Host == full {
		t.Errorf("the build ended on the host without space")
	}
	if log := api.log("course", id); !strings.Contains(log, "may have failed for that") {
		t.Errorf("the log does not tell why the build began again:\n%s", log)
	}
}

// So it is when the space is back before the database, which has to be asked first,
// answers.
func TestADiskThatWasFullForAMomentIsNotTheCoursesFault(t *testing.T) {
	t.Parallel()
	if missing := mountsHere(t); missing != "" {
		t.Skip(missing)
	}
	server := postgrestest.Start(t)
	d := newDeployment(t, deploymentOptions{
		apis: 1, settings: map[string]string{"MIN_FREE_DISK": "4MiB"},
		environ: []string{"COURSEWRIGHT_DATABASE_URL=" + server.Address(server.Database(t))},
	})
	small, err := mountDisk(t, d.path("build0"), workerDisk)
	must(t, err)
	d.addWorker()
	api, repo, gate, ended := d.apis[0], gitrepotest.New(t), d.path("gate"), d.path("ended")
	files := tiny("One")
	files["build.sh"] = fmt.Sprintf("set -e\ntrap 'touch %s' EXIT\necho started; until test -e %s; do sleep 0.1; done\n%s", ended, gate, files["build.sh"])
	repo.Commit(files, "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	api.running("course", id)

	server.Freeze()
	must(t, pause(t.Context(), host.Interval+time.Second)) // a heartbeat waits
	free := small.fill()
	must(t, os.WriteFile(gate, nil, 0o600))
	api.waitFor("the command has ended", func() bool {
		_, err := os.Stat(ended)
		return err == nil
	})
	must(t, pause(t.Context(), 2*time.Second)) // how long it is full yet
	free()
	server.Thaw()
	api.finished("course", id, course.StatusSuccess)
	if log := api.log("course", id); !strings.Contains(log, "may have failed for that") {
		t.Errorf("the log does not tell why the build began again:\n%s", log)
	}
}
