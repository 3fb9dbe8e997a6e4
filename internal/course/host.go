package course

import "time"

// HostState says whether a build host takes builds.
type HostState string

// The states of a build host.
const (
	HostActive   HostState = "active"   // takes builds
	HostDraining HostState = "draining" // an administrator wants no new builds on it
	HostFailing  HostState = "failing"  // it has taken itself out, see Trouble
	HostStopped  HostState = "stopped"  // its process was stopped in order
)

// StoppedTrouble is the trouble that a build host reports when it is stopped.
const StoppedTrouble = "the worker was stopped"

// HostSilence is how long a build host may be silent before it counts as gone.
// It is several times the interval of heartbeats.
const HostSilence = 12 * time.Second

// Host is a build host: one build disk and the process that works on it.
type Host struct {
	HostReport

	SeenAt time.Time     // last heartbeat, UTC
	Silent time.Duration // since then, by the clock of the database
	State  HostState
	Builds int // RUNNING builds that have the host, also between two steps
}

// Gone says whether the host has been silent for too long.
func (h Host) Gone() bool { return h.Silent > HostSilence }

// TakesBuilds says whether builds may be sent to the host.
func (h Host) TakesBuilds() bool { return h.State == HostActive && !h.Gone() }

// Free is the number of further builds that would begin at once.
func (h Host) Free() int { return max(0, h.Slots-h.Running-h.Waiting) }

// HostReport is what a build host says of itself in a heartbeat.
type HostReport struct {
	ID        string    // of the build disk: a new or wiped disk is a new host
	Name      string    // of the machine
	Version   string    // of the program
	StartedAt time.Time // of the process, UTC
	Slots     int       // build commands that may run at a time
	Running   int       // that run
	Waiting   int       // builds that wait for a slot
	Load      float64   // load average of the last minute; 0 where it is unknown
	DiskFree  int64     // bytes of the build disk that builds can use
	DiskTotal int64     // bytes
	Trouble   string    // why the host takes no builds, in one line; empty: it does
}

// HostOrders is what a build host is told in answer to a heartbeat.
type HostOrders struct {
	Drain   bool  // take no new builds
	Resumes int64 // how often an administrator resumed the host: forget troubles when it grows
}
