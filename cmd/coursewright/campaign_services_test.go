package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build/docker/dockertest"
)

// sufferer is a part of the deployment to which the faults of a lane happen. do
// says whether one did: nothing may have been there to happen to.
type sufferer interface{ do(f fault) (happened bool) }

// suffer does to a part what the plan has for its lane.
func (c *campaign) suffer(name string, part sufferer, plan []fault, begin time.Time) {
	c.tb.Helper()
	for _, f := range plan {
		if f.lane != name {
			continue
		}
		if pause(c.tb.Context(), time.Until(begin.Add(f.at))) != nil {
			return // something was fatal
		}
		c.tb.Logf("%6.1fs %s", time.Since(begin).Seconds(), f)
		c.state.begin(f)
		happened := part.do(f)
		c.state.end(f)
		c.countFault(f, happened)
	}
}

// countFault counts a fault if it happened. Those that never do are reported as 0.
func (c *campaign) countFault(f fault, happened bool) {
	n := 0
	if happened {
		n = 1
	}
	c.count(ofFaults, f.class(), n)
}

// unknown reports a fault that does not happen to such a part.
func (c *campaign) unknown(f fault) (happened bool) {
	c.tb.Helper()
	c.violation("nothing happens to %s by %s", f.lane, f.kind)
	return false
}

// wait lets time pass, which is what a fault is made of.
func (c *campaign) wait(d time.Duration) {
	c.tb.Helper()
	if err := pause(c.tb.Context(), d); err != nil {
		c.tb.Error(err)
	}
}

// launch starts a process of the service and starts it again while it does not
// get ready, as a service manager does.
func (c *campaign) launch(environ []string, args ...string) *program {
	c.tb.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		p := beginProgram(c.tb, "", append(environ, "TMPDIR="+c.d.path(temporary)), args...)
		err := p.awaitStart()
		if err == nil {
			return p
		}
		c.count(ofFaults, "starts that failed", 1)
		if time.Now().After(end) {
			c.violation("%v does not start: %v", args, err)
			return p
		}
		c.wait(time.Second)
	}
}

// signalProcess sends a signal to a process that must be there.
func (c *campaign) signalProcess(what string, pid int, s syscall.Signal) {
	c.tb.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		c.violation("%s: signal %s: %v", what, s, err)
	}
}

// freeze stops a process for a while.
func (c *campaign) freeze(what string, pid int, length time.Duration) {
	c.tb.Helper()
	c.signalProcess(what, pid, syscall.SIGSTOP)
	c.wait(length)
	c.signalProcess(what, pid, syscall.SIGCONT)
}

// jump sets the clock of a process wrong for a while, by hours or days.
func (c *campaign) jump(what string, pid int, f fault) (happened bool) {
	c.tb.Helper()
	by := []time.Duration{time.Hour, 72 * time.Hour, -time.Hour, -72 * time.Hour, 5 * time.Minute, -5 * time.Minute}[f.pick%6]
	j, err := newClockJump(pid)
	if err == nil {
		err = j.set(by)
	}
	if err != nil {
		c.violation("%s: set the clock: %v", what, err)
		return false
	}
	c.wait(f.length)
	if err := j.set(0); err != nil {
		c.violation("%s: set the clock back: %v", what, err)
	}
	return true
}

// mustBeKilled fails when a process that was killed had ended by itself before.
func (c *campaign) mustBeKilled(what string, p *program) {
	c.tb.Helper()
	p.kill()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		c.violation("%s had ended by itself: %s", what, p.cmd.ProcessState)
	}
}

// stopInOrder tells a process to stop. While something that it waits for stands
// still it may have to break off.
func (c *campaign) stopInOrder(what string, p *program) {
	c.tb.Helper()
	well := c.state.well()
	err := p.stop()
	switch {
	case err == nil:
	case well && c.state.well():
		c.violation("%s, told to stop, ended with %v", what, err)
	default:
		c.count(ofFaults, "stops that were broken off", 1)
	}
}

// wires are what connects a process with Temporal and the database.
type wires struct{ temporal, base *wire }

func (c *campaign) newWires() wires {
	c.tb.Helper()
	w := wires{temporal: newWire(c.tb, c.server.Address())}
	if c.base != nil {
		w.base = newWire(c.tb, filepath.Join(c.base.Socket(), ".s.PGSQL.5432"))
	}
	return w
}

// environ are the settings by which a process uses the wires.
func (w wires) environ(c *campaign) []string {
	out := []string{"COURSEWRIGHT_TEMPORAL_ADDRESS=" + w.temporal.addr}
	if w.base != nil {
		host, port, err := net.SplitHostPort(w.base.addr)
		if err != nil {
			c.tb.Fatal(err)
		}
		out = append(out, "COURSEWRIGHT_DATABASE_URL="+c.base.Address(c.database, "host="+host, "port="+port, "sslmode=disable"))
	}
	return out
}

// do cuts what the fault says, for its length.
func (w wires) do(c *campaign, f fault) (happened bool) {
	switch f.kind {
	case faultHang:
		w.temporal.hold()
		c.wait(f.length)
		w.temporal.pass()
	case faultRefuse:
		w.temporal.refuse()
		c.wait(f.length)
		w.temporal.listen()
	case faultNoBase:
		w.base.hold()
		c.wait(f.length)
		w.base.pass()
	default:
		return c.unknown(f)
	}
	return true
}

// campaignAPI is one of the processes that serve, always at the same address.
type campaignAPI struct {
	c       *campaign
	name    string
	listen  string
	wires   wires
	program *program
}

func (c *campaign) addAPI(name string) {
	c.tb.Helper()
	a := &campaignAPI{c: c, name: name, listen: lastingAddress(c.tb), wires: c.newWires()}
	a.start()
	c.apis = append(c.apis, a)
}

func (a *campaignAPI) base() string { return "http://" + a.listen }

func (a *campaignAPI) start() {
	a.c.tb.Helper()
	more := append(a.wires.environ(a.c), "COURSEWRIGHT_BUILD_PATH=/dev/null/none", "COURSEWRIGHT_LISTEN="+a.listen)
	a.program = a.c.launch(a.c.d.settings.environ(more...), "api")
}

func (a *campaignAPI) do(f fault) (happened bool) {
	pid := a.program.cmd.Process.Pid
	switch f.kind {
	case faultKill:
		a.c.mustBeKilled(a.name, a.program)
		a.c.wait(f.length)
		a.start()
	case faultRestart:
		a.c.stopInOrder(a.name, a.program)
		a.start()
	case faultFreeze:
		a.c.freeze(a.name, pid, f.length)
	case faultClock:
		return a.c.jump(a.name, pid, f)
	default:
		return a.wires.do(a.c, f)
	}
	return true
}

// campaignBase is PostgreSQL.
type campaignBase struct{ c *campaign }

func (b campaignBase) do(f fault) (happened bool) {
	switch f.kind {
	case faultKill:
		b.c.base.Kill()
		b.c.wait(f.length)
		b.c.base.Resume()
	case faultRestart:
		b.c.base.Stop()
		b.c.base.Resume()
	case faultFreeze:
		b.c.base.Freeze()
		b.c.wait(f.length)
		b.c.base.Thaw()
	default:
		return b.c.unknown(f)
	}
	return true
}

// campaignTemporal is Temporal's server.
type campaignTemporal struct{ c *campaign }

func (t campaignTemporal) do(f fault) (happened bool) {
	pid := t.c.server.pid(t.c)
	if pid == 0 {
		t.c.violation("Temporal is not there")
		return false
	}
	switch f.kind {
	case faultKill:
		t.c.server.kill(t.c, f.length)
	case faultFreeze:
		t.c.freeze("Temporal", pid, f.length)
	default:
		return t.c.unknown(f)
	}
	return true
}

// processWith waits for a process that has a word among its arguments, 0 when none
// comes.
func processWith(ctx context.Context, word string) int {
	for range 200 {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return 0
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains("\x00"+string(text), "\x00"+word+"\x00") {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				return pid
			}
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return 0
		}
	}
	return 0
}

// campaignEngine is a container engine of the campaign's own.
type campaignEngine struct {
	c      *campaign
	engine *dockertest.Daemon
}

func (e campaignEngine) do(f fault) (happened bool) {
	switch f.kind {
	case faultKill:
		e.engine.Kill()
		e.c.wait(f.length)
		e.engine.Start()
	case faultFreeze:
		e.c.freeze("the container engine", e.engine.PID(), f.length)
	default:
		return e.c.unknown(f)
	}
	return true
}

// campaignContainerd is what that engine has containers run by, a process of its own.
type campaignContainerd struct {
	c      *campaign
	engine *dockertest.Daemon
}

func (p campaignContainerd) do(f fault) (happened bool) {
	if f.kind != faultFreeze {
		return p.c.unknown(f)
	}
	p.c.freeze("containerd", p.engine.ContainerdPID(), f.length)
	return true
}

// containers lists the containers with a label, once the engine is there.
func (c *campaign) containers(label string) (ids []string) {
	c.tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		found, err := c.engine.ContainerList(context.WithoutCancel(c.tb.Context()), client.ContainerListOptions{
			All: true, Filters: client.Filters{}.Add("label", label),
		})
		for _, one := range found.Items {
			ids = append(ids, one.ID)
		}
		if err == nil {
			return ids
		}
		if time.Now().After(end) {
			c.violation("list containers: %v", err)
			return nil
		}
		c.wait(200 * time.Millisecond)
	}
}

// campaignDisk is a file system of the deployment.
type campaignDisk struct {
	c    *campaign
	disk *smallDisk
}

func (d campaignDisk) do(f fault) (happened bool) {
	switch f.kind {
	case faultFull:
		free := d.disk.fill()
		d.c.wait(f.length)
		free()
	case faultSlow:
		d.disk.slow(f.length)
	default:
		return d.c.unknown(f)
	}
	return true
}
