package activities

import (
	"context"
	"sync"
	"time"
)

// cleaningLimit bounds one work of a Cleaning. The next build of the course may
// wait for its lock, and nobody else would end a call that hangs.
const cleaningLimit = 10 * time.Minute

// Cleaning is the work on this host for which no build waits. Close ends it.
type Cleaning struct {
	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// NewCleaning returns the owner of a host's cleaning.
func NewCleaning(ctx context.Context) *Cleaning {
	c := &Cleaning{}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	return c
}

// Go does something, unless Close was called before, and calls after in any
// case. The context ends after cleaningLimit.
func (c *Cleaning) Go(after func(), do func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		after()
		return
	}
	c.work.Go(func() {
		defer after()
		ctx, cancel := context.WithTimeout(c.ctx, cleaningLimit)
		defer cancel()
		do(ctx)
	})
}

// Close interrupts what is being done and waits for its end.
func (c *Cleaning) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	return nil
}
