package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/web"
)

// gallery is a service with something of everything to look at.
type gallery struct {
	*site
	base                            string
	running, failed, command, plain int64 // builds
}

// storyteller tells a store what happens, at times of its own.
type storyteller struct {
	t     *testing.T
	store *sqlite.Store
	now   time.Time
}

func (s *storyteller) wait(d time.Duration) { s.now = s.now.Add(d) }

// How steps end.
const (
	ok     = "ok"
	failed = "failed"
)

const galleryHost = "0f9c1f2e-builder-1"

func newGallery(t *testing.T) *gallery {
	t.Helper()
	teller := &storyteller{t: t, now: time.Now().Add(-26 * time.Hour)}
	s := newSiteAt(t, func() time.Time { return teller.now }, func(c *web.Config) {
		c.SSHKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6Xh2y0w9b0Uu7n5q8o3V1zXk4m6c2p9s8d7f6g5h4j coursewright"
		c.RunURL = func(b course.Build) string { return "http://127.0.0.1:8233/workflows/" + b.RunID }
		hosts, ok := c.Courses.(web.BuildHosts)
		if !ok {
			t.Fatalf("%T keeps no build hosts", c.Courses)
		}
		c.Hosts = hosts
		c.Sweeps = c.Courses.(web.Sweeps)     //nolint:forcetypeassert // the same database
		c.AuditLog = c.Courses.(web.AuditLog) //nolint:forcetypeassert // the same database
		c.Now = time.Now
		c.Origins = fakeOrigins{}
		withDiffs(&diffs{items: someDiffs(), waits: true})(c)
	})
	teller.store = s.store
	g := &gallery{site: s}
	s.fake.of = "programming-1"
	g.hosts(t)
	must(t, s.store.RecordSweep(t.Context(), course.Sweep{By: "api-1/7", Took: 12 * time.Millisecond, Running: 1, Pending: 1}))
	must(t, s.store.RecordClosing(t.Context(), course.Closing{Course: "databases", BuildID: 4, Reason: "The build's workflow ended early (Terminated in Temporal); build again."}))
	g.plain = g.good(t, teller)
	g.other(t, teller)
	g.command = g.brokenCommand(t, teller)
	g.failed = g.broken(t, teller)
	g.running = g.open(t, teller)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	g.base = server.URL
	return g
}

func (g *gallery) hosts(t *testing.T) {
	t.Helper()
	for _, r := range []course.HostReport{
		{ID: galleryHost, Name: "builder-1", Version: "1.4.0", Slots: 4, Running: 1, Load: 1.7, DiskFree: 31 << 30, DiskTotal: 80 << 30, StartedAt: time.Now().Add(-90 * time.Hour)},
		{ID: "77aa0c31-builder-2", Name: "builder-2", Version: "1.4.0", Slots: 4, Trouble: "the container engine does not answer", DiskFree: 60 << 30, DiskTotal: 80 << 30, StartedAt: time.Now().Add(-2 * time.Hour)},
	} {
		_, err := g.store.ReportHost(t.Context(), r)
		must(t, err)
	}
}

// step tells a step with its output, and how it ended: ok, or failed and why;
// nothing while it goes on.
func (s *storyteller) step(id int64, name string, took time.Duration, log string, ending ...string) {
	s.t.Helper()
	ctx := context.Background()
	try, err := s.store.StartTry(ctx, id, name)
	must(s.t, err)
	if log != "" {
		must(s.t, s.store.AppendTry(ctx, try, course.LogAppend{Text: log}))
	}
	s.wait(took)
	switch len(ending) {
	case 0: // it goes on
	case 1:
		must(s.t, s.store.FinishTry(ctx, try, course.OutcomeOK, ""))
	default:
		must(s.t, s.store.FinishTry(ctx, try, course.OutcomeFailed, ending[1]))
	}
}

func (s *storyteller) begin(key string, r course.BuildRequest, f course.Facts) int64 {
	s.t.Helper()
	ctx := context.Background()
	_, err := s.store.RequestBuild(ctx, key, r)
	must(s.t, err)
	s.wait(300 * time.Millisecond)
	b, _, err := s.store.ClaimBuild(ctx, key, fmt.Sprintf("0198-run-of-%s-%d", key, s.now.Unix()), nil)
	must(s.t, err)
	f.Host = galleryHost
	must(s.t, s.store.RecordFacts(ctx, b.ID, f))
	return b.ID
}

func (s *storyteller) end(id int64, status course.Status, reason, version string) {
	s.t.Helper()
	ctx := context.Background()
	must(s.t, s.store.RecordFacts(ctx, id, course.Facts{Version: version}))
	_, err := s.store.FinishBuild(ctx, id, course.BuildResult{Status: status, Reason: reason})
	must(s.t, err)
}

const fetched = "git fetch --prune origin main\nFrom https://git.example.org/programming-1\n   3f1c2d4..9ab01ef  main -> origin/main\ncommit %s\nAuthor:    Maija Esimerkki <maija@example.org>\n"

func commitOf(letter string) string { return strings.Repeat(letter, 40) }

func push(ip string) course.BuildRequest {
	return course.BuildRequest{Trigger: course.TriggerHook, RequestIP: ip, Delivery: &course.Delivery{
		Service: "gitlab", Event: "Push Hook", Verdict: course.DeliveryAccepted, RequestIP: ip,
		Headers: []course.Header{{Name: "X-Gitlab-Event", Value: "Push Hook"}, {Name: "User-Agent", Value: "GitLab/17.5"}},
	}}
}

// good tells builds that went well, and what was published of them.
func (g *gallery) good(t *testing.T, s *storyteller) int64 {
	t.Helper()
	g.addCourse(t, "programming-1")
	var last int64
	for i, subject := range []string{"Begin the course", "Add the second round", "Mend typos in chapter 4"} {
		letter := string("abc"[i])
		last = s.begin("programming-1", push("192.0.2.7"), course.Facts{
			Commit: commitOf(letter), Author: "Maija Esimerkki", Subject: subject,
			Changes: course.NewChanges([]string{"m01/chapter4.rst", "m01/images/tree.svg"}, i == 0),
		})
		s.step(last, "checkout", 1400*time.Millisecond, fmt.Sprintf(fetched, commitOf(letter)), ok)
		s.step(last, "build", time.Duration(20+i*35)*time.Second, sphinxLog(60), ok)
		s.step(last, "validate", 300*time.Millisecond, "0 errors, 1 warning\n", ok)
		s.step(last, "store", 800*time.Millisecond, "Stored 312 files, 4 of them new or changed, in 0.71 s.\n", ok)
		s.step(last, "commit", 50*time.Millisecond, "Release is stored.\n", ok)
		s.end(last, course.StatusSuccess, "", version(letter))
		g.fake.releases = append([]course.Release{{
			Key: "programming-1", Version: version(letter), BuildID: last, Commit: commitOf(letter), StoredAt: s.now, PublishedAt: s.now.Add(5 * time.Second),
		}}, g.fake.releases...)
		s.wait(3 * time.Hour)
	}
	must(t, g.store.RecordAudit(t.Context(), course.AuditEntry{
		Action: "PUBLISH", Course: "programming-1", Caller: "teacher@example.org", Outcome: course.AuditDone, Details: map[string]string{"version": version("c")},
	}))
	g.fake.published = &g.fake.releases[0]
	return last
}

// sphinxLog is the output of a usual build command, with colours.
func sphinxLog(pages int) string {
	var out strings.Builder
	out.WriteString("\x1b[1mRunning Sphinx v7.4.7\x1b[0m\n\x1b[32mloading translations [en, fi]... done\x1b[0m\n")
	for i := range pages {
		fmt.Fprintf(&out, "\x1b[1mreading sources...\x1b[0m [%3d%%] \x1b[35mm%02d/chapter%d\x1b[0m\n", (i+1)*100/pages, i/8+1, i%8+1)
	}
	out.WriteString("\x1b[33mm01/chapter4.rst:31: WARNING: Title underline too short.\x1b[0m\nlooking for now-outdated files... none found\nbuild succeeded, 1 warning.\n")
	return out.String()
}

// other tells of courses that are shown in the list.
func (g *gallery) other(t *testing.T, s *storyteller) {
	t.Helper()
	g.addCourse(t, "new-course-2027")
	for _, key := range []string{"databases", "web-software-development"} {
		g.addCourse(t, key)
		id := s.begin(key, course.BuildRequest{Trigger: course.TriggerAPI, RequestIP: "192.0.2.9"}, course.Facts{Commit: commitOf("d"), Subject: "Open the course for autumn", Author: "Teemu Malli"})
		s.step(id, "checkout", 900*time.Millisecond, "", ok)
		s.end(id, course.StatusSuccess, "", version("d"))
	}
}

// brokenCommand tells of a build whose command failed.
func (g *gallery) brokenCommand(t *testing.T, s *storyteller) int64 {
	t.Helper()
	g.addCourse(t, "physics")
	id := s.begin("physics", push("192.0.2.8"), course.Facts{Commit: commitOf("e"), Author: "Teemu Malli", Subject: "Round 3: rotation", Changes: course.NewChanges([]string{"round3/rotation.rst"}, false)})
	s.step(id, "checkout", 1100*time.Millisecond, fmt.Sprintf(fetched, commitOf("e")), ok)
	s.step(id, "build", 42*time.Second, sphinxLog(20)+"Traceback (most recent call last):\n  File \"/compile/round3/plots.py\", line 17, in <module>\n    import numppy\nModuleNotFoundError: No module named 'numppy'\nmake: *** [Makefile:20: html] Error 1\n",
		failed, "the build command \"make html\" ended with status 2: its messages above say why")
	s.end(id, course.StatusFailed, "build: the build command \"make html\" ended with status 2: its messages above say why", "")
	s.wait(time.Hour)
	return id
}

// broken tells of a build that validation refused.
func (g *gallery) broken(t *testing.T, s *storyteller) int64 {
	t.Helper()
	id := s.begin("programming-1", push("192.0.2.7"), course.Facts{Commit: commitOf("f"), Author: "Maija Esimerkki", Subject: "Deadlines of the third round", Changes: course.NewChanges([]string{"index.yaml", "m03/hello.yaml"}, false)})
	s.step(id, "checkout", 1200*time.Millisecond, fmt.Sprintf(fetched, commitOf("f")), ok)
	s.step(id, "build", 31*time.Second, sphinxLog(40), ok)
	const reason = "the course configuration has 2 errors, the first is: index.yaml:14:18: modules[2].children[0].max_points: found the text \"ten\"; allowed is a whole number of at least 0"
	s.step(id, "validate", 200*time.Millisecond, "index.yaml:14:18: error: modules[2].children[0].max_points: found the text \"ten\"; allowed is a whole number of at least 0\nvalidate: "+reason+"\n", failed, reason)
	must(t, g.store.SaveReport(t.Context(), id, course.Report{
		Errors: []course.Diagnostic{
			{
				File: "index.yaml", Line: 14, Column: 22, Path: "modules[2].children[0].max_points", Message: "found the text \"ten\"; allowed is a whole number of at least 0", Hint: "write 10",
				Excerpt: "      - key: hello\n        category: exercise\n        max_points: \"ten\"\n        max_submissions: 5\n        config: m03/hello.yaml", ExcerptFrom: 12,
			},
			{File: "m03/hello.yaml", Line: 3, Path: "view_type", Message: "an exercise configuration needs the key view_type", Hint: "add the kind of exercise, such as access.types.stdsync.createForm", Excerpt: "title: Hello\ndescription: |\n  Say hello.\nfieldgroups: []", ExcerptFrom: 1},
		},
		Warnings: []course.Diagnostic{{File: "index.yaml", Line: 2, Message: "the key \"contact\" is unknown in the course and is ignored"}},
	}))
	s.end(id, course.StatusFailed, "validate: "+reason, "")
	s.wait(20 * time.Minute)
	return id
}

// open tells of a build that runs, and one that waits.
func (g *gallery) open(t *testing.T, s *storyteller) int64 {
	t.Helper()
	g.addCourse(t, "algorithms")
	s.now = time.Now().Add(-95 * time.Second)
	id := s.begin("algorithms", push("192.0.2.7"), course.Facts{Commit: commitOf("9"), Author: "Maija Esimerkki", Subject: "Explain heaps", Changes: course.NewChanges(nil, true)})
	s.step(id, "checkout", 2*time.Second, fmt.Sprintf(fetched, commitOf("9")), ok)
	s.step(id, "build", 60*time.Second, sphinxLog(30))
	_, err := g.store.RequestBuild(t.Context(), "algorithms", push("192.0.2.7"))
	must(t, err)
	return id
}

// fakeOrigins answers for a git host.
type fakeOrigins struct{}

func (fakeOrigins) Branches(_ context.Context, origin string) (map[string]string, error) {
	if strings.Contains(origin, "private") {
		return nil, course.Authorf("the git host refused access to the repository; add the deploy key")
	}
	return map[string]string{"main": commitOf("a"), "exam-2026": commitOf("b")}, nil
}

// pages are the addresses of all pages of a gallery, by a name for each.
func (g *gallery) pages() map[string]string {
	build := func(key string, id int64) string { return fmt.Sprintf("/gitmanager/%s/builds/%d", key, id) }
	return map[string]string{
		"list":           "/gitmanager/",
		"list-none":      "/gitmanager/?q=nothing",
		"course":         "/gitmanager/programming-1/updates",
		"course-new":     "/gitmanager/new-course-2027/updates",
		"course-open":    "/gitmanager/algorithms/updates",
		"diff":           "/gitmanager/programming-1/releases/" + version("s") + "/diff",
		"overview":       "/programming-1/",
		"webhook":        "/gitmanager/programming-1/webhook",
		"form-new":       "/gitmanager/new/",
		"form-edit":      "/gitmanager/programming-1/",
		"build-good":     build("programming-1", g.plain),
		"build-failed":   build("programming-1", g.failed),
		"build-command":  build("physics", g.command),
		"build-running":  build("algorithms", g.running),
		"build-searched": build("programming-1", g.plain) + "?q=chapter7",
		"fleet":          "/admin/hosts",
		"sweeper":        "/admin/sweeper",
		"error":          "/gitmanager/none/updates",
	}
}
