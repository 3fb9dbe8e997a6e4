package host_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"coursewright/internal/course"
	"coursewright/internal/host"
	"coursewright/internal/store/sqlite"
)

var errBroken = errors.New("no engine answers")

func openStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "db"), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newAgent returns the agent of host a on a real database.
func newAgent(t *testing.T, s *sqlite.Store, change func(*host.Config)) *host.Agent {
	t.Helper()
	c := host.Config{
		ID: "a", Name: "builder-a", Version: "v1", Path: t.TempDir(), Slots: host.NewSlots(2), Store: s,
		Log: slog.New(slog.DiscardHandler), MaxFailures: 3, Pause: time.Hour,
	}
	if change != nil {
		change(&c)
	}
	return host.NewAgent(c)
}

func report(t *testing.T, a *host.Agent) {
	t.Helper()
	if err := a.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, s *sqlite.Store, id string) course.Host {
	t.Helper()
	h, err := s.Host(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// gateIs fails unless the gate lets a build pass, or does not.
func gateIs(t *testing.T, slots *host.Slots, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := slots.Await(ctx)
	if err == nil {
		slots.Asked()
	}
	if (err == nil) != want {
		t.Errorf("the gate is open: %v; want %v", err == nil, want)
	}
}

func TestAgentFollowsOrders(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(2)
	a := newAgent(t, s, func(c *host.Config) { c.Slots = slots })
	gateIs(t, slots, false)
	report(t, a)
	gateIs(t, slots, true)
	h := stateOf(t, s, "a")
	if h.Slots != 2 || h.Name != "builder-a" || h.DiskTotal <= 0 || h.DiskFree <= 0 || h.DiskFree > h.DiskTotal {
		t.Errorf("the host reports %+v", h.HostReport)
	}
	if err := s.DrainHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	report(t, a)
	gateIs(t, slots, false)
	if err := a.Takes(); err == nil || !strings.Contains(err.Error(), "drained") {
		t.Errorf("Takes: %v; want the host drained", err)
	}
	if err := s.ResumeHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	report(t, a)
	gateIs(t, slots, true)
}

func TestStoppedHostSaysSo(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	a := newAgent(t, s, func(c *host.Config) { c.Slots = slots })
	report(t, a)
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	gateIs(t, slots, false)
	if h := stateOf(t, s, "a"); h.State != course.HostStopped || h.TakesBuilds() {
		t.Errorf("the host is %s; want it stopped", h.State)
	}
	report(t, newAgent(t, s, nil))
	if h := stateOf(t, s, "a"); h.State != course.HostActive {
		t.Errorf("the host is %s after its next start; want it active", h.State)
	}
}

func TestAgentStartsDrainedWhenItIsToBe(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	report(t, newAgent(t, s, nil))
	if err := s.DrainHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	report(t, newAgent(t, s, func(c *host.Config) { c.Slots = slots }))
	gateIs(t, slots, false)
}

func TestHostTakesItselfOut(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	a := newAgent(t, s, func(c *host.Config) { c.Slots = slots })
	fail := func(step, key string) {
		a.Failed(t.Context(), host.Failure{Step: step, Course: key, Err: errBroken})
	}
	report(t, a)
	fail("build", "one")
	fail("build", "two")
	a.Worked("build")
	fail("build", "one")
	fail("build", "two")
	a.Worked("checkout") // says nothing about the builder
	gateIs(t, slots, true)
	fail("build", "one")
	gateIs(t, slots, false)
	report(t, a)
	if h := stateOf(t, s, "a"); h.State != course.HostFailing || !strings.Contains(h.Trouble, errBroken.Error()) || !strings.Contains(h.Trouble, "build") {
		t.Errorf("the host is %s: %s; want it failing, with the reason", h.State, h.Trouble)
	}
	if err := s.ResumeHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	report(t, a)
	gateIs(t, slots, true)
	if h := stateOf(t, s, "a"); h.State != course.HostActive || h.Trouble != "" {
		t.Errorf("the host is %s: %q; want it active after the resume", h.State, h.Trouble)
	}
	fail("build", "one")
	gateIs(t, slots, true)
}

// TestOneCourseDoesNotTakeHostOut: a course that breaks steps is not the host's
// fault, unless it goes on and on.
func TestOneCourseDoesNotTakeHostOut(t *testing.T) {
	t.Parallel()
	slots := host.NewSlots(1)
	a := newAgent(t, openStore(t), func(c *host.Config) { c.Slots = slots })
	report(t, a)
	for range 8 {
		a.Failed(t.Context(), host.Failure{Step: "store", Course: "bad", Err: errBroken})
	}
	gateIs(t, slots, true)
	a.Failed(t.Context(), host.Failure{Step: "store", Course: "bad", Err: errBroken})
	gateIs(t, slots, false)
}

// What builds need of a host and is away takes it out at once, whatever course found
// that, until it is back.
func TestHostWithoutItsEngineIsOut(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	a := newAgent(t, s, func(c *host.Config) { c.Slots = slots })
	report(t, a)
	var broken atomic.Bool
	broken.Store(true)
	ready := func(context.Context) error {
		if broken.Load() {
			return errBroken
		}
		return nil
	}
	a.TakeOut(errBroken, ready)
	gateIs(t, slots, false)
	report(t, a)
	if h := stateOf(t, s, "a"); h.State != course.HostFailing || h.Trouble != errBroken.Error() {
		t.Errorf("the host is %s: %s; want it failing, with the reason", h.State, h.Trouble)
	}
	if err := a.Out(); err != nil {
		t.Errorf("a build that is here already is sent away: %v", err)
	}
	broken.Store(false)
	report(t, a)
	gateIs(t, slots, true)
	a.TakeOut(errBroken, ready)
	gateIs(t, slots, false)
	a.PutBack()
	gateIs(t, slots, true)
}

func TestLastHostStaysWhenTheCauseIsElsewhere(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	a := newAgent(t, s, func(c *host.Config) { c.Slots = slots })
	report(t, a)
	fail := func() {
		for _, key := range []string{"one", "two", "three"} {
			a.Failed(t.Context(), host.Failure{Step: "checkout", Course: key, Err: errBroken, Elsewhere: true})
		}
	}
	fail()
	gateIs(t, slots, true)
	report(t, newAgent(t, s, func(c *host.Config) { c.ID = "b" }))
	fail()
	gateIs(t, slots, false)
}

func TestFailuresWithoutDatabaseDoNotCount(t *testing.T) {
	t.Parallel()
	slots := host.NewSlots(1)
	a := newAgent(t, openStore(t), func(c *host.Config) { c.Slots = slots })
	report(t, a)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		a.Failed(gone, host.Failure{Step: "build", Course: "one", Err: errBroken})
	}
	gateIs(t, slots, true)
}

func TestFullDiskShutsTheGate(t *testing.T) {
	t.Parallel()
	s, slots := openStore(t), host.NewSlots(1)
	a := newAgent(t, s, func(c *host.Config) { c.Slots, c.MinFree = slots, 1<<60 })
	report(t, a)
	gateIs(t, slots, false)
	if h := stateOf(t, s, "a"); h.State != course.HostFailing || !strings.Contains(h.Trouble, "MIN_FREE_DISK") {
		t.Errorf("the host is %s: %s; want it failing for its disk", h.State, h.Trouble)
	}
	if err := a.CheckDisk(); err == nil || !strings.Contains(err.Error(), "builder-a") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("CheckDisk: %v; want the host and the remedy", err)
	}
	if !a.DiskWasShort(time.Now().Add(-time.Minute)) || a.DiskWasShort(time.Now()) {
		t.Error("the host does not remember when the disk was short")
	}
	roomy := newAgent(t, s, nil)
	if err := roomy.CheckDisk(); err != nil || roomy.DiskWasShort(time.Time{}) || roomy.DiskWasEverShort(time.Time{}) {
		t.Errorf("CheckDisk without a limit: %v", err)
	}
}

// The next process on the build disk knows when it was short of space.
func TestTheNextProcessKnowsOfAFullDisk(t *testing.T) {
	t.Parallel()
	s, path := openStore(t), t.TempDir()
	if err := newAgent(t, s, func(c *host.Config) { c.Path, c.MinFree = path, 1<<60 }).CheckDisk(); err == nil {
		t.Fatal("a disk without enough space is well")
	}
	next := newAgent(t, s, func(c *host.Config) { c.Path = path })
	if next.DiskWasShort(time.Time{}) {
		t.Error("the next process has seen it itself")
	}
	if !next.DiskWasEverShort(time.Now().Add(-time.Minute)) || next.DiskWasEverShort(time.Now().Add(time.Minute)) {
		t.Error("the disk does not tell when it was short")
	}
}

// memory is a database in memory, for tests of time.
type memory struct {
	reports []course.HostReport
	away    bool
	silent  bool // answers nothing
}

func (m *memory) ReportHost(ctx context.Context, r course.HostReport) (course.HostOrders, error) {
	if m.silent {
		<-ctx.Done()
	}
	if m.away {
		return course.HostOrders{}, course.ErrUnavailable
	}
	m.reports = append(m.reports, r)
	return course.HostOrders{}, nil
}

func (m *memory) ListHosts(context.Context) ([]course.Host, error) { return nil, nil }

// A heartbeat that waits for the database keeps no host from seeing that its disk is
// short of space.
func TestSpaceIsWatchedWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := host.NewAgent(host.Config{
			ID: "a", Name: "a", Path: path, Slots: host.NewSlots(1), Store: &memory{away: true, silent: true},
			Log: slog.New(slog.DiscardHandler), MinFree: 1 << 60,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		begin := time.Now()
		time.Sleep(5 * time.Second)
		if !a.DiskWasShort(begin.Add(3 * time.Second)) {
			t.Error("nobody looks at the disk while a heartbeat waits")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestHostComesBackAfterPause(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, slots := &memory{}, host.NewSlots(1)
		a := host.NewAgent(host.Config{
			ID: "a", Name: "a", Path: path, Slots: slots, Store: m, Log: slog.New(slog.DiscardHandler), MaxFailures: 2, Pause: time.Minute,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		time.Sleep(10 * time.Second)
		if n := len(m.reports); n < 4 {
			t.Errorf("%d reports in 10 seconds", n)
		}
		fail := func(key string) {
			a.Failed(t.Context(), host.Failure{Step: "build", Course: key, Err: errBroken})
		}
		fail("one")
		fail("two")
		gateIs(t, slots, false)
		time.Sleep(time.Second)
		if last := m.reports[len(m.reports)-1]; last.Trouble == "" {
			t.Error("the trouble was not reported at once")
		}
		time.Sleep(time.Minute + host.Interval)
		gateIs(t, slots, true)
		fail("three") // the first one after the pause is one too many
		gateIs(t, slots, false)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	a, reg := newAgent(t, openStore(t), nil), prometheus.NewRegistry()
	if err := a.Register(reg); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	if got["coursewright_host_slots"] != 2 || got["coursewright_host_disk_size_bytes"] <= 0 {
		t.Errorf("the figures are %v", got)
	}
}

// A host judges by the silence of others when it has heard of the database for a while.
func TestSteady(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		a := host.NewAgent(host.Config{ID: "a", Name: "a", Path: path, Slots: host.NewSlots(1), Store: m, Log: slog.New(slog.DiscardHandler)})
		after := func(d time.Duration, away, want bool) {
			t.Helper()
			m.away = away
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(host.Interval) {
				if err := a.Report(t.Context()); (err != nil) != away {
					t.Fatal(err)
				}
			}
			if got := a.Steady(); got != want {
				t.Errorf("after %s, away %v: steady %v, want %v", d, away, got, want)
			}
		}
		after(0, false, false)
		after(2*host.Interval, false, false)
		after(course.HostSilence, false, true)
		after(2*host.Interval, true, true)
		after(2*host.Interval, false, true)
		after(course.HostSilence+host.Interval, true, false)
		after(2*host.Interval, false, false)
		after(course.HostSilence, false, true)
	})
}
