package gitrepo

import (
	"context"
	"sync"
)

// locks lets one operation at a time work in a folder. It guards against a
// second attempt of a step in this process; nothing of it outlives a process.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the folder and returns what gives it back.
func (l *locks) lock(ctx context.Context, dir string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy, taken := l.held[dir]
		if !taken {
			done := make(chan struct{})
			if l.held == nil {
				l.held = make(map[string]chan struct{})
			}
			l.held[dir] = done
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, dir)
				l.mu.Unlock()
				close(done)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
