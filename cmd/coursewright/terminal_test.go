package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"coursewright/client"
	"coursewright/internal/gitrepo/gitrepotest"
)

// terminal is a command that runs on a terminal of its own.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer // all that it wrote
	more chan struct{}
	done chan struct{} // it has ended and everything is read
}

// onTerminal starts a command of the program on a terminal so many columns wide.
func (h *harness) onTerminal(t *testing.T, columns uint16, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", urlVariable+"="+h.base, "XDG_CONFIG_HOME="+t.TempDir(), "NO_COLOR=")
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	out := &terminal{t: t, cmd: cmd, more: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(out.done)
		defer screen.Close() //nolint:errcheck // read to its end
		for piece := make([]byte, 4096); ; {
			n, err := screen.Read(piece)
			out.mu.Lock()
			out.text.Write(piece[:n])
			out.mu.Unlock()
			select {
			case out.more <- struct{}{}:
			default:
			}
			if err != nil { // EIO: nobody writes to the terminal any more
				if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EIO) {
					t.Errorf("read the terminal: %v", err)
				}
				return
			}
		}
	}()
	return out
}

func (s *terminal) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the screen has shown something.
func (s *terminal) await(pattern string) {
	s.t.Helper()
	want := regexp.MustCompile(pattern)
	limit := time.After(time.Minute)
	for !want.MatchString(s.said()) {
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("the screen does not show %s, but %q", pattern, s.said())
		case <-s.done:
			if !want.MatchString(s.said()) {
				s.t.Fatalf("the screen never shows %s, but %q", pattern, s.said())
			}
		}
	}
}

// end waits for the command and gives what is left on the screen: of each line
// what was written last.
func (s *terminal) end() (lines []string, status int) {
	s.t.Helper()
	<-s.done
	var failed *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(s.said(), "\r\n", "\n"), "\n") {
		lines = append(lines, line[strings.LastIndex(line, "\x1b[K")+1:])
		if at := strings.LastIndex(line, "\r\x1b[K"); at >= 0 {
			lines[len(lines)-1] = line[at+len("\r\x1b[K"):]
		}
	}
	return lines, s.cmd.ProcessState.ExitCode()
}

// On a terminal a followed build has a line below its log that tells how far it is
// and goes when the build ends; colours of the log stay. Elsewhere there is none of
// it, as the scripts of TestCommandLine say.
func TestFollowOnATerminal(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{})
	repo := gitrepotest.New(t)
	gate := filepath.Join(t.TempDir(), "gate")
	repo.Commit(tiny("One"), "first")
	h.addCourse("screen", repo.URL(), nil)
	h.succeed(h.push("screen"))
	files := tiny("Two")
	files["build.sh"] = "printf '\\033[32mgreen\\033[0m\\n'\nuntil [ -e " + gate + " ]; do sleep 0.05; done\necho opened\n" + files["build.sh"]
	repo.Commit(files, "second")
	screen := h.onTerminal(t, 70, "build", "start", "screen", "--follow")
	screen.await(`\x1b\[32mgreen\x1b\[0m\r\n`)
	screen.await(`\[[#-]{20}\]  \d+ s of about \d+ s  build …  checkout ✓`)
	// Time goes on without anything that the build says.
	screen.await(`\r\x1b\[K\[[#-]{20}\]  [1-9]\d* s of about`)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lines, status := screen.end()
	if status != 0 {
		t.Errorf("status %d", status)
	}
	for _, line := range lines {
		if strings.Contains(line, "of about") {
			t.Errorf("left on the screen: %q", line)
		}
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "opened\n") || !regexp.MustCompile(`Build \d+: SUCCESS`).MatchString(all) {
		t.Errorf("the screen shows %q", all)
	}
	for drawn := range strings.SplitSeq(screen.said(), "\r\x1b[K") {
		if at := strings.Index(drawn, "["); at == 0 && !strings.Contains(drawn, "\n") && len([]rune(drawn)) > 70 {
			t.Errorf("wider than the terminal: %q", drawn)
		}
	}

	// Tables are cut to the terminal, and nowhere else.
	narrow, _ := h.onTerminal(t, 40, "course", "list").end()
	for _, line := range narrow {
		if len([]rune(line)) > 40 {
			t.Errorf("a line of %d columns: %q", len([]rune(line)), line)
		}
	}
	if !strings.HasSuffix(narrow[1], "…") || !strings.HasPrefix(narrow[1], "screen") {
		t.Errorf("the table is %q", narrow)
	}
	whole := runProgram(t, []string{urlVariable + "=" + h.base, "XDG_CONFIG_HOME=" + t.TempDir()}, "course", "list")
	if whole.status != 0 || strings.Contains(whole.out, "…") || !strings.Contains(whole.out, repo.URL()) {
		t.Errorf("status %d, %q", whole.status, whole.out)
	}
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { return new(start.Add(d)) }
	for want, test := range map[string]struct {
		*progress
		now time.Duration
	}{
		"waiting 3 s": {&progress{build: client.Build{RequestedAt: start}}, 3 * time.Second},
		"waiting 0 s": {&progress{build: client.Build{RequestedAt: start}}, -time.Hour}, // of a clock that is behind
		"[##########----------]  30 s of about 1 min 0 s  build …  checkout ✓ 0.5 s  store ✗": {&progress{
			usual: time.Minute, build: client.Build{StartedAt: at(0), Steps: []client.Step{
				{Name: "checkout", FinishedAt: at(1), Outcome: "ok", Seconds: new(0.5)}, {Name: "store", FinishedAt: at(1), Outcome: "failed"}, {Name: "build"},
			}},
		}, 30 * time.Second},
		"[####################]  1 min 5 s of about 2 s": {&progress{usual: 2 * time.Second, build: client.Build{StartedAt: at(0)}}, 65 * time.Second},
		"2 s": {&progress{build: client.Build{StartedAt: at(0)}}, 2 * time.Second},
	} {
		if got := test.status(start.Add(test.now)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
