package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// program is the program itself, running in a process group of its own.
type program struct {
	*harness // only its HTTP part
	admin    string
	cmd      *exec.Cmd
	out      *bufio.Scanner
}

// startProgram starts the program with more environment and waits until it is
// ready. It is killed at the test's end at the latest.
func startProgram(tb testing.TB, environ []string, args ...string) *program {
	tb.Helper()
	return startProgramOf(tb, "", environ, args...)
}

// startProgramOf is startProgram with the program of another version in a file;
// empty: the one under test.
func startProgramOf(tb testing.TB, file string, environ []string, args ...string) *program {
	tb.Helper()
	p := beginProgram(tb, file, environ, args...)
	if err := p.awaitStart(); err != nil {
		tb.Fatal(err)
	}
	return p
}

// awaitStart waits until the program is ready, or says how it ended.
func (p *program) awaitStart() error {
	for p.out.Scan() {
		line := strings.Fields(p.out.Text())
		switch {
		case len(line) == 2 && line[0] == "pages":
			p.base = strings.TrimSuffix(line[1], "/")
		case len(line) == 2 && line[0] == "admin":
			p.admin = line[1]
		case p.out.Text() == "ready":
			return nil
		}
	}
	return fmt.Errorf("the program ended before it was ready: %w", p.cmd.Wait())
}

// beginProgram starts the program and waits for nothing.
func beginProgram(tb testing.TB, file string, environ []string, args ...string) *program {
	tb.Helper()
	cmd := exec.Command(cmp.Or(file, os.Args[0]), args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = tb.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &program{harness: &harness{tb: tb}, cmd: cmd, out: bufio.NewScanner(out)}
	tb.Cleanup(p.kill)
	return p
}

// kill ends the whole process group at once, as kill -9 does.
func (p *program) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	_ = p.cmd.Wait()                                      // killed is what it should be
}

// wait reads what the program still prints and gives how it ended.
func (p *program) wait() error {
	for p.out.Scan() {
	}
	return p.cmd.Wait()
}

// stop asks the program to end, as systemd and Kubernetes do, and gives how it
// ended.
func (p *program) stop() error {
	p.tb.Helper()
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		p.tb.Fatal(err)
	}
	return p.wait()
}

// ended is how a program ended.
type ended struct {
	status      int
	out, errOut string
}

// runProgram runs the program to its end.
func runProgram(tb testing.TB, environ []string, args ...string) ended {
	tb.Helper()
	return runProgramOf(tb, "", environ, args...)
}

// runProgramOf is runProgram as startProgramOf is startProgram.
func runProgramOf(tb testing.TB, file string, environ []string, args ...string) ended {
	tb.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(tb.Context(), cmp.Or(file, os.Args[0]), args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), environ...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		tb.Fatal(err)
	}
	return ended{status: cmd.ProcessState.ExitCode(), out: out.String(), errOut: errOut.String()}
}
