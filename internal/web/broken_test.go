package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

var update = flag.Bool("update", false, "write the table of broken courses into the documentation")

// brokenCourses are courses that gitmanager refuses, of package courseconfig's
// test data, each broken in another way.
func brokenCourses() []string {
	return []string{
		"item-max-points-bad", "course-name-missing", "item-category-missing", "module-key-missing", "item-dup-keys",
		"ex-syntax", "ex-config-missing-file", "ex-no-view-type", "inc-missing-file", "inc-template-unclosed",
		"module-late-penalty-over", "course-modules-string", "module-duration-letter", "lti13-with-context", "configures-files-list",
		"course-content-numbering-NONE", "item-status-list", "module-reveal-bad-trigger", "module-open-baddate", "parse-index-yaml-two-docs",
	}
}

// TestBrokenCourses shows each broken course as the page of its failed build
// does, and reads from the page the file, the line and what to do. The
// documentation shows the same.
func TestBrokenCourses(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString(`# What the page of a failed build says

Twenty courses, each broken in another way, and what stands on top of the page of
their failed build. The table is written by ` + "`go test ./internal/web -run TestBrokenCourses -update`" + `,
which reads it from the pages.

| course | file and line | what the page says | what to do, as the page says |
|---|---|---|---|
`)
	s := newSite(t, nil)
	for _, name := range brokenCourses() {
		page := s.failedPage(t, name)
		first := page.Find(".cause .problems > li").First()
		place, message, mend := text(first.Find(".place")), text(first.Find(".message")), text(first.Find(".mend span"))
		if !strings.Contains(place, ":") || message == "" || mend == "" {
			t.Errorf("%s: place %q, message %q, remedy %q", name, place, message, mend)
		}
		if hit := first.Find(".code .hit"); hit.Length() != 1 || !strings.HasSuffix(place, ":"+text(hit.Find(".no"))) {
			t.Errorf("%s: %d lines are marked at %s", name, hit.Length(), place)
		}
		if page.Find(".cause .advice p").Length() == 0 {
			t.Errorf("%s: no advice", name)
		}
		fmt.Fprintf(&table, "| %s | `%s` | %s | %s |\n", name, place, cell(message), cell(mend))
	}
	const file = "../../docs/broken-courses.md"
	if *update {
		must(t, os.WriteFile(file, []byte(table.String()), 0o644)) //nolint:gosec // documentation
	}
	written, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(written), table.String()); diff != "" {
		t.Errorf("the documentation differs, write it with -update (-docs +pages):\n%s", diff)
	}
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(s)
}

// failedPage is the page of a build that validation refused.
func (s *site) failedPage(t *testing.T, name string) *goquery.Document {
	t.Helper()
	dir := unpacked(t, "../courseconfig/testdata/oracle/"+name+".txtar")
	_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: name})
	must(t, err)
	courseconfig.AddExcerpts(dir, report.Errors, report.Warnings)
	s.addCourse(t, name)
	_, err = s.store.RequestBuild(t.Context(), name, course.BuildRequest{Trigger: course.TriggerHook})
	must(t, err)
	b, _, err := s.store.ClaimBuild(t.Context(), name, "run-"+name, nil)
	must(t, err)
	must(t, s.store.StartStep(t.Context(), b.ID, "validate"))
	must(t, s.store.SaveReport(t.Context(), b.ID, course.Report{Errors: report.Errors, Warnings: report.Warnings}))
	must(t, s.store.FinishStep(t.Context(), b.ID, "validate", course.OutcomeFailed, "errors"))
	_, err = s.store.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusFailed, Reason: "validate: errors"})
	must(t, err)
	return s.get(t, fmt.Sprintf("/gitmanager/%s/builds/%d", name, b.ID), http.StatusOK)
}
