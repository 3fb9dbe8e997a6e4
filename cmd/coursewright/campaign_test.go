package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/temporaldev"
)

// TestCampaign lets every part of a deployment die, hang, lose its connections, its
// clock and its disk while pushes come and courses are read all the time, and looks
// meanwhile and afterwards whether a promise was broken. Variables change it:
//
//	CAMPAIGN=5m     the long form, with three workers and 20 courses, for so long
//	SEED=7          another plan of faults and pushes; what is printed can be had again
//	SEEDS=20        so many campaigns one after the other, with the seeds from SEED on
//	COURSES=60      so many courses
//	DATABASE=sqlite not on PostgreSQL, though that is there
//	TEMPORAL=server on the Temporal server of production, not the development server
//	FAULTS=workers  faults of workers only, each more often: what builds do that are
//	                handed over again and again
//
// `make torture` runs the long form.
func TestCampaign(t *testing.T) {
	t.Parallel()
	scale, seed := shortCampaign(), uint64(1)
	if text := os.Getenv("CAMPAIGN"); text != "" && text != "short" {
		length, err := time.ParseDuration(text)
		if err != nil || length <= 0 {
			t.Fatalf("CAMPAIGN=%s: give how long it lasts, such as 5m, or short", text)
		}
		scale, seed = longCampaign(length), uint64(time.Now().UnixNano()%1_000_000)
	}
	if os.Getenv("FAULTS") == "workers" {
		scale = scale.ofWorkers()
	}
	scale.postgres = os.Getenv("DATABASE") != "sqlite"
	scale.production = os.Getenv("TEMPORAL") == "server"
	seed = numberOf(t, "SEED", seed)
	scale.courses = int(numberOf(t, "COURSES", uint64(scale.courses))) //nolint:gosec // a handful
	total, n := newCampaignReport(), numberOf(t, "SEEDS", 1)
	for i := range n {
		t.Run(fmt.Sprint("seed ", seed+i), func(t *testing.T) { runCampaign(t, scale, seed+i, total) })
	}
	if n > 1 {
		t.Logf("all campaigns, seeds %d to %d\n%s", seed, seed+n-1, total.table())
	}
}

// numberOf reads a variable that is a number.
func numberOf(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s: give a whole number", name, text)
	}
	return n
}

func runCampaign(t *testing.T, scale campaignScale, seed uint64, total *campaignReport) {
	t.Helper()
	c := newCampaign(t, scale, seed)
	c.reportAtEnd(scale.command(seed), total)
	c.start()
	plan := planFaults(seed, scale.length, c.lanes())
	t.Logf("seed %d, %d apis, %d workers, %d courses, %s\n%s", seed, scale.apis, scale.workers, scale.courses, scale.length, describePlan(plan))
	stopWatching := c.watchWhile()
	finishReading := c.readWhile()
	c.run(plan)
	c.conclude(finishReading, stopWatching)
}

// campaign is a deployment under attack.
type campaign struct {
	tb       testing.TB
	scale    campaignScale
	seed     uint64
	d        *deployment
	state    *campaignState
	report   *campaignReport
	pushes   *rand.Rand // chooses what is pushed, and to whom
	mounts   bool       // disks are small file systems of their own
	clocks   bool       // of processes can be set wrong
	releases *smallDisk

	server       temporalServer
	temporal     sdk.Client
	base         *postgrestest.Server // nil: SQLite
	database     string
	daemon       *dockertest.Daemon // nil: the machine's engine, which nobody may kill, or none
	engine       *client.Client     // nil: no builds in containers
	inContainers []string           // settings of workers that use it

	api     *program // the first one, for what is asked when all is well
	apis    []*campaignAPI
	courses []*campaignCourse
	workers []*campaignWorker

	mu    sync.Mutex
	disks []string // ids of all build disks that there were
	lost  []string // ids of those that are gone for good
}

func newCampaign(tb testing.TB, s campaignScale, seed uint64) *campaign {
	tb.Helper()
	return &campaign{
		tb: tb, scale: s, seed: seed, state: newCampaignState(s.apis, time.Now), report: newCampaignReport(),
		pushes: rand.New(rand.NewPCG(seed, 1<<32)), //nolint:gosec // a choice that can be had again
	}
}

// start starts everything that suffers later.
func (c *campaign) start() {
	tb, s := c.tb, c.scale
	tb.Helper()
	c.startTemporal(s.production)
	o := deploymentOptions{settings: map[string]string{
		"TEMPORAL_ADDRESS": c.server.Address(), "AUTO_PUBLISH": "true", "MIN_FREE_DISK": "4MiB", "HOST_PAUSE": "15s",
		"BUILD_CONCURRENCY": strconv.Itoa(s.slots), "BUILD_STOP_TIMEOUT": "1",
	}}
	if postgrestest.Here() && s.postgres {
		c.base = postgrestest.Start(tb)
		c.database = c.base.Database(tb)
		o.settings["DATABASE_URL"] = c.base.Address(c.database)
	}
	c.startEngine()
	missing := mountsHere(tb)
	c.mounts = missing == ""
	if !c.mounts {
		tb.Logf("no disk is filled or slowed: %s", missing)
	}
	missing = clocksHere(tb)
	c.clocks = missing == ""
	if !c.clocks {
		tb.Logf("no clock is set wrong: %s", missing)
	}
	c.d = newDeployment(tb, o)
	must(tb, os.Mkdir(c.d.path(temporary), 0o700))
	c.moveReleases()
	c.recordStatuses()
	var err error
	c.temporal, err = sdk.Dial(sdk.Options{HostPort: c.server.Address(), Namespace: temporaldev.Namespace, Logger: testLog(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.temporal.Close)
	for i := range s.apis {
		c.addAPI(fmt.Sprint("api ", i))
	}
	c.api = c.apis[0].program
	c.addCourses()
	for i := range s.workers {
		c.addWorker(i)
	}
}

// startEngine finds something to build in: an engine of the campaign's own, else
// the machine's, else none.
func (c *campaign) startEngine() {
	c.tb.Helper()
	missing := dockertest.DaemonMissing(c.tb)
	switch {
	case missing == "":
		c.daemon = dockertest.StartDaemon(c.tb)
		c.engine = c.daemon.Client()
		c.inContainers = append(containerSettings(), "COURSEWRIGHT_BUILD_DOCKER_HOST="+c.daemon.Address())
	case dockertest.Here(c.tb):
		c.tb.Logf("the container engine is not killed: %s", missing)
		c.engine = dockertest.Engine(c.tb)
		c.inContainers = containerSettings()
	default:
		c.tb.Logf("no build runs in a container: %s", missing)
	}
}

// moveReleases puts the shared folders of releases on a file system of their own.
func (c *campaign) moveReleases() {
	c.tb.Helper()
	dir := c.d.path("releases")
	var err error
	if c.mounts {
		c.releases, err = mountDisk(c.tb, dir, releasesDisk)
	} else {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
	for name, setting := range map[string]string{"store": "STORE_PATH", "courses": "COURSES_PATH", "static": "STATIC_ROOT"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			c.tb.Fatal(err)
		}
		c.d.settings.set(setting, filepath.Join(dir, name))
	}
}

// lanes are those of the scale that can be had here.
func (c *campaign) lanes() (out []lane) {
	for _, l := range c.scale.lanes() {
		l.kinds = maps.Clone(l.kinds)
		if !c.mounts {
			delete(l.kinds, faultFull)
			delete(l.kinds, faultSlow)
		}
		if !c.clocks {
			delete(l.kinds, faultClock)
		}
		if c.base == nil {
			delete(l.kinds, faultNoBase)
		}
		if c.base == nil && l.group == "base" || c.daemon == nil && l.group == "engine" || !c.mounts && l.group == "releases" {
			continue
		}
		out = append(out, l)
	}
	return out
}

// parts are what suffers, by lane.
func (c *campaign) parts() map[string]sufferer {
	out := map[string]sufferer{
		"base": campaignBase{c}, "temporal": campaignTemporal{c},
		"engine": campaignEngine{c, c.daemon}, "containerd": campaignContainerd{c, c.daemon},
		"releases": campaignDisk{c, c.releases}, "admin": campaignAdmin{c},
	}
	for _, a := range c.apis {
		out[a.name] = a
	}
	for _, w := range c.workers {
		out[w.name()] = w
	}
	return out
}

// run pushes while the faults of the plan happen.
func (c *campaign) run(plan []fault) {
	c.tb.Helper()
	begin := time.Now()
	var lanes sync.WaitGroup
	c.tb.Cleanup(lanes.Wait) // also when something is fatal
	for name, part := range c.parts() {
		lanes.Go(func() { c.suffer(name, part, plan, begin) })
	}
	c.pushUntil(begin.Add(c.scale.length))
	lanes.Wait()
	for _, w := range c.workers {
		w.resumeLate()
	}
	took := c.settle(c.scale.bound)
	c.count(ofBuilds, "seconds until all was final", int(took.Seconds()+1))
	c.checkFaults(plan)
}

// count adds to a figure of the report.
func (c *campaign) count(s section, what string, n int) { c.report.count(s, what, n) }

// violation reports what must not be.
func (c *campaign) violation(format string, args ...any) {
	c.tb.Helper()
	c.broken("other", format, args...)
}

// broken reports a promise that was not kept.
func (c *campaign) broken(promise, format string, args ...any) {
	c.tb.Helper()
	c.count(ofViolations, promise, 1)
	c.tb.Errorf(promise+": "+format, args...)
}
