package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// campaignReport counts what happened in one campaign, or in several.
type campaignReport struct {
	mu     sync.Mutex
	counts map[section]map[string]int
}

// section is a part of the report.
type section string

const (
	ofFaults     section = "faults that took effect"
	ofPushes     section = "pushes and orders"
	ofBuilds     section = "builds"
	ofWatch      section = "what was looked at"
	ofCampaigns  section = "campaigns"
	ofViolations section = "violations"
)

// sections are those of a report, in its order.
var sections = []section{ofFaults, ofPushes, ofBuilds, ofWatch, ofCampaigns, ofViolations}

// promises are what a violation may be of.
var promises = []string{"P1", "P2", "P3", "P4", "P5", "P6", "log", "files", "other"}

func newCampaignReport() *campaignReport {
	r := &campaignReport{counts: map[section]map[string]int{}}
	for _, s := range sections {
		r.counts[s] = map[string]int{}
	}
	for _, promise := range promises {
		r.count(ofViolations, promise, 0)
	}
	return r
}

// count adds to a figure; adding nothing lets it be in the report.
func (r *campaignReport) count(s section, what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[s][what] += n
}

func (r *campaignReport) of(s section, what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[s][what]
}

// add adds all figures of another report.
func (r *campaignReport) add(other *campaignReport) {
	other.mu.Lock()
	defer other.mu.Unlock()
	for s, figures := range other.counts {
		for what, n := range figures {
			r.count(s, what, n)
		}
	}
}

// table is the report for the reader.
func (r *campaignReport) table() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, s := range sections {
		if len(r.counts[s]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s\n", s)
		for _, what := range slices.Sorted(maps.Keys(r.counts[s])) {
			fmt.Fprintf(&b, "  %-36s %7d\n", what, r.counts[s][what])
		}
	}
	return b.String()
}

// reportAtEnd has the report printed when the test ends, however it ends, with the
// command that does the same again if it failed, and added to the one of all.
func (c *campaign) reportAtEnd(command string, total *campaignReport) {
	c.tb.Helper()
	c.tb.Cleanup(func() {
		c.count(ofCampaigns, "begun", 1)
		c.count(ofCampaigns, "failed", 0)
		again := ""
		if c.tb.Failed() {
			c.count(ofCampaigns, "failed", 1)
			again = "the same faults and pushes again: " + command + "\n"
		}
		c.tb.Logf("campaign of seed %d\n%s%s", c.seed, c.report.table(), again)
		total.add(c.report)
	})
}

// command is what a campaign of this scale is had with.
func (s campaignScale) command(seed uint64) string {
	length := s.length.String()
	if s.length == shortCampaign().length {
		length = "short"
	}
	out := fmt.Sprintf("make torture CAMPAIGN=%s SEED=%d COURSES=%d", length, seed, s.courses)
	if !s.postgres {
		out += " DATABASE=sqlite"
	}
	if s.production {
		out += " TEMPORAL=server"
	}
	if len(s.faults) == 1 {
		out += " FAULTS=workers"
	}
	return out
}

// A report has its sections, promises that were kept included, and those of several
// campaigns add up.
func TestCampaignReport(t *testing.T) {
	t.Parallel()
	total := newCampaignReport()
	for range 2 {
		one := newCampaignReport()
		one.count(ofViolations, "P2", 1)
		one.count(ofFaults, "worker kill", 3)
		total.add(one)
	}
	want := []string{
		"faults that took effect", "worker kill 6", "violations",
		"P1 0", "P2 2", "P3 0", "P4 0", "P5 0", "P6 0", "files 0", "log 0", "other 0",
	}
	var got []string
	for line := range strings.Lines(total.table()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the report is %q, want %q", got, want)
	}
	for want, s := range map[string]campaignScale{
		"make torture CAMPAIGN=short SEED=7 COURSES=5":                 shortCampaign(),
		"make torture CAMPAIGN=30m0s SEED=7 COURSES=20":                longCampaign(30 * time.Minute),
		"make torture CAMPAIGN=1m0s SEED=7 COURSES=20 FAULTS=workers":  longCampaign(time.Minute).ofWorkers(),
		"make torture CAMPAIGN=short SEED=7 COURSES=3 DATABASE=sqlite": {length: shortCampaign().length, courses: 3},
		"make torture CAMPAIGN=2s SEED=7 COURSES=3 TEMPORAL=server":    {length: 2 * time.Second, courses: 3, postgres: true, production: true},
	} {
		if got := s.command(7); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
