package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/store/postgres/postgrestest"
)

// outage is how long the database is away in the test: longer than a store
// tries again by itself, and than the first pauses of activities.
const outage = 5 * time.Second

// The database stops in the middle of builds: hooks are refused for as long as
// it is away and no longer, and every build that was accepted ends well.
func TestTheDatabaseMayStopDuringBuilds(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	h := newHarness(t, harnessOptions{environ: []string{"COURSEWRIGHT_DATABASE_URL=" + server.Address(server.Database(t))}})
	const courses = 5
	ids := make(map[string]int64, courses)
	for i := range courses {
		key := fmt.Sprint("course", i)
		repo := gitrepotest.New(t)
		files := tiny(key)
		files["build.sh"] = "echo started\nfor i in $(seq 20); do echo line $i; sleep 0.2; done\n" + files["build.sh"]
		repo.Commit(files, "first")
		h.addCourse(key, repo.URL(), nil)
		ids[key] = h.push(key)
	}
	h.running("course0", ids["course0"])

	server.Stop()
	for end := time.Now().Add(outage); time.Now().Before(end); {
		refused := h.hook("course1")
		if refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" {
			t.Errorf("without a database the hook answers %s, Retry-After %q", refused.Status, refused.Header.Get("Retry-After"))
		}
	}
	server.Resume()
	if accepted := h.hook("course1"); accepted.StatusCode != http.StatusOK {
		t.Errorf("with the database back the hook answers %s", accepted.Status)
	}
	for key, id := range ids {
		b := h.succeed(id)
		h.published(key, b.Version)
		if log := h.log(key, id); !strings.Contains(log, "started") {
			t.Errorf("the log of build %d is %q", id, log)
		}
	}
	for _, b := range h.builds("course1") {
		if got := h.await(b.ID); got.Status != course.StatusSuccess {
			t.Errorf("build %d ended %s: %s", b.ID, got.Status, got.Reason)
		}
	}
	if n := len(h.builds("course1")); n != 2 {
		t.Errorf("course1 has %d builds; want the two that were accepted", n)
	}
}

// hook calls a course's hook and gives the answer, whose body is closed.
func (h *harness) hook(key string) *http.Response {
	h.tb.Helper()
	res, err := http.Post(h.base+"/gitmanager/"+key+"/hook", "application/x-www-form-urlencoded", nil)
	if err != nil {
		h.tb.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		h.tb.Fatal(err)
	}
	return res
}
