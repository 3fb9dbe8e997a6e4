package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"coursewright/internal/course"
)

// counter counts what the log has taken.
type counter struct {
	to      io.Writer
	written int64
	failed  error
	network networkTrouble
}

// Write passes p on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.written += int64(n)
	c.network.look(p)
	if err != nil {
		c.failed = err
	}
	return n, err
}

func (c *counter) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c, format, args...)
	return err
}

// stream brings the output of one container to the log, each byte once and in
// the order in which the engine keeps it. The engine tells lines one by one; a
// pipe between gathers what comes while the log is busy.
type stream struct {
	api     *client.Client
	c       *held
	limit   int64 // bytes; 0: none
	used    int64
	read    *os.File
	write   *os.File
	cancel  context.CancelFunc // ends following
	follows chan struct{}      // closed when following has ended
	copied  chan struct{}      // closed when the log has all
	once    sync.Once
	broken  chan struct{} // closed when no more output is taken
	why     error         // valid when broken is closed
}

// follow begins to copy the container's output.
func (j *job) follow(ctx context.Context, c *held) (*stream, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &stream{
		api: j.api, c: c, limit: j.options.LogSize, read: read, write: write,
		follows: make(chan struct{}), copied: make(chan struct{}), broken: make(chan struct{}),
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.copied)
		s.copy(j.output)
	}()
	go func() {
		defer close(s.follows)
		if c.podman {
			s.poll(ctx)
			return
		}
		// Should the engine stop telling, finish gets what is missing.
		_ = s.pass(ctx, true)
	}()
	return s, nil
}

// pollPause is how often a log that is not followed is looked at, at most.
const pollPause = time.Second

// poll reads the log again and again, until ctx ends. Podman loses lines now and
// then when it follows a log. Large logs are read less often.
func (s *stream) poll(ctx context.Context) {
	for {
		began := time.Now()
		_ = s.pass(ctx, false) // finish makes up for it
		select {
		case <-ctx.Done():
			return
		case <-s.broken:
			return
		case <-time.After(max(pollPause, 10*time.Since(began))):
		}
	}
}

func (s *stream) copy(to io.Writer) {
	defer s.read.Close() //nolint:errcheck // nothing was written to it
	buffer := make([]byte, 32<<10)
	for {
		n, err := s.read.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				s.fail(err)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass reads the engine's log of the container from its beginning, on and on
// if it is to follow, and hands out what was not yet.
func (s *stream) pass(ctx context.Context, follow bool) error {
	logs, err := s.api.ContainerLogs(ctx, s.c.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow})
	if err != nil {
		return err
	}
	defer logs.Close() //nolint:errcheck // only read
	to := &rest{stream: s, skip: s.c.seen}
	_, err = stdcopy.StdCopy(to, to, logs)
	return err
}

// rest is what a pass has not delivered yet.
type rest struct {
	*stream

	skip int64
}

const (
	// lineCost is about what the engine's log needs for a line besides its text.
	lineCost = 48
	// pieceSize is where Docker splits longer lines.
	pieceSize = 16 << 10
)

// Write takes one line, or a piece of a long one. Docker's log loses the line
// break after the last piece: what is shorter than a piece ends a line. It is
// lost where a line is exactly some pieces long.
func (r *rest) Write(p []byte) (int, error) {
	err := r.deliver(p)
	if err == nil && !r.c.podman && len(p) < pieceSize && !bytes.HasSuffix(p, []byte("\n")) {
		err = r.deliver([]byte("\n"))
	}
	return len(p), err
}

func (r *rest) deliver(p []byte) error {
	skipped := min(r.skip, int64(len(p)))
	r.skip -= skipped
	p = p[skipped:]
	if len(p) == 0 {
		return nil
	}
	r.used += int64(len(p)) + lineCost
	if r.limit > 0 && r.used > r.limit {
		err := course.Authorf("the build was stopped because it printed more than %s: make it print less, or ask the administrator for a higher BUILD_LOG_SIZE", inWords(r.limit))
		r.fail(err)
		return err
	}
	n, err := r.write.Write(p)
	r.c.seen += int64(n)
	return err
}

func (s *stream) fail(why error) {
	s.once.Do(func() {
		s.why = why
		close(s.broken)
	})
}

// finish returns when the log has taken all there is or, once ctx has ended,
// what came so far.
func (s *stream) finish(ctx context.Context) error {
	defer context.AfterFunc(ctx, s.cancel)()
	if s.c.podman {
		s.cancel()
	}
	<-s.follows
	s.cancel()
	var err error
	select {
	case <-s.broken:
	default:
		// Engines may end following a little too early.
		err = s.pass(ctx, false)
	}
	_ = s.write.Close()
	<-s.copied
	select {
	case <-s.broken:
		return s.why
	default:
		return err
	}
}

// inWords shows a number of bytes, such as 2 GiB.
func inWords(bytes int64) string {
	return units.CustomSize("%.4g %s", float64(bytes), 1024, []string{"bytes", "KiB", "MiB", "GiB", "TiB"})
}
