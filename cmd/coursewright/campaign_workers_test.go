package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
)

// campaignWorker is a worker of a campaign, whatever process and disk it has at
// the moment.
type campaignWorker struct {
	c       *campaign
	number  int
	disks   int // that it has had
	wire    *wire
	program *program
	host    string // id of its present disk
}

// addWorker starts a worker on an empty disk. The first half of them builds
// without containers, all do where no engine is.
func (c *campaign) addWorker(number int) {
	c.tb.Helper()
	w := &campaignWorker{c: c, number: number, wire: newWire(c.tb, c.server.Address())}
	w.start()
	c.workers = append(c.workers, w)
}

func (w *campaignWorker) disk() string {
	return w.c.d.path(fmt.Sprintf("disk%d.%d", w.number, w.disks))
}

// start starts the worker on its present disk.
func (w *campaignWorker) start() {
	w.c.tb.Helper()
	more := []string{
		"COURSEWRIGHT_BUILD_PATH=" + w.disk(), "COURSEWRIGHT_TEMPORAL_ADDRESS=" + w.wire.addr,
		"COURSEWRIGHT_COURSES_PATH=/dev/null/none", "COURSEWRIGHT_STATIC_ROOT=/dev/null/static",
	}
	if w.c.engine != nil && w.number >= w.c.scale.workers/2 {
		more = append(more, inContainers(w.c.tb)...)
		more = append(more, "COURSEWRIGHT_BUILD_MOUNTS="+w.c.shared()+":"+w.c.shared()+":rw")
	}
	w.program = startProgram(w.c.tb, w.c.d.settings.environ(more...), "worker")
	id, err := os.ReadFile(filepath.Join(w.disk(), ".host"))
	if err != nil {
		w.c.tb.Fatal(err)
	}
	if w.host != string(id) {
		w.host = string(id)
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		w.c.disks = append(w.c.disks, w.host)
	}
}

// suffer does to the worker what the plan has for it.
func (w *campaignWorker) suffer(plan []fault, begin time.Time) {
	w.c.tb.Helper()
	for _, f := range plan {
		if f.worker != w.number {
			continue
		}
		w.wait(time.Until(begin.Add(f.at)))
		w.c.tb.Logf("%6.1fs %s", time.Since(begin).Seconds(), f)
		w.do(f)
		w.c.count("fault "+string(f.kind), 1)
	}
}

// wait lets time pass, which is what a fault is made of.
func (w *campaignWorker) wait(d time.Duration) {
	w.c.tb.Helper()
	if err := pause(w.c.tb.Context(), d); err != nil {
		w.c.tb.Fatal(err)
	}
}

// do does one fault and mends it.
func (w *campaignWorker) do(f fault) {
	w.c.tb.Helper()
	switch f.kind {
	case faultKill:
		w.kill()
		w.wait(f.length)
		w.start()
	case faultRestart:
		w.stop()
		w.start()
	case faultDrain:
		w.c.api.do(http.MethodPost, hostPath(w.host)+"/drain", "{}", http.StatusOK)
		w.wait(f.length)
		w.c.api.do(http.MethodPost, hostPath(w.host)+"/resume", "{}", http.StatusOK)
	case faultHang:
		w.wire.hold()
		w.wait(f.length)
		w.wire.pass()
	case faultRefuse:
		w.wire.refuse()
		w.wait(f.length)
		w.wire.listen()
	case faultFreeze:
		w.signal(syscall.SIGSTOP)
		w.wait(f.length)
		w.signal(syscall.SIGCONT)
	case faultLoss:
		w.lose()
		w.wait(f.length)
		w.start()
	}
}

func (w *campaignWorker) signal(s syscall.Signal) {
	w.c.tb.Helper()
	if err := syscall.Kill(w.program.cmd.Process.Pid, s); err != nil {
		w.c.violation("worker %d: signal %s: %v", w.number, s, err)
	}
}

// kill ends the process as kill -9 does. That it had ended by itself is a
// violation.
func (w *campaignWorker) kill() {
	w.c.tb.Helper()
	w.program.kill()
	status, ok := w.program.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		w.c.violation("worker %d had ended by itself: %s", w.number, w.program.cmd.ProcessState)
	}
}

// stop ends the process in order.
func (w *campaignWorker) stop() {
	w.c.tb.Helper()
	if err := w.program.stop(); err != nil {
		w.c.violation("worker %d, told to stop, ended with %v", w.number, err)
	}
}

// lose takes the machine away, with disk and containers.
func (w *campaignWorker) lose() {
	w.c.tb.Helper()
	w.kill()
	if w.c.engine != nil {
		w.c.removeContainers(w.host)
	}
	if err := os.Rename(w.disk(), w.disk()+".gone"); err != nil {
		w.c.tb.Fatal(err)
	}
	w.c.mu.Lock()
	w.c.lost = append(w.c.lost, w.host)
	w.c.mu.Unlock()
	w.disks++
}

// removeContainers ends the containers of a machine that is gone.
func (c *campaign) removeContainers(disk string) {
	c.tb.Helper()
	for _, id := range dockertest.Containers(c.tb, docker.LabelDisk+"="+disk) {
		// It may have ended meanwhile.
		_, _ = c.engine.ContainerRemove(c.tb.Context(), id, client.ContainerRemoveOptions{Force: true})
	}
}
