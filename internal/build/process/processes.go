package process

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"slices"
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
	group  int    // process group of the command
	mark   string // markName=value
	begun  time.Time
	before map[string]bool // numbers of the processes that were there when it began
}

// soonOver is for how long after the beginning of a build none of its processes
// can have got the number of one that was there before: numbers are given in turn,
// and there are 32,768 or more. Looking at the new ones only makes the end of a
// short build cheap on a busy host.
const soonOver = time.Second

// newProcesses is made before the build's command starts.
func newProcesses(mark string) processes {
	p := processes{mark: mark, begun: time.Now(), before: map[string]bool{}}
	for _, name := range processNumbers() {
		p.before[name] = true
	}
	return p
}

// processNumbers lists what looks like the number of a process.
func processNumbers() []string {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1)
	_ = dir.Close()
	return slices.DeleteFunc(names, func(name string) bool { return name[0] < '0' || name[0] > '9' })
}

// signal sends s to every process of the build. The group covers those that
// cleared their environment, the mark those that left the group. None gets it
// twice: a second one would end a shell that tidies up because of the first.
func (p processes) signal(s unix.Signal) {
	left := slices.DeleteFunc(p.marked(), func(pid int) bool {
		group, err := unix.Getpgid(pid)
		return err == nil && group == p.group
	})
	_ = unix.Kill(-p.group, s) // the group may be gone
	for _, pid := range left {
		_ = unix.Kill(pid, s) // gone meanwhile
	}
}

// killGroup kills those of the group, which may have cleared their environment.
func (p processes) killGroup() { _ = unix.Kill(-p.group, unix.SIGKILL) }

// killAll kills until nothing is left or the time is over.
func (p processes) killAll(limit time.Duration) {
	p.signal(unix.SIGKILL)
	p.look(limit, func() { p.signal(unix.SIGKILL) })
}

// settle lets processes end that are about to, and returns how many are left
// when the time is over.
func (p processes) settle(limit time.Duration) int {
	return p.look(limit, func() {})
}

// look waits until no process with the mark is left or the time is over, does
// something after every look that finds one, and returns what the last found. A
// process that is just starting a program has no environment for a moment:
// only the second look in a row that finds nothing is believed.
func (p processes) look(limit time.Duration, found func()) int {
	end := time.Now().Add(limit)
	for empty := 0; ; time.Sleep(2 * time.Millisecond) {
		left := len(p.marked())
		if left == 0 {
			empty++
		} else {
			empty = 0
			found()
		}
		if empty == 2 || time.Now().After(end) {
			return left
		}
	}
}

// marked lists the processes that carry the mark. A process that has ended but
// is not waited for has no environment and is not listed.
func (p processes) marked() []int {
	var found []int
	env := make([]byte, 16<<10) // most fit
	onlyNew := time.Since(p.begun) < soonOver
	for _, name := range processNumbers() {
		pid, err := strconv.Atoi(name)
		if err != nil || onlyNew && p.before[name] {
			continue
		}
		// Other users' processes cannot be read, and are not ours.
		var n int
		if env, n = readAll("/proc/"+name+"/environ", env); hasVariable(env[:n], p.mark) {
			found = append(found, pid)
		}
	}
	return found
}

// readAll reads a file into the buffer, which it enlarges if need be, and gives
// the number of bytes; 0 when the file cannot be read. Package os would do twice
// as many system calls, and a build host has hundreds of such files.
func readAll(path string, buffer []byte) (larger []byte, n int) {
	f, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return buffer, 0
	}
	defer func() { _ = unix.Close(f) }() // only read
	for {
		if n == len(buffer) {
			buffer = append(buffer, make([]byte, len(buffer))...)
		}
		more, err := unix.Read(f, buffer[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || more <= 0 {
			return buffer, n
		}
		n += more
	}
}

func hasVariable(environ []byte, variable string) bool {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if string(v) == variable {
			return true
		}
	}
	return false
}
