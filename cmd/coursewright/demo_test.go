package main

import (
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/coursetest"
)

// The demo shows a token where the service asks for one, and the security log
// tells whose it was.
func TestTheDemoCourseWhereCallersNeedTokens(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.world.APlus.SetInstance(coursetest.Instance{ID: demoInstance, ConfigureURL: c.base + "/" + demoKey + "/aplus-json"})
	var out strings.Builder
	if err := runDemo(t.Context(), c.system, c.base, &out); err != nil || !strings.Contains(out.String(), "ended SUCCESS") {
		t.Fatalf("%v: %s", err, out.String())
	}
	if !strings.Contains(out.String(), c.world.APlusURL+"/\n") {
		t.Errorf("the way to the stand-in of A+ is not told: %s", out.String())
	}
	list, err := c.system.store.ListAudit(t.Context(), course.AuditFilter{Course: demoKey}, course.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		if e.Issuer == "gitmanager" {
			got = append(got, e.Action+" "+string(e.Outcome)+" "+e.Caller)
		}
	}
	if want := "INITIATE-BUILD done coursewright-demo, NEW-COURSE done coursewright-demo"; strings.Join(got, ", ") != want {
		t.Errorf("the security log says %q, want %q", got, want)
	}
}
