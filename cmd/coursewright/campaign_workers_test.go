package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build/docker"
)

// campaignWorker is a worker of a campaign, whatever process and disk it has at
// the moment.
type campaignWorker struct {
	c       *campaign
	number  int
	disks   int // that it has had
	wires   wires
	program *program
	small   *smallDisk // the file system of its present disk; nil: the machine's
	host    string     // id of its present disk
	unsure  []string   // disks of which an api was told to drain them and did not answer: it may do so late
}

// addWorker starts a worker on an empty disk. The first half of them builds
// without containers, all do where no engine is.
func (c *campaign) addWorker(number int) {
	c.tb.Helper()
	w := &campaignWorker{c: c, number: number, wires: c.newWires()}
	w.newDisk()
	w.start()
	c.workers = append(c.workers, w)
}

func (w *campaignWorker) name() string { return fmt.Sprint("worker ", w.number) }

func (w *campaignWorker) disk() string {
	return w.c.d.path(fmt.Sprintf("disk%d.%d", w.number, w.disks))
}

// newDisk gives the worker a file system of its own, where that can be.
func (w *campaignWorker) newDisk() {
	w.c.tb.Helper()
	w.small = nil
	if !w.c.mounts {
		return
	}
	var err error
	if w.small, err = mountDisk(w.c.tb, w.disk(), workerDisk); err != nil {
		w.c.tb.Fatal(err)
	}
}

// start starts the worker on its present disk.
func (w *campaignWorker) start() {
	w.c.tb.Helper()
	more := append(w.wires.environ(w.c), "COURSEWRIGHT_BUILD_PATH="+w.disk(),
		"COURSEWRIGHT_COURSES_PATH=/dev/null/none", "COURSEWRIGHT_STATIC_ROOT=/dev/null/static")
	if w.c.engine != nil && w.number >= w.c.scale.workers/2 {
		more = append(more, w.c.inContainers...)
		more = append(more, "COURSEWRIGHT_BUILD_MOUNTS="+w.c.shared()+":"+w.c.shared()+":rw")
	}
	w.program = w.c.launch(w.c.d.settings.environ(more...), "worker")
	id, err := os.ReadFile(filepath.Join(w.disk(), ".host"))
	if err != nil {
		w.c.violation("%s has no id: %v", w.name(), err)
		return
	}
	if w.host != string(id) {
		w.host = string(id)
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		w.c.disks = append(w.c.disks, w.host)
	}
}

// do does one fault and mends it.
func (w *campaignWorker) do(f fault) (happened bool) {
	w.c.tb.Helper()
	pid := w.program.cmd.Process.Pid
	switch f.kind {
	case faultKill:
		w.kill()
		w.c.wait(f.length)
		w.start()
	case faultRestart:
		w.stop()
		w.start()
	case faultDrain:
		return w.drain(f)
	case faultFreeze:
		w.c.freeze(w.name(), pid, f.length)
	case faultLoss:
		w.lose()
		w.c.wait(f.length)
		w.newDisk()
		w.start()
	case faultClock:
		return w.c.jump(w.name(), pid, f)
	case faultFull, faultSlow:
		return campaignDisk{w.c, w.small}.do(f)
	default:
		return w.wires.do(w.c, f)
	}
	return true
}

// drain has the host drained and resumed.
func (w *campaignWorker) drain(f fault) (happened bool) {
	w.c.tb.Helper()
	if !w.order("drain", f.pick) {
		return false
	}
	w.c.wait(f.length)
	for pick := f.pick; !w.order("resume", pick); pick++ {
		w.c.wait(time.Second)
	}
	return true
}

// order tells the host by any api to drain or to resume, and says whether that was
// heard: nobody may be there to hear it.
func (w *campaignWorker) order(what string, pick uint64) bool {
	w.c.tb.Helper()
	broken, err := w.c.post(w.c.tb.Context(), "/api/v1/hosts/"+w.host+"/"+what, pick)
	if broken > 0 && what == "drain" {
		w.unsure = append(w.unsure, w.host)
	}
	if err != nil {
		w.c.count(ofPushes, "orders that were not heard", 1)
	}
	return err == nil || w.c.tb.Context().Err() != nil
}

// resumeLate ends a drain that an api has ordered late, when the faults are over: one
// that was stopped meanwhile does what it was asked before.
func (w *campaignWorker) resumeLate() {
	w.c.tb.Helper()
	for _, id := range w.unsure {
		w.c.count(ofPushes, "drains that may have come late", 1)
		if _, err := w.c.post(w.c.tb.Context(), "/api/v1/hosts/"+id+"/resume", uint64(w.number)); err != nil {
			w.c.violation("%s: resume: %v", w.name(), err)
		}
	}
}

// kill ends the process as kill -9 does. That it had ended by itself is a
// violation.
func (w *campaignWorker) kill() {
	w.c.tb.Helper()
	w.c.mustBeKilled(w.name(), w.program)
}

// stop ends the process in order.
func (w *campaignWorker) stop() {
	w.c.tb.Helper()
	w.c.stopInOrder(w.name(), w.program)
}

// lose takes the machine away, with disk and containers.
func (w *campaignWorker) lose() {
	w.c.tb.Helper()
	w.kill()
	if w.c.engine != nil {
		w.c.removeContainers(w.host)
	}
	if w.small == nil {
		if err := os.Rename(w.disk(), w.disk()+".gone"); err != nil {
			w.c.violation("%s: %v", w.name(), err)
		}
	}
	w.c.mu.Lock()
	w.c.lost = append(w.c.lost, w.host)
	w.c.mu.Unlock()
	w.disks++
}

// removeContainers ends the containers of a machine that is gone.
func (c *campaign) removeContainers(disk string) {
	c.tb.Helper()
	for _, id := range c.containers(docker.LabelDisk + "=" + disk) {
		// It may have ended meanwhile.
		_, _ = c.engine.ContainerRemove(c.tb.Context(), id, client.ContainerRemoveOptions{Force: true})
	}
}
