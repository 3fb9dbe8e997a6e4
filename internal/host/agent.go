package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"coursewright/internal/course"
)

// Interval is the time between two heartbeats.
const Interval = 3 * time.Second

// reportTimeout bounds one heartbeat.
const reportTimeout = 10 * time.Second

// Store is what a build host needs of the database.
type Store interface {
	ReportHost(ctx context.Context, r course.HostReport) (course.HostOrders, error)
	ListHosts(ctx context.Context) ([]course.Host, error)
}

// Config describes a build host. Every field is required.
type Config struct {
	ID      string // of the build disk
	Name    string // of the machine
	Version string // of the program
	Path    string // the build disk
	Slots   *Slots
	Store   Store
	Log     *slog.Logger

	MinFree     int64         // bytes; with less free space the host takes no builds; 0: never mind
	MaxFailures int           // failures in a row of one step after which the host takes itself out; 0: never
	Pause       time.Duration // how long it stays out
}

// Agent speaks for a build host: it reports to the database and opens and shuts
// the gate of the slots. It is safe for concurrent use.
type Agent struct {
	cfg     Config
	started time.Time
	poke    chan struct{} // asks for a report before its time

	reporting sync.Mutex // one report at a time, so that orders come in order

	mu       sync.Mutex
	orders   course.HostOrders
	known    bool      // orders have been received
	disk     string    // trouble with the disk
	short    time.Time // when it was seen last that the disk had too little space
	failures map[string]*streak
	out      string // trouble for which the host has taken itself out
	until    time.Time
	away     string                      // what builds need of the host and is away
	ready    func(context.Context) error // says whether it is back
	takes    bool                        // as the gate is
	left     bool
	heard    time.Time // when the database has last answered
	steady   time.Time // since when it has answered without a break
}

// NewAgent returns the agent of a host. Nothing is reported and the gate is
// shut until Report or Run.
func NewAgent(c Config) *Agent {
	return &Agent{cfg: c, started: time.Now(), poke: make(chan struct{}, 1), failures: map[string]*streak{}}
}

// Run reports every few seconds until ctx ends, and shuts the gate then. A
// database that is away is logged once.
func (a *Agent) Run(ctx context.Context) error {
	defer a.cfg.Slots.Open(false)
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() { a.watchSpace(ctx) })
	t := time.NewTicker(Interval)
	defer t.Stop()
	silent := false
	for {
		err := a.Report(ctx)
		if err != nil && ctx.Err() == nil && !silent {
			a.cfg.Log.Warn("the build host cannot report itself, will try again", "host", a.cfg.ID, "error", err)
		}
		silent = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-a.poke:
		case <-t.C:
		}
	}
}

// Report sends one heartbeat and follows the orders that come back.
func (a *Agent) Report(ctx context.Context) error {
	a.reporting.Lock()
	defer a.reporting.Unlock()
	a.lookAgain(ctx)
	r, err := a.report()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	orders, err := a.cfg.Store.ReportHost(ctx, r)
	if err != nil {
		return err
	}
	a.answered(time.Now())
	if a.follow(orders) {
		r.Trouble = ""
		_, err = a.cfg.Store.ReportHost(ctx, r) // the list should not wait for the next heartbeat
	}
	return err
}

// answered notes that the database has answered.
func (a *Agent) answered(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.heard) > course.HostSilence {
		a.steady = now
	}
	a.heard = now
}

// Steady says whether the database has answered all the time for so long that a host
// which is there would have reported itself. Only then does silence say anything.
func (a *Agent) Steady() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	return now.Sub(a.heard) <= course.HostSilence && now.Sub(a.steady) >= course.HostSilence
}

// report describes the host as it is now.
func (a *Agent) report() (course.HostReport, error) {
	s := a.cfg.Slots
	running, waiting := s.Counts()
	free, total, err := diskSpace(a.cfg.Path)
	if err != nil {
		return course.HostReport{}, err
	}
	load, err := loadAverage()
	if err != nil {
		return course.HostReport{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteSpace(free)
	a.comeBack(time.Now())
	a.decide()
	return course.HostReport{
		ID: a.cfg.ID, Name: a.cfg.Name, Version: a.cfg.Version, StartedAt: a.started,
		Slots: s.Capacity(), Running: running, Waiting: waiting, Load: load,
		DiskFree: free, DiskTotal: total, Trouble: a.trouble(),
	}, nil
}

// follow takes orders, and says whether they ended a trouble that has just been
// reported.
func (a *Agent) follow(o course.HostOrders) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.trouble()
	if a.known && o.Resumes != a.orders.Resumes {
		a.out, a.away, a.ready, a.failures = "", "", nil, map[string]*streak{} // a full disk stays full
	}
	a.orders, a.known = o, true
	a.decide()
	return before != "" && a.trouble() == ""
}

// trouble is why the host takes no builds of its own accord.
func (a *Agent) trouble() string {
	switch {
	case a.left:
		return course.StoppedTrouble
	case a.disk != "":
		return a.disk
	case a.away != "":
		return a.away
	}
	return a.out
}

// Leave says that the process is being stopped: the gate is shut, and builds
// that have no host yet go to others at once.
func (a *Agent) Leave(ctx context.Context) error {
	a.mu.Lock()
	a.left = true
	a.decide()
	a.mu.Unlock()
	return a.Report(ctx)
}

// decide opens or shuts the gate. Before the first orders it stays shut: the
// host may be meant to drain.
func (a *Agent) decide() {
	takes := a.known && !a.orders.Drain && a.trouble() == ""
	if takes == a.takes {
		return
	}
	a.takes = takes
	a.cfg.Slots.Open(takes)
	switch {
	case takes:
		a.cfg.Log.Info("the build host takes builds", "host", a.cfg.ID)
	case a.left:
		a.cfg.Log.Info("the build host takes no builds: it is stopped", "host", a.cfg.ID)
	case a.trouble() != "":
		a.cfg.Log.Error("the build host takes no builds", "host", a.cfg.ID, "reason", a.trouble())
	default:
		a.cfg.Log.Info("the build host takes no new builds: it is drained", "host", a.cfg.ID)
	}
}

// Takes says why the host takes no new builds; nil: it does.
func (a *Agent) Takes() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.trouble() != "":
		return fmt.Errorf("build host %s takes no builds: %s", a.cfg.Name, a.trouble())
	case a.orders.Drain:
		return fmt.Errorf("build host %s takes no new builds: it is drained", a.cfg.Name)
	}
	return nil
}

// Out says why the host has taken itself out after failures; nil: it has not.
func (a *Agent) Out() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.out == "" {
		return nil
	}
	return fmt.Errorf("build host %s has taken itself out: %s", a.cfg.Name, a.out)
}

// wake asks for a report soon.
func (a *Agent) wake() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}
