package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
)

// freezeScale is a deployment that is well, but for the one process that stands
// still.
func freezeScale() campaignScale {
	s := shortCampaign()
	s.faults, s.courses, s.lines = nil, 4, [2]int{3, 20}
	return s
}

// A process that stands still for a while, whichever it is, costs no build: those
// that run and those that are asked for meanwhile all end well, by themselves. By
// default it is a short while, one process straight after the other while builds go
// on; FREEZE=45s is the promise, which `make torture` runs, and all builds are over
// before the next process stands still. FROZEN names one process, such as containerd
// or "worker 1", to stop that alone.
func TestAnyProcessMayStandStill(t *testing.T) {
	t.Parallel()
	length, settles := 4*time.Second, false
	if text := os.Getenv("FREEZE"); text != "" {
		settles = true
		var err error
		if length, err = time.ParseDuration(text); err != nil || length <= 0 {
			t.Fatalf("FREEZE=%s: give how long, such as 45s", text)
		}
	}
	c := newCampaign(t, freezeScale(), 1)
	command, only := "make torture FREEZE="+length.String(), os.Getenv("FROZEN")
	if only != "" {
		command += fmt.Sprintf(" FROZEN=%q", only)
	}
	c.reportAtEnd(command, newCampaignReport())
	c.start()
	names := c.processes()
	if only != "" {
		if !slices.Contains(names, only) {
			t.Fatalf("FROZEN=%s: there is no such process, there are: %s", only, strings.Join(names, ", "))
		}
		names = []string{only}
	}
	stopWatching := c.watchWhile()
	for _, name := range names {
		c.standStill(name, length)
		if settles {
			c.tb.Logf("after %s all builds were final %s later", name, c.settle(c.scale.bound).Round(time.Second))
		}
	}
	c.tb.Logf("at the end all builds were final %s later", c.settle(c.scale.bound).Round(time.Second))
	c.conclude(stopWatching)
}

// processes are the parts of the deployment that are processes, in order.
func (c *campaign) processes() (names []string) {
	here := map[string]bool{"releases": false, "admin": false, "base": c.base != nil, "engine": c.daemon != nil, "containerd": c.daemon != nil}
	for name := range c.parts() {
		if may, judged := here[name]; may || !judged {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// standStill stops one process while builds run and pushes come.
func (c *campaign) standStill(name string, length time.Duration) {
	c.tb.Helper()
	finishReading := c.readWhile()
	for _, k := range c.courses {
		c.commit(k)
		c.push(k)
	}
	c.api = c.apis[0].program
	c.api.waitFor("a build runs", func() bool {
		return slices.ContainsFunc(c.courses, func(k *campaignCourse) bool {
			return slices.ContainsFunc(c.open(k.key), func(b buildJSON) bool { return b.Status == string(course.StatusRunning) })
		})
	})
	f := fault{lane: name, kind: faultFreeze, length: length}
	c.state.begin(f)
	thawed := make(chan bool, 1)
	go func() { thawed <- c.parts()[name].do(f) }()
	c.wait(length / 2)
	for _, k := range c.courses {
		c.push(k)
	}
	happened := <-thawed
	c.state.end(f)
	c.countFault(f, happened)
	c.tb.Logf("%s stood still for %s", name, length)
	finishReading()
}
