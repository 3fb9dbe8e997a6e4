package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"coursewright/internal/course"
)

// The canary course is made, pushed to and published without anybody's help, by
// processes that allow no local origins, and the way of each push is measured.
func TestCanarySings(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 2, workers: 1, settings: map[string]string{
		"ALLOW_LOCAL_ORIGINS": "false", "CANARY_INTERVAL": "1s", "CANARY_COURSE": "bird",
	}})
	figures := func() string {
		all := ""
		for _, api := range d.apis { // one of them leads
			all += string((&harness{tb: t, base: api.admin}).get("/metrics", http.StatusOK))
		}
		return all
	}
	published := regexp.MustCompile(`(?m)^coursewright_canary_pushes_total\{outcome="published"\} [2-9]`)
	d.apis[0].waitFor("two pushes to the canary course", func() bool { return published.MatchString(figures()) })
	d.apis[0].offered("bird")
	all := figures()
	for _, want := range []string{
		`(?m)^coursewright_canary_published_delay_seconds_count [2-9]`, `(?m)^coursewright_canary_success_timestamp_seconds 1\.`,
		`(?m)^coursewright_build_published_delay_seconds_count [1-9]`,
		`(?m)^coursewright_cache_requests_total\{cache="courses",outcome="miss"\} [1-9]`,
		`(?m)^coursewright_folder_free_bytes\{folder="courses"\} [1-9]`,
	} {
		if !regexp.MustCompile(want).MatchString(all) {
			t.Errorf("the figures lack %s", want)
		}
	}
	if strings.Contains(all, `coursewright_canary_pushes_total{outcome="failed"}`) {
		t.Error("a push failed")
	}
	for _, want := range []string{
		`(?m)^coursewright_git_received_bytes_total [1-9]`, `(?m)^coursewright_release_digests_total\{how="computed"\} [1-9]`,
		`(?m)^coursewright_release_digests_total\{how="kept"\} [1-9]`, // of files that have not changed since the push before
	} {
		worker := &harness{tb: t, base: d.workers[0].admin}
		worker.waitFor(want, func() bool { return regexp.MustCompile(want).Match(worker.get("/metrics", http.StatusOK)) })
	}
	if got := string(d.apis[1].get("/static/bird/index.html", http.StatusOK)); !strings.Contains(got, "sung at") {
		t.Errorf("the canary's page is %q", got)
	}
	// Other local repositories are not allowed for that.
	d.apis[0].addCourse("other", "/srv/other.git", nil)
	b := d.apis[0].finished("other", d.apis[0].push("other"), course.StatusFailed)
	if !strings.Contains(b.Reason, "a path on the server") {
		t.Errorf("another local origin: %s", b.Reason)
	}
}
