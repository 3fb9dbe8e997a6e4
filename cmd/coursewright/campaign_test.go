package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// TestCampaign lets workers die, hang, drain and lose their disks while pushes
// come all the time, and looks afterwards whether anything was lost, built twice
// at once, left behind or cut off. Variables change it:
//
//	CAMPAIGN=5m  the long form, with three workers and 60 courses, for so long
//	SEED=7       another plan of faults and pushes; what is printed can be had again
//
// `make torture` runs the long form.
func TestCampaign(t *testing.T) {
	t.Parallel()
	scale, seed := shortCampaign(), uint64(1)
	if text := os.Getenv("CAMPAIGN"); text != "" {
		length, err := time.ParseDuration(text)
		if err != nil || length <= 0 {
			t.Fatalf("CAMPAIGN=%s: give how long it lasts, such as 5m", text)
		}
		scale, seed = longCampaign(length), uint64(time.Now().UnixNano()%1_000_000)
	}
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED=%s: give a whole number", text)
		}
	}
	c := newCampaign(t, scale, seed)
	plan := planFaults(seed, scale.workers, scale.length, scale.faults, scale.calm)
	t.Logf("seed %d, %d workers, %d courses, %s\n%s", seed, scale.workers, scale.courses, scale.length, describePlan(plan))
	c.run(plan)
	c.check()
	t.Log(c.report())
}

// campaignScale is how much happens in a campaign.
type campaignScale struct {
	length           time.Duration // of faults and pushes
	workers, courses int
	slots            int           // of each worker
	faults           faultSpans    // kinds that happen and how long each lasts
	calm             span          // between two faults of a worker
	pause            span          // between two pushes
	slow             int           // every so many courses has a long build
	lines            [2]int        // of a short and of a long build, two a second
	bound            time.Duration // in which all is final after the last push and fault
}

// shortCampaign is for every run of the tests. Every kind of fault is short
// enough that no build is taken over by another host, but for that of a lost one.
func shortCampaign() campaignScale {
	brief := span{time.Second, 3 * time.Second}
	return campaignScale{
		length: 10 * time.Second, workers: 2, courses: 5, slots: 4,
		faults: faultSpans{faultKill: brief, faultRestart: {}, faultDrain: brief, faultHang: brief, faultRefuse: brief, faultFreeze: brief},
		calm:   span{500 * time.Millisecond, time.Second},
		pause:  span{200 * time.Millisecond, 600 * time.Millisecond},
		slow:   3, lines: [2]int{3, 10},
		bound: 2 * time.Minute,
	}
}

// longCampaign is that of the promise about builds on several hosts.
func longCampaign(length time.Duration) campaignScale {
	return campaignScale{
		length: length, workers: 3, courses: 60, slots: 12,
		faults: faultSpans{
			faultKill: {500 * time.Millisecond, 50 * time.Second}, faultRestart: {},
			faultDrain: {5 * time.Second, 30 * time.Second},
			faultHang:  {5 * time.Second, time.Minute}, faultRefuse: {5 * time.Second, time.Minute},
			faultFreeze: {5 * time.Second, 75 * time.Second},
			faultLoss:   {500 * time.Millisecond, 20 * time.Second},
		},
		calm:  span{3 * time.Second, 15 * time.Second},
		pause: span{200 * time.Millisecond, 1200 * time.Millisecond},
		slow:  5, lines: [2]int{5, 50},
		bound: 2 * time.Minute,
	}
}

// campaign is a deployment under attack.
type campaign struct {
	tb       testing.TB
	scale    campaignScale
	seed     uint64
	d        *deployment
	api      *program
	server   *temporaldev.Server
	temporal sdk.Client
	engine   *client.Client // nil: no builds in containers
	courses  []*campaignCourse
	workers  []*campaignWorker

	mu     sync.Mutex
	disks  []string // ids of all build disks that there were
	lost   []string // ids of those that are gone for good
	counts map[string]int
}

func newCampaign(tb testing.TB, s campaignScale, seed uint64) *campaign {
	tb.Helper()
	c := &campaign{tb: tb, scale: s, seed: seed, server: temporaltest.Start(tb), counts: map[string]int{}}
	o := deploymentOptions{apis: 1, settings: map[string]string{
		"TEMPORAL_ADDRESS": c.server.Address(), "AUTO_PUBLISH": "true",
		"BUILD_CONCURRENCY": strconv.Itoa(s.slots), "BUILD_STOP_TIMEOUT": "1",
	}}
	if postgrestest.Here() {
		server := postgrestest.Start(tb)
		o.settings["DATABASE_URL"] = server.Address(server.Database(tb))
	}
	if dockertest.Here(tb) {
		c.engine = dockertest.Engine(tb)
	}
	c.d = newDeployment(tb, o)
	c.api = c.d.apis[0]
	var err error
	c.temporal, err = sdk.Dial(sdk.Options{HostPort: c.server.Address(), Namespace: temporaldev.Namespace, Logger: testLog(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.temporal.Close)
	c.addCourses()
	for i := range s.workers {
		c.addWorker(i)
	}
	return c
}

// run pushes while the faults of the plan happen.
func (c *campaign) run(plan []fault) {
	c.tb.Helper()
	begin := time.Now()
	var lanes sync.WaitGroup
	for _, w := range c.workers {
		lanes.Go(func() { w.suffer(plan, begin) })
	}
	c.pushUntil(begin.Add(c.scale.length))
	lanes.Wait()
}

// count adds to a figure of the report.
func (c *campaign) count(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what] += n
}

// violation reports what must not be.
func (c *campaign) violation(format string, args ...any) {
	c.tb.Helper()
	c.count("violations", 1)
	c.tb.Errorf(format, args...)
}

// report is the table of what happened.
func (c *campaign) report() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := fmt.Sprintf("campaign of seed %d\n", c.seed)
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		out += fmt.Sprintf("%-28s %6d\n", what, c.counts[what])
	}
	return out
}
