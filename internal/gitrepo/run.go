package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"coursewright/internal/course"
)

// session is one operation: what its git processes share.
type session struct {
	git    *Git
	origin origin
	env    []string
	log    func(line string)
	hidden map[string]string // paths of the server and what the log shows instead
	spent  *budget           // of the checkout that is under way
	meter  *meter            // of what git writes; nil: it is not measured
}

// process is a git process to start.
type process struct {
	dir    string
	args   []string
	stdin  io.Reader // nil: nothing to read
	stdout io.Writer
	stderr *lineWriter
}

func (g *Git) newSession(o origin, log func(string)) *session {
	if log == nil {
		log = func(string) {}
	}
	o.secrets = slices.Concat(o.secrets, headerSecrets(g.cfg.GitOptions))
	return &session{git: g, origin: o, env: gitSettings(g.environment(o), g.settings(o)), log: log, hidden: map[string]string{}}
}

// with gives the same session with more settings of git.
func (s *session) with(settings [][2]string) *session {
	more := *s
	more.env = gitSettings(s.env, slices.Concat(s.git.settings(s.origin), settings))
	return &more
}

// gitError is a git process that failed.
type gitError struct {
	command string // subcommand and arguments, safe to show
	tail    string // the end of what it said, safe to show
	err     error
}

// Error gives the command, how it ended and what it said.
func (e *gitError) Error() string {
	return fmt.Sprintf("git %s: %v: %s", e.command, e.err, e.reason())
}

// Unwrap gives the error of the process.
func (e *gitError) Unwrap() error { return e.err }

// says tells whether git's output contains one of the texts, in any case.
func (e *gitError) says(texts ...string) bool { return containsAny(e.tail, texts) }

func containsAny(s string, texts []string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(s, strings.ToLower(t)) })
}

// run starts git in dir and logs its command line and output. It fails with a
// *gitError, or with the cause when the context has ended.
func (s *session) run(ctx context.Context, dir string, args ...string) error {
	s.log("$ git " + s.clean(showWords(args)))
	w := s.writer(s.log)
	return s.start(ctx, process{dir: dir, args: args, stdout: w, stderr: w})
}

// runWritable is run for commands that remove files: where a build left folders
// without write permission, it is given back and the command runs again.
func (s *session) runWritable(ctx context.Context, dir string, args ...string) error {
	err := s.run(ctx, dir, args...)
	var failed *gitError
	if errors.As(err, &failed) && failed.says("Permission denied") {
		makeWritable(dir)
		err = s.run(ctx, dir, args...)
	}
	return err
}

// output is run for a command whose standard output is data; of a failure only
// the fact is logged, the *gitError holds the messages.
func (s *session) output(ctx context.Context, dir string, args ...string) (string, error) {
	out := boundedText{most: maxOutput}
	err := s.start(ctx, process{dir: dir, args: args, stdout: &out, stderr: s.writer(func(string) {})})
	if out.full {
		return "", course.Authorf("The repository has more branches or changed files than this service reads. Does its address lead to a git host?")
	}
	return out.text.String(), err
}

// stream runs a command whose standard output read takes in. When read fails, the
// command is ended and its error is returned.
func (s *session) stream(ctx context.Context, p process, read func(io.Reader) error) error {
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		err := read(in)
		if err != nil {
			cancel() // git has more to tell
		}
		_, _ = io.Copy(io.Discard, in) // until git is gone
		done <- errors.Join(err, in.Close())
	}()
	p.stdout, p.stderr = out, s.writer(func(string) {})
	err = s.start(streaming, p)
	err = errors.Join(err, out.Close())
	if refused := <-done; refused != nil && ctx.Err() == nil {
		return refused
	}
	return err
}

// maxOutput bounds what is kept of a command's output, in bytes: a git host may
// name branches without end.
const maxOutput = 64 << 20

// boundedText keeps what is written to it, up to a bound.
type boundedText struct {
	text strings.Builder
	most int
	full bool
}

// Write fails beyond the bound, which ends the command that writes.
func (b *boundedText) Write(p []byte) (int, error) {
	if b.full = b.full || len(p) > b.most-b.text.Len(); b.full {
		return 0, errors.New("too much output")
	}
	return b.text.Write(p)
}

func (s *session) writer(emit func(string)) *lineWriter {
	return &lineWriter{emit: emit, clean: s.clean, now: time.Now, progress: time.Now()}
}

func (s *session) start(ctx context.Context, p process) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	argv := append([]string{"-C", p.dir}, s.git.cfg.GitOptions...)
	cmd := exec.CommandContext(ctx, s.git.cfg.GitPath, append(argv, p.args...)...)
	// Without the ceiling git would look for a repository further up.
	cmd.Env = append(s.env[:len(s.env):len(s.env)], "GIT_CEILING_DIRECTORIES="+filepath.Dir(p.dir))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, p.stderr
	// A group of its own, so that helpers (ssh, git-remote-https) die with it;
	// and git dies when this process is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = 5 * time.Second
	err := s.runConfined(cmd, end)
	p.stderr.flush()
	if ctx.Err() != nil {
		return fmt.Errorf("git %s: %w", p.args[0], context.Cause(ctx))
	}
	if err == nil {
		return nil
	}
	failed := &gitError{command: s.clean(showWords(p.args)), tail: p.stderr.tail, err: err}
	s.log(fmt.Sprintf("git %s ended with %s", p.args[0], err))
	if refused := s.git.cfg.Limits.beyond(failed); refused != nil {
		return refused
	}
	return failed
}

// runConfined is cmd.Run with limits. When the meter finds too much, end is called.
func (s *session) runConfined(cmd *exec.Cmd, end context.CancelCauseFunc) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	err := s.git.cfg.Limits.confine(cmd.Process.Pid)
	if err == nil && s.meter != nil {
		err = s.meter.follow(cmd.Process.Pid, end)
	}
	if err != nil {
		return errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	return cmd.Wait()
}

func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// shortestSecret bounds what counts as a secret in a header: shorter values are names
// and numbers, which stand in much of what git says.
const shortestSecret = 8

// headerSecrets are what options of the deployment prove its right with, by a
// header of their own: a git host may repeat it.
func headerSecrets(options []string) []string {
	var out []string
	for _, option := range options {
		name, header, _ := strings.Cut(option, "=")
		if !strings.HasSuffix(strings.ToLower(name), ".extraheader") {
			continue
		}
		_, value, _ := strings.Cut(header, ":")
		value = strings.TrimSpace(value)
		for _, secret := range []string{value, value[strings.LastIndex(value, " ")+1:]} {
			if len(secret) >= shortestSecret {
				out = append(out, secret)
			}
		}
	}
	return out
}

// clean hides credentials and the server's paths.
func (s *session) clean(text string) string {
	text = s.origin.hide(text)
	for path, shown := range s.hidden {
		text = strings.ReplaceAll(text, path, shown)
	}
	return text
}

// showWords writes arguments for people; it is never executed.
func showWords(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\"'\\$*?") {
			words[i] = fmt.Sprintf("%q", a)
		}
	}
	return strings.Join(words, " ")
}
