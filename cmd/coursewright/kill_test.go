package main

import (
	"slices"
	"testing"
	"time"

	"coursewright/internal/course"
)

// buildable is within which a course can be built again after anything was killed.
const buildable = time.Minute

// kill -9 of any process while every course is being built: it is started again, and
// then each course is pushed. The push is accepted, and its build begins within a
// minute of the kill, behind the one that was cut short. Both workers, of which one
// builds in containers, are killed one after the other in one go, since getting over
// that takes the longest.
func TestEveryCourseIsBuildableAfterAKill(t *testing.T) {
	t.Parallel()
	scale := freezeScale()
	scale.slow, scale.lines = 2, [2]int{3, 8}
	c := newCampaign(t, scale, 1)
	c.reportAtEnd("go test ./cmd/coursewright -run "+t.Name(), newCampaignReport())
	c.start()
	stopWatching, finishReading := c.watchWhile(), c.readWhile()
	for _, names := range [][]string{{"api 0"}, {"base"}, {"engine"}, {"temporal"}, {"worker 0", "worker 1"}} {
		if slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(c.processes(), name) }) {
			t.Logf("%s is not there to be killed", names)
			continue
		}
		c.killWhileBuilding(names)
	}
	c.settle(c.scale.bound)
	c.conclude(finishReading, stopWatching)
}

// killWhileBuilding kills processes, starts them again and pushes.
func (c *campaign) killWhileBuilding(names []string) {
	c.tb.Helper()
	c.api = c.apis[0].program
	for _, k := range c.courses {
		c.commit(k)
		c.push(k)
	}
	for _, k := range c.courses {
		c.api.waitFor(k.key+" is being built", func() bool {
			return slices.ContainsFunc(c.open(k.key), func(b buildJSON) bool { return b.Status == string(course.StatusRunning) })
		})
	}
	killed := time.Now()
	for _, name := range names {
		f := fault{lane: name, kind: faultKill}
		c.state.begin(f)
		happened := c.parts()[name].do(f)
		c.state.end(f)
		c.countFault(f, happened)
	}
	started := time.Since(killed)
	c.api = c.apis[0].program
	for _, k := range c.courses {
		c.commit(k)
		before := len(k.accepted)
		if c.push(k); len(k.accepted) == before {
			c.broken("P4", "%s was killed and is back: a push to %s is refused", names, k.key)
		}
	}
	for _, k := range c.courses {
		c.begins(k, names, killed)
	}
	c.tb.Logf("%s was back %s after it was killed; the last build that was pushed then began %s after the kill",
		names, started.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
}

// begins waits until the newest build of a course has begun.
func (c *campaign) begins(k *campaignCourse, names []string, killed time.Time) {
	c.tb.Helper()
	for {
		rows := c.rows(k.key)
		if rows[0].StartedAt != nil {
			return
		}
		if time.Since(killed) > buildable {
			c.broken("P4", "%s was killed %s ago, and no build of %s begins: %+v\n%s", names, buildable, k.key, rows[0], c.api.log(k.key, rows[0].ID))
			return
		}
		c.wait(50 * time.Millisecond)
	}
}
