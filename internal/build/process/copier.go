package process

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// idleTime is how long the output may pause once the build's processes are
// gone, before a stranger that holds its pipe is no longer waited for.
const idleTime = 500 * time.Millisecond

// copier moves a build's output from a pipe to the log as it comes.
type copier struct {
	write  *os.File // the build's end
	read   *os.File
	to     io.Writer
	ending atomic.Bool   // the build's processes are gone
	done   chan struct{} // closed at the end of the output
	broken chan struct{} // closed when the log takes no more
	failed error         // valid when broken is closed
}

func newCopier(to io.Writer) (*copier, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &copier{write: write, read: read, to: to, done: make(chan struct{}), broken: make(chan struct{})}, nil
}

// begin starts copying once the build has its end of the pipe.
func (c *copier) begin() {
	_ = c.write.Close()
	go func() {
		defer close(c.done)
		c.copy()
	}()
}

func (c *copier) copy() {
	buffer := make([]byte, 32<<10)
	for {
		var until time.Time
		if c.ending.Load() {
			until = time.Now().Add(idleTime)
			if c.read.SetReadDeadline(until) != nil {
				return
			}
		}
		n, err := c.read.Read(buffer)
		if n > 0 {
			if _, err := c.to.Write(buffer[:n]); err != nil {
				c.failed = err
				close(c.broken)
				return
			}
		}
		// The deadline that finish sets only wakes a waiting read.
		woken := errors.Is(err, os.ErrDeadlineExceeded) && (until.IsZero() || time.Now().Before(until))
		if err != nil && !woken {
			return
		}
	}
}

// wait returns at the end of the output or when the time is over.
func (c *copier) wait(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
	}
}

// finish copies what is left, however slow the log is, and returns when copying
// has ended.
func (c *copier) finish() {
	c.ending.Store(true)
	_ = c.read.SetReadDeadline(time.Now())
	<-c.done
}

func (c *copier) err() error {
	select {
	case <-c.broken:
		return c.failed
	default:
		return nil
	}
}

func (c *copier) close() {
	_ = c.write.Close() // open still when the command did not start
	_ = c.read.Close()
}
