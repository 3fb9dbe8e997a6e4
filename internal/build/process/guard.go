package process

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// guardScript waits on a pipe that only the service writes to. A second line
// means that the build is over; the end of the pipe means that the service
// died, and then the script kills the build's group and all that carry the mark.
const guardScript = `
read -r group
read -r over && exit 0
for pass in 1 2 3 4 5 6 7 8 9 10; do
	[ -n "$group" ] && kill -KILL -- "-$group"
	found=
	for dir in /proc/[0-9]*; do
		while IFS= read -r -d '' variable; do
			if [ "$variable" = "$1" ]; then
				kill -KILL "${dir#/proc/}"
				found=yes
				break
			fi
		done <"$dir/environ"
	done
	[ -z "$found" ] && exit 0
done 2>/dev/null
`

// guard is a small process beside a build that ends it when the service dies.
// The kernel's parent-death signal does not do: it reaches the first process of
// the build only, not its children, and is bound to a thread of the service.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startGuard(bash, mark string) (*guard, error) {
	cmd := exec.Command(bash, "--norc", "-c", guardScript, "coursewright-guard", mark) //nolint:gosec,noctx // fixed script; it ends by its pipe
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
	return &guard{cmd: cmd, pipe: pipe}, nil
}

// watch names the process group of the build. Should it not arrive, the mark
// is enough in nearly all cases.
func (g *guard) watch(group int) {
	_, _ = io.WriteString(g.pipe, strconv.Itoa(group)+"\n")
}

// stop ends the guard after the build.
func (g *guard) stop() {
	_, _ = io.WriteString(g.pipe, "\nover\n")
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
