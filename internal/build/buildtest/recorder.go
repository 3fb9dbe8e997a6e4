package buildtest

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// recorder keeps the output of a build and notices calls that overlap.
type recorder struct {
	writing atomic.Bool
	mu      sync.Mutex // guards buffer
	buffer  bytes.Buffer
	news    chan struct{} // holds something after every write
}

var errOverlap = errors.New("two calls of Write overlap")

// Write keeps p.
func (r *recorder) Write(p []byte) (int, error) {
	if !r.writing.CompareAndSwap(false, true) {
		return 0, errOverlap
	}
	defer r.writing.Store(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.buffer.Write(p)
	select {
	case r.news <- struct{}{}:
	default:
	}
	return n, err
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buffer.String()
}

// waitFor returns when the output contains words.
func (r *recorder) waitFor(t testing.TB, words string) {
	t.Helper()
	end := time.After(HangTime)
	for !strings.Contains(r.text(), words) {
		select {
		case <-r.news:
		case <-end:
			t.Fatalf("the output does not contain %q but %q", words, r.text())
		}
	}
}

// counter counts bytes and keeps none.
type counter struct{ bytes int64 }

// Write counts p.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// slow is a log that takes its time for every write.
type slow struct {
	recorder

	pause time.Duration
}

// Write keeps p after the pause.
func (s *slow) Write(p []byte) (int, error) {
	<-time.After(s.pause)
	return s.recorder.Write(p)
}

// broken is a log that takes nothing after its first bytes.
type broken struct{ taken bool }

var errBroken = errors.New("the log is full")

// Write takes the first p only.
func (b *broken) Write(p []byte) (int, error) {
	if b.taken {
		return 0, errBroken
	}
	b.taken = true
	return len(p), nil
}
