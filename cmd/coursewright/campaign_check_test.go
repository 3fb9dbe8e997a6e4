package main

import (
	"fmt"
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
// is stopped. Those who watch and read, whose functions finish that, go on in between:
// every course is pushed once more, so each reader comes to see all of them, however
// little was published while faults happened.
func (c *campaign) conclude(finish ...func()) {
	c.tb.Helper()
	c.check()
	for _, f := range finish {
		f()
	}
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
// accepted has one, each ended well unless an administrator meddled, and what was
// built is no older than what was there when it was asked for.
func (c *campaign) checkRows(k *campaignCourse) {
	c.tb.Helper()
	rows := c.rows(k.key)
	if n := len(rows); n < len(k.accepted) || n > len(k.accepted)+k.unanswered {
		c.broken("P2", "%s: %d pushes were accepted, %d perhaps, there are %d builds", k.key, len(k.accepted), k.unanswered, n)
	}
	for i, b := range rows {
		c.count(ofBuilds, b.Status, 1)
		switch {
		case b.Status == string(course.StatusSuccess):
			c.checkLog(k, b)
		case b.Status == string(course.StatusSkipped):
			if i == 0 {
				c.broken("P2", "%s: build %d was skipped, and no later one is there", k.key, b.ID)
			}
			continue
		case c.excused(k.key, b):
			c.count(ofBuilds, "ended in Temporal", 1)
			if b.Commit == "" {
				continue // it had not got so far
			}
		default:
			c.broken("P2", "%s: build %d is %s: %s\n%s\n%s", k.key, b.ID, b.Status, b.Reason, c.api.log(k.key, b.ID), c.runs(k.key))
			continue
		}
		if oldest := k.oldest(len(rows)-1-i, i == 0); k.numbers[b.Commit] < oldest {
			c.broken("P2", "%s: build %d was asked for when commit %d was there, and is of commit %d", k.key, b.ID, oldest, k.numbers[b.Commit])
		}
	}
}

// oldest is the number of the newest commit that was certainly there when a build
// was asked for, the nth in their order: as many of those before it as pushes had no
// answer may not be the accepted pushes', and the last one comes after all of them.
func (k *campaignCourse) oldest(n int, last bool) int {
	if last {
		n = len(k.accepted) - 1
	} else {
		n -= k.unanswered
	}
	if n = min(n, len(k.accepted)-1); n < 0 {
		return 0
	}
	return k.accepted[n]
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
// process that is stopped for a while cannot reach the database either. And after a
// try has told that the container engine was away, what the container printed
// meanwhile may be missing, and be all of it: the engine does not keep it. One gap is
// granted for each time that one is told. What is told of after the last line of a try
// was said by the steps that follow, such as cleaning up, and is nobody's output.
func wholeLog(log string, lines int) error {
	var tries []string
	var try tryLog
	// Told since the last line of any try: gaps, and that the engine was away.
	untold, away := 0, 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, "bytes of output could not be stored]") {
			untold++
		}
		if strings.Contains(line, "Cannot connect to the Docker daemon") || strings.Contains(line, "Output of this moment may be missing") {
			try.away++
			away++
		}
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "try" {
			continue
		}
		if len(tries) == 0 || tries[len(tries)-1] != words[1] {
			if slices.Contains(tries, words[1]) {
				return fmt.Errorf("try %s goes on after another", words[1])
			}
			tries, try = append(tries, words[1]), tryLog{lines: lines, begun: untold, awayBefore: away}
		} else {
			try.told += untold
		}
		untold, away = 0, 0
		if err := try.take(words[2]); err != nil {
			return fmt.Errorf("try %s %w", words[1], err)
		}
	}
	switch {
	case try.next != lines+2 && try.away == 0:
		return fmt.Errorf("the last of %d tries ends after %d of %d lines", len(tries), try.next, lines+2)
	case try.told > 0 || try.filled > 0 || untold > 0 && try.next != lines+2:
		return fmt.Errorf("the last of %d tries lacks lines that could not be stored", len(tries))
	}
	return nil
}

// tryLog is how far the log of a try has come.
type tryLog struct {
	lines int // that it has between its first and its last
	next  int // the line that is due
	// How many gaps may come: that were told before its first line, and after it, and
	// for which the engine was away.
	begun, told, away int
	awayBefore        int // for which the engine was away before the first line
	filled            int // how many of the first two kinds have come
}

// take takes the next line of a try.
func (t *tryLog) take(what string) error {
	place, err := strconv.Atoi(what)
	switch what {
	case "begins":
		place, err = 0, nil
	case "ends":
		place, err = t.lines+1, nil
	}
	if err != nil || place < t.next || place > t.lines+1 {
		return fmt.Errorf("has %q where line %d is due", what, t.next)
	}
	switch {
	case place == t.next:
	case t.begun > 0 && t.next == 0:
		t.begun, t.filled = 0, t.filled+1
	case t.awayBefore > 0 && t.next == 0:
		t.awayBefore = 0
	case t.told > 0:
		t.told, t.filled = t.told-1, t.filled+1
	case t.away > 0:
		t.away--
	default:
		return fmt.Errorf("has %q where line %d is due", what, t.next)
	}
	t.next = place + 1
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
		"whole":                 {"Checkout\n" + whole + "Stored\n", ""},
		"begun anew":            {"try b begins\ntry b 1\n" + whole, ""},
		"a gap":                 {"try a begins\ntry a 2\ntry a ends\n", "where"},
		"twice a line":          {"try a begins\ntry a 1\ntry a 1\ntry a 2\ntry a ends\n", "where"},
		"a gap in the first":    {"try b begins\ntry b 2\n" + whole, "where"},
		"a gap that is told":    {"try b begins\n[9 bytes of output could not be stored]\ntry b 2\n" + whole, ""},
		"a gap at the begin":    {"[9 bytes of output could not be stored]\ntry b 2\ntry b ends\n" + whole, ""},
		"and in the last":       {"[9 bytes of output could not be stored]\ntry a 2\ntry a ends\n", "lacks lines"},
		"a gap between":         {"try b begins\n[9 bytes of output could not be stored]\n" + whole, ""},
		"a gap in the last":     {"try a begins\n[9 bytes of output could not be stored]\ntry a 1\ntry a 2\ntry a ends\n", "lacks lines"},
		"the engine was away":   {"try a begins\nbuild: Cannot connect to the Docker daemon\ntry a 2\ntry a ends\n", ""},
		"away at the end":       {"try a begins\ntry a 1\nbuild: Cannot connect to the Docker daemon\n", ""},
		"away, two gaps":        {"try a begins\nbuild: Cannot connect to the Docker daemon\ntry a 2\n", "after 3 of 4"},
		"away, later a gap":     {"try a begins\nCannot connect to the Docker daemon\ntry a 1\ntry a ends\n", ""},
		"away, twice a line":    {"try a begins\ntry a 1\nCannot connect to the Docker daemon\ntry a 1\ntry a ends\n", "where"},
		"away after a gap":      {"try a begins\ntry a 2\nCannot connect to the Docker daemon\ntry a ends\n", "where"},
		"told once, two gaps":   {"try b begins\n[9 bytes of output could not be stored]\ntry b 2\ntry b 2\n" + whole, "where"},
		"the engine broke off":  {"try a begins\nOutput of this moment may be missing: no\ntry a 2\ntry a ends\n", ""},
		"it was away before":    {"try b begins\nCannot connect to the Docker daemon\ntry a begins\ntry a ends\n", "where"},
		"away at the begin":     {"Output of this moment may be missing: no\ntry a 1\ntry a 2\ntry a ends\n", ""},
		"away, and a gap later": {"Output of this moment may be missing: no\ntry a 1\ntry a ends\n", "where"},
		"away all the time":     {"Checkout\nOutput of this moment may be missing: no\nStored\n", ""},
		"a gap after the end":   {whole + "[17 bytes of output could not be stored]\nRemoving _build/\n", ""},
		"cut off":               {"try a begins\ntry a 1\n", "after 2 of 4"},
		"nothing":               {"Checkout\n", "after 0 of 4"},
		"two at once":           {"try a begins\ntry b begins\ntry a 1\n", "goes on"},
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
	var published []*campaignCourse
	for _, k := range c.courses {
		b := c.rows(k.key)[0]
		if b.Status != string(course.StatusSuccess) || b.Commit != k.commit {
			c.broken("P4", "%s: the build after all is %s of %s, pushed was %s: %s\n%s", k.key, b.Status, b.Commit, k.commit, b.Reason, c.api.log(k.key, b.ID))
			continue
		}
		c.checkLog(k, b)
		c.api.waitFor(k.key+" is published", func() bool { return c.api.listed(k.key) == b.Version })
		published = append(published, k)
	}
	c.checkReads(published)
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
