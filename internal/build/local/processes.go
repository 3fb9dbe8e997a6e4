package local

import (
	"bytes"
	"crypto/rand"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// markName is a variable that every process of a build inherits. It finds
// those that left the build's process group.
const markName = "CWBUILD_MARK"

// newMark makes the markName=value of one build.
func newMark() string { return markName + "=" + rand.Text() }

// processes are all processes of one build.
type processes struct {
	group int    // process group of the command
	mark  string // markName=value
}

// signal sends s to every process of the build and returns how many of them
// carry the mark. The group covers those that cleared their environment.
func (p processes) signal(s unix.Signal) int {
	found := p.marked()
	_ = unix.Kill(-p.group, s) // the group may be gone
	for _, pid := range found {
		_ = unix.Kill(pid, s) // gone meanwhile
	}
	return len(found)
}

// killAll kills until nothing is left or the time is over, and returns how many
// processes the first look found.
func (p processes) killAll(limit time.Duration) int {
	first := p.signal(unix.SIGKILL)
	for n, end := first, time.Now().Add(limit); n > 0 && time.Now().Before(end); n = p.signal(unix.SIGKILL) {
		time.Sleep(5 * time.Millisecond)
	}
	return first
}

// marked lists the processes that carry the mark. A process that has ended but
// is not waited for has no environment and is not listed.
func (p processes) marked() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1)
	_ = dir.Close()
	var found []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// Other users' processes cannot be read, and are not ours.
		env, err := os.ReadFile("/proc/" + name + "/environ")
		if err == nil && hasVariable(env, p.mark) {
			found = append(found, pid)
		}
	}
	return found
}

func hasVariable(environ []byte, variable string) bool {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if string(v) == variable {
			return true
		}
	}
	return false
}
