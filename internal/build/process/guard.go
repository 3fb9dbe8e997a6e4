package process

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// guardScript waits on a pipe that only the service writes to. The word over
// means that the build is over, other lines that the service lives. The end of
// the pipe, or silence, means that the service is dead or stopped, and then the
// script kills the build's group and all that carry the mark, and deletes the
// build's temporary files, if it has a folder for them. It kills without starting a
// program, which a host whose processes a build has used up cannot do; and mapfile
// reads an environment at once, where read takes three times as long.
const guardScript = `
read -r group
while read -r -t "$2" word; do
	[ "$word" = over ] && exit 0
done
before=yes
for pass in 1 2 3 4 5 6 7 8 9 10; do
	[ -n "$group" ] && kill -KILL -- "-$group"
	found=
	for dir in /proc/[0-9]*; do
		variables=()
		mapfile -d '' variables <"$dir/environ"
		if [[ "${variables[*]}" == *"$1"* ]]; then
			kill -KILL "${dir#/proc/}"
			found=yes
		fi
	done
	# A process that is just starting a program has no environment for a moment.
	[ -z "$found$before" ] && break
	before=$found
done 2>/dev/null
[ -z "$3" ] || rm -rf -- "$3" 2>/dev/null && exit 0
# Read-only folders cannot be emptied.
[ -L "$3" ] || chmod -R u+rwX -- "$3"
rm -rf -- "$3"
`

// A service that is silent for so long is stopped, as by SIGSTOP or a machine
// without memory. It is well below what another host waits for before it begins
// the same build, and above what a busy machine takes.
const (
	silence    = 30 * time.Second
	pulseEvery = 3 * time.Second
)

// guard is a small process beside a build that ends it when the service dies.
// The kernel's parent-death signal does not do: it reaches the first process of
// the build only, not its children, and is bound to a thread of the service.
type guard struct {
	cmd   *exec.Cmd
	pipe  io.WriteCloser
	over  chan struct{}
	pulse sync.WaitGroup
}

func startGuard(bash, mark, scratch string) (*guard, error) {
	cmd := exec.Command(bash, "--norc", "-c", guardScript, //nolint:gosec,noctx // fixed script; it ends by its pipe
		"coursewright-guard", mark, strconv.Itoa(int(silence.Seconds())), scratch)
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the build's guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the build's guard: %w", err)
	}
	return &guard{cmd: cmd, pipe: pipe, over: make(chan struct{})}, nil
}

// watch names the process group of the build, and tells from now on that the
// service lives. Should the name not arrive, the mark is enough in nearly all
// cases.
func (g *guard) watch(group int) {
	_, _ = io.WriteString(g.pipe, strconv.Itoa(group)+"\n")
	g.pulse.Go(func() {
		t := time.NewTicker(pulseEvery)
		defer t.Stop()
		for {
			select {
			case <-g.over:
				return
			case <-t.C:
				_, _ = io.WriteString(g.pipe, "\n") // a guard that is gone needs none
			}
		}
	})
}

// stop ends the guard after the build.
func (g *guard) stop() {
	close(g.over)
	g.pulse.Wait()
	_, _ = io.WriteString(g.pipe, "\nover\n")
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
