package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/activities"
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
		h.succeed(id)
		if log := h.log(key, id); !strings.Contains(log, "started") {
			t.Errorf("the log of build %d is %q", id, log)
		}
	}
	if n := len(h.builds("course1")); n != 2 {
		t.Errorf("course1 has %d builds; want the two that were accepted", n)
	}
	// The second build of course1 may be published before anybody has looked at the first.
	for key := range ids {
		newest := h.succeed(h.builds(key)[0].ID)
		h.published(key, newest.Version)
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

// TestOutages stops PostgreSQL, Temporal's databases included, and then Temporal in
// the middle of builds: no build is lost, no row is wrong, hooks are refused with
// 503 and Retry-After while the database is away and not a moment longer, and all
// builds end. A variable changes it:
//
//	OUTAGE=30s  the long form, with 20 builds and outages of that length
//
// `make outage` runs the long form.
func TestOutages(t *testing.T) {
	t.Parallel()
	const perSecond = 2 // lines that a build prints
	o := outages{length: 3 * time.Second, courses: 4, lines: 6 * perSecond}
	if text := os.Getenv("OUTAGE"); text != "" {
		length, err := time.ParseDuration(text)
		if err != nil || length <= 0 {
			t.Fatalf("OUTAGE=%s: give how long each lasts, such as 30s", text)
		}
		// Builds outlast both.
		o = outages{length: length, courses: 20, lines: int(perSecond * (2*length + 20*time.Second).Seconds())}
	}
	o.run(t)
}

// outages are outages in the middle of the first builds of so many courses, which
// print so many lines.
type outages struct {
	length         time.Duration
	courses, lines int

	*production
	api      *program
	commits  map[string]string // of each course
	accepted map[string][]int64
	shared   string
}

func outageCourse(i int) string { return fmt.Sprintf("course%02d", i) }

func (o *outages) run(t *testing.T) {
	t.Helper()
	o.production, o.commits, o.accepted, o.shared = newProduction(t), map[string]string{}, map[string][]int64{}, t.TempDir()
	o.settings["BUILD_CONCURRENCY"], o.settings["AUTO_PUBLISH"] = fmt.Sprint(o.courses), "true"
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: o.settings})
	o.api = d.apis[0]
	o.begin(t)

	o.database.Stop()
	o.refused(t)
	o.database.Resume()
	o.push(t) // each hook is taken, from the first on

	o.temporal.Stop()
	for end := time.Now().Add(o.length); time.Now().Before(end); {
		o.push(t)
		if err := pause(t.Context(), o.length/4); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(o.api.get("/readyz", http.StatusOK)); !strings.Contains(got, "without temporal") {
		t.Errorf("readyz says %q", got)
	}
	o.temporal.Resume()
	o.push(t)
	o.check(t)
}

// begin makes the courses and waits until all are being built.
func (o *outages) begin(t *testing.T) {
	t.Helper()
	for i := range o.courses {
		key := outageCourse(i)
		repo := gitrepotest.New(t)
		for _, name := range []string{".lock", ".journal"} {
			if err := os.WriteFile(filepath.Join(o.shared, key+name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		files := tiny(key)
		files["build.sh"] = "echo started\n" + fmt.Sprintf(campaignScript, o.shared, o.lines) + files["build.sh"]
		o.commits[key] = repo.Commit(files, "first")
		o.api.addCourse(key, repo.URL(), nil)
	}
	o.push(t)
	for key, ids := range o.accepted {
		o.api.running(key, ids[0])
	}
}

// push pushes to every course; each push is accepted.
func (o *outages) push(t *testing.T) {
	t.Helper()
	for key := range o.commits {
		if answer := o.api.hook(key); answer.StatusCode != http.StatusOK {
			t.Fatalf("the hook of %s answers %s", key, answer.Status)
		}
		o.accepted[key] = append(o.accepted[key], o.api.builds(key)[0].ID)
	}
}

// refused pushes while the database is away.
func (o *outages) refused(t *testing.T) {
	t.Helper()
	n := 0
	for end := time.Now().Add(o.length); time.Now().Before(end); n++ {
		key := outageCourse(n % o.courses)
		answer := o.api.hook(key)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("without a database the hook of %s answers %s, Retry-After %q", key, answer.Status, answer.Header.Get("Retry-After"))
		}
	}
	t.Logf("%d pushes were refused", n)
}

// check looks whether every push that was accepted, and no other, has led to what
// it should.
func (o *outages) check(t *testing.T) {
	t.Helper()
	tries, pushes, successes := 0, 0, 0
	for key, accepted := range o.accepted {
		rows := o.api.finalWithin(key, time.Minute+10*o.length)
		if len(rows) != len(accepted) {
			t.Errorf("%s: %d pushes were accepted, there are %d builds", key, len(accepted), len(rows))
		}
		if rows[0].Status != string(course.StatusSuccess) {
			t.Errorf("%s: the last build is %s: %s", key, rows[0].Status, rows[0].Reason)
			continue
		}
		for _, b := range rows {
			if b.Status == string(course.StatusSuccess) {
				successes++
			}
			if problem := o.wrong(b, key); problem != "" {
				t.Errorf("%s: build %d %s: %+v\n%s", key, b.ID, problem, b, o.api.log(key, b.ID))
			}
		}
		o.api.waitFor(key+" is published", func() bool { return o.api.listed(key) == rows[0].Version })
		journal, err := os.ReadFile(filepath.Join(o.shared, key+".journal"))
		if err != nil {
			t.Fatal(err)
		}
		n, twice := readJournal(string(journal))
		if twice {
			t.Errorf("%s: was built twice at once:\n%s", key, journal)
		}
		tries += n
		pushes += len(accepted)
	}
	t.Logf("%d courses, %d pushes, %d builds with %d tries of build commands", o.courses, pushes, successes, tries)
	// What is shorter than the time after which a host counts as lost costs nothing.
	if o.length < activities.HeartbeatTimeout && tries != successes {
		t.Errorf("%d builds took %d tries", successes, tries)
	}
}

// wrong says what is wrong with a row that has its final status; empty: nothing.
func (o *outages) wrong(b buildJSON, key string) string {
	switch {
	case b.FinishedAt == nil:
		return "has no end"
	case b.Status == string(course.StatusSkipped):
		if b.Version != "" || b.Reason == "" {
			return "was skipped and has a release or no reason"
		}
		return ""
	case b.Status != string(course.StatusSuccess):
		return "failed"
	case b.Commit != o.commits[key], b.Version == "", b.Host == "", b.StartedAt == nil, b.StartedAt.After(*b.FinishedAt):
		return "is a success and its facts are not those of one"
	}
	last := map[string]string{} // a step that was cut off is tried again
	for _, s := range b.Steps {
		last[s.Name] = s.Outcome
	}
	for name, outcome := range last {
		if outcome != string(course.OutcomeOK) {
			return "has a step that did not end well: " + name
		}
	}
	if err := wholeLog(o.api.log(key, b.ID), o.lines); err != nil {
		return "has a log that " + err.Error()
	}
	return ""
}
