package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"coursewright/client"
	"coursewright/internal/build/docker"
	"coursewright/internal/course"
)

// conclude looks at what there is in the end, while it can be asked for and when it
// is stopped.
func (c *campaign) conclude(stopWatching func()) {
	c.tb.Helper()
	c.check()
	stopWatching()
	c.checkWatch()
	c.stop()
	c.checkFiles()
}

// check looks at what a campaign has left and can be asked for. The faults are over.
func (c *campaign) check() {
	c.tb.Helper()
	c.api = c.apis[0].program
	for _, k := range c.courses {
		c.checkRows(k)
	}
	c.pushOnceMore()
	for _, k := range c.courses {
		c.checkJournal(k)
	}
	c.checkStatuses()
	c.checkHosts()
	c.checkContainers()
	c.checkTemporal()
}

// stop ends the service in order.
func (c *campaign) stop() {
	c.tb.Helper()
	for _, w := range c.workers {
		w.stop()
	}
	for _, a := range c.apis {
		c.stopInOrder(a.name, a.program)
	}
}

// checkRows looks at the rows of a course and at their logs: every push that was
// accepted has one, and they ended well unless an administrator meddled.
func (c *campaign) checkRows(k *campaignCourse) {
	c.tb.Helper()
	rows := c.rows(k.key)
	if n := len(rows); n < k.accepted || n > k.accepted+k.unanswered {
		c.broken("P2", "%s: %d pushes were accepted, %d perhaps, there are %d builds", k.key, k.accepted, k.unanswered, n)
	}
	kept := 0 // the newest commit of which a build has ended, as it should or by an administrator
	for i, b := range rows {
		c.count(ofBuilds, b.Status, 1)
		switch {
		case b.Status == string(course.StatusSuccess):
			c.checkLog(k, b)
			kept = max(kept, k.numbers[b.Commit])
		case b.Status == string(course.StatusSkipped):
			if i == 0 {
				c.broken("P2", "%s: build %d was skipped, and no later one is there", k.key, b.ID)
			}
		case c.excused(k.key, b):
			c.count(ofBuilds, "ended in Temporal", 1)
			if i == 0 {
				kept = k.promised // there is none after it, and its end is final
			}
		default:
			c.broken("P2", "%s: build %d is %s: %s\n%s", k.key, b.ID, b.Status, b.Reason, c.api.log(k.key, b.ID))
		}
	}
	if kept < k.promised {
		c.broken("P2", "%s: a push of commit %d was accepted, the newest that was built is %d", k.key, k.promised, kept)
	}
}

// checkLog looks whether a build's log is whole: its last try has every line
// once and in order, earlier ones, which were cut short, have the first of them.
func (c *campaign) checkLog(k *campaignCourse, b buildJSON) {
	c.tb.Helper()
	log := c.api.log(k.key, b.ID)
	for words, what := range map[string]string{
		"is followed again": "container adopted", "begins anew.": "build begun anew",
		"does not answer any more": "taken over by another host", "cleaning now": "leftovers cleaned",
		"bytes of output could not be stored]": "gaps told in logs",
	} {
		c.count(ofBuilds, what, strings.Count(log, words))
	}
	if err := wholeLog(log, c.lines(k)); err != nil {
		c.broken("log", "%s: the log of build %d: %v\n%s", k.key, b.ID, err, log)
	}
}

// wholeLog says what a log lacks or has too much of. Where a try that came to
// nothing tells that some of its output could not be stored it is believed: a
// process that is stopped for a while cannot reach the database either. And where a
// try tells that the container engine was away, what the container printed
// meanwhile may be missing: the engine does not keep it.
func wholeLog(log string, lines int) error {
	var tries []string
	next := 0       // the line that is due
	before := false // a gap is told since the last line of any try
	begun := false  // the try may lack its first lines
	told := false   // it has a gap
	away := false   // the engine was away
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		before = before || strings.Contains(line, "bytes of output could not be stored]")
		away = away || strings.Contains(line, "Cannot connect to the Docker daemon") || strings.Contains(line, "Output of this moment may be missing")
		if len(words) != 3 || words[0] != "try" {
			continue
		}
		try, what := words[1], words[2]
		if len(tries) == 0 || tries[len(tries)-1] != try {
			if slices.Contains(tries, try) {
				return fmt.Errorf("try %s goes on after another", try)
			}
			tries, next, begun, told, away = append(tries, try), 0, before, false, false
		} else {
			told = told || before
		}
		before = false
		want := strconv.Itoa(next)
		switch next {
		case 0:
			want = "begins"
		case lines + 1:
			want = "ends"
		}
		if what != want && !begun && !told && !away {
			return fmt.Errorf("try %s has %q where %q is due", try, what, want)
		}
		next++
	}
	if (next != lines+2 || told || before) && (!away || len(tries) == 0) {
		return fmt.Errorf("the last of %d tries ends after %d of %d lines", len(tries), next, lines+2)
	}
	return nil
}

// checkJournal looks whether a course was built twice at once: then tries are
// interleaved in what they wrote.
func (c *campaign) checkJournal(k *campaignCourse) {
	c.tb.Helper()
	text, err := os.ReadFile(filepath.Join(c.shared(), k.key+".journal"))
	if err != nil {
		c.tb.Fatal(err)
	}
	tries, twice := readJournal(string(text))
	if twice {
		c.broken("P1", "%s: was built twice at once; its journal:\n%s", k.key, text)
	}
	c.count(ofBuilds, "tries", tries)
}

// readJournal says how many tries have written a course's journal, and whether
// one wrote after another had begun.
func readJournal(text string) (tries int, twice bool) {
	seen := map[string]bool{}
	last := ""
	for line := range strings.Lines(text) {
		try, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if try != last && seen[try] || what == "twice" {
			twice = true
		}
		seen[try], last = true, try
	}
	return len(seen), twice
}

// The checker sees what it is there for.
func TestCampaignChecker(t *testing.T) {
	t.Parallel()
	const whole = "try a begins\ntry a 1\ntry a 2\ntry a ends\n"
	for name, c := range map[string]struct {
		log  string
		want string
	}{
		"whole":                {"Checkout\n" + whole + "Stored\n", ""},
		"begun anew":           {"try b begins\ntry b 1\n" + whole, ""},
		"a gap":                {"try a begins\ntry a 2\ntry a ends\n", "where"},
		"twice a line":         {"try a begins\ntry a 1\ntry a 1\ntry a 2\ntry a ends\n", "where"},
		"a gap in the first":   {"try b begins\ntry b 2\n" + whole, "where"},
		"a gap that is told":   {"try b begins\n[9 bytes of output could not be stored]\ntry b 2\n" + whole, ""},
		"a gap at the begin":   {"[9 bytes of output could not be stored]\ntry b 2\ntry b ends\n" + whole, ""},
		"and in the last":      {"[9 bytes of output could not be stored]\ntry a 2\ntry a ends\n", "after 2 of 4"},
		"a gap between":        {"try b begins\n[9 bytes of output could not be stored]\n" + whole, ""},
		"a gap in the last":    {"try a begins\n[9 bytes of output could not be stored]\ntry a 1\ntry a 2\ntry a ends\n", "after 4 of 4"},
		"the engine was away":  {"try a begins\nbuild: Cannot connect to the Docker daemon\ntry a 2\n", ""},
		"the engine broke off": {"try a begins\nOutput of this moment may be missing: no\ntry a 2\ntry a ends\n", ""},
		"it was away before":   {"try b begins\nCannot connect to the Docker daemon\ntry a begins\ntry a ends\n", "where"},
		"cut off":              {"try a begins\ntry a 1\n", "after 2 of 4"},
		"nothing":              {"Checkout\n", "after 0 of 4"},
		"two at once":          {"try a begins\ntry b begins\ntry a 1\n", "goes on"},
	} {
		if err := wholeLog(c.log, 2); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for text, want := range map[string]bool{
		"a begins\na 1\nb begins\nb 1\n": false,
		"a begins\nb begins\na 1\n":      true,
		"a begins\nb begins\na twice\n":  true,
	} {
		if tries, twice := readJournal(text); tries != 2 || twice != want {
			t.Errorf("%q: %d tries, twice %v", text, tries, twice)
		}
	}
}

// pushOnceMore builds every course once more, with all workers well: working
// copies are usable, and what is served is what was pushed last.
func (c *campaign) pushOnceMore() {
	c.tb.Helper()
	for _, k := range c.courses {
		c.commit(k)
		c.push(k)
	}
	c.settle(c.scale.bound)
	for _, k := range c.courses {
		b := c.rows(k.key)[0]
		if b.Status != string(course.StatusSuccess) || b.Commit != k.commit {
			c.broken("P4", "%s: the build after all is %s of %s, pushed was %s: %s\n%s", k.key, b.Status, b.Commit, k.commit, b.Reason, c.api.log(k.key, b.ID))
			continue
		}
		c.checkLog(k, b)
		c.api.waitFor(k.key+" is published", func() bool { return c.api.listed(k.key) == b.Version })
		want := "<p>" + campaignTitle(k.commits) + "</p>\n"
		if got := string(c.api.get("/static/"+k.key+"/index.html", http.StatusOK)); got != want {
			c.broken("P5", "%s: served is %q, want %q", k.key, got, want)
		}
	}
}

// checkHosts looks whether the list of hosts is true. Heartbeats come every few
// seconds.
func (c *campaign) checkHosts() {
	c.tb.Helper()
	well := func() (wrong string) {
		var list struct {
			Items []client.Host `json:"items"`
		}
		c.api.getJSON("/api/v1/hosts", &list)
		if len(list.Items) != len(c.disks) {
			return fmt.Sprintf("%d hosts are listed, %d disks there were", len(list.Items), len(c.disks))
		}
		for _, h := range list.Items {
			lost := slices.Contains(c.lost, h.ID)
			if h.Gone != lost || h.Builds != 0 || !lost && (h.State != string(course.HostActive) || h.Running != 0 || h.Waiting != 0) {
				wrong += fmt.Sprintf("lost %v, listed %+v\n", lost, h)
			}
		}
		return wrong
	}
	c.eventually("the list of hosts", well)
}

// eventually waits until nothing is wrong, for as long as rows may take.
func (c *campaign) eventually(what string, look func() (wrong string)) {
	c.tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		wrong := look()
		if wrong == "" {
			return
		}
		if time.Now().After(end) {
			c.violation("%s: %s", what, wrong)
			return
		}
		if err := pause(c.tb.Context(), 200*time.Millisecond); err != nil {
			c.tb.Fatal(err)
		}
	}
}

// checkContainers looks whether containers are left of any of the disks. Those of
// a lost disk went with their machine: the engine, which all share here, may have
// made some a moment later.
func (c *campaign) checkContainers() {
	c.tb.Helper()
	if c.engine == nil {
		return
	}
	for _, id := range c.disks {
		if slices.Contains(c.lost, id) {
			c.removeContainers(id)
			continue
		}
		c.eventually("containers of "+id, func() string {
			return strings.Join(c.containers(docker.LabelDisk+"="+id), " ")
		})
	}
}

// checkTemporal looks whether workflows are open that nobody waits for.
func (c *campaign) checkTemporal() {
	c.tb.Helper()
	c.eventually("open workflows", func() (open string) {
		list, err := c.temporal.ListWorkflow(c.tb.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus='Running'"})
		if err != nil {
			return err.Error()
		}
		for _, e := range list.GetExecutions() {
			open += e.GetExecution().GetWorkflowId() + " "
		}
		return open
	})
}
