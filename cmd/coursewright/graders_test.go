package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"coursewright/internal/course"
)

// Two graders answer about one exercise each: A+ gets the addresses of both.
// gitmanager kept the last grader's answer only.
func TestTheAnswersOfAllGradersCount(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	second := strings.TrimSuffix(c.world.GraderURL, "/configure") + "/second"
	files := tiny("One")
	files["index.yaml"] += fmt.Sprintf("      - {key: ex2, category: e, name: Other, config: ex1.yaml, max_points: 10, configure: {url: %q, files: {all: sub}}}\n", second)
	files["sub/ä b.txt"] = "for the grader"
	b := c.ended(t, c.push(t, files))
	imports := c.world.APlus.Imports()
	if b.Status != course.StatusSuccess || len(imports) == 0 {
		t.Fatalf("build ended %s %s, %d imports", b.Status, b.Reason, len(imports))
	}
	addresses := map[string]any{}
	for _, o := range imports[len(imports)-1].Objects {
		addresses[o.Key] = o.URL
	}
	for _, key := range []string{"ex1", "ex2"} {
		if want := fmt.Sprintf("/%d/%s", instance, key); !strings.HasSuffix(fmt.Sprint(addresses[key]), want) {
			t.Errorf("exercise %s has the address %v, want one that ends in %s", key, addresses[key], want)
		}
	}
}

// A grader that complains when it is told to publish takes nothing back: the
// teacher is told in A+ and in the log.
func TestComplaintsOnPublishAreWarnings(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	var calls atomic.Int64
	c.world.Grader.Intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		if calls.Add(1) == 1 {
			return false // the build
		}
		http.Error(w, "the files are gone", http.StatusNotFound)
		return true
	}
	b := c.ended(t, c.push(t, tiny("One")))
	c.published("course", b.Version)
	imports := c.world.APlus.Imports()
	if len(imports) == 0 || !imports[0].Success || len(imports[0].Errors) != 1 || !strings.Contains(imports[0].Errors[0], "the files are gone") {
		t.Errorf("imports are %+v", imports)
	}
	if log := c.shownLog(t); b.Status != course.StatusSuccess || !strings.Contains(log, "with warnings:") || !strings.Contains(log, "the files are gone") {
		t.Errorf("build ended %s, log\n%s", b.Status, log)
	}
	if calls.Load() < 2 {
		t.Error("the grader was not told to publish")
	}
}

// A course that skips the failsafes is live with its build, graders included,
// though A+ is not told; what was stored before does not count.
func TestWithoutFailsafesTheBuildPublishes(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.setAutomatic(t, false)
	stored := c.ended(t, c.push(t, tiny("One")))
	if at, ok := c.world.Grader.Course(instance); !ok || at.Live != nil || at.Stored.Version != stored.Version {
		t.Fatalf("with failsafes the grader has %+v", at)
	}
	row, err := c.system.store.Course(t.Context(), "course")
	if err != nil {
		t.Fatal(err)
	}
	row.SkipBuildFailsafes = true
	if _, err := c.system.store.UpdateCourse(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	b := c.ended(t, c.push(t, tiny("Two")))
	c.published("course", b.Version)
	if got, want := c.publishAddress(t), c.base+"/course/publish/PUBLISH/"+b.Version; got != want {
		t.Errorf("A+ would publish %s, want %s", got, want)
	}
	if at, _ := c.world.Grader.Course(instance); at.Live == nil || at.Live.Version != b.Version {
		t.Errorf("the grader shows %+v, want version %s", at.Live, b.Version)
	}
	if imports := c.world.APlus.Imports(); len(imports) > 0 {
		t.Errorf("A+ was told: %+v", imports)
	}
}
