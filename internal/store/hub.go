package store

import (
	"context"
	"slices"
	"sync"

	"coursewright/internal/course"
)

// maxPending is how many changes wait for one slow reader before they become
// one of kind ChangeUnknown.
const maxPending = 1000

// Hub passes changes on to those of this process who wait for them: the half of
// Watcher that all databases share. The zero value is ready.
type Hub struct {
	mu      sync.Mutex
	readers map[*hubReader]struct{} // guarded by mu
}

// hubReader is one who waits for changes.
type hubReader struct {
	build   int64
	wake    chan struct{} // has a mark when something is pending
	mu      sync.Mutex
	pending []course.Change // guarded by mu
}

// Listening says whether anybody waits for changes.
func (h *Hub) Listening() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers) > 0
}

// Publish passes changes on. It never waits for readers.
func (h *Hub) Publish(changes ...course.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		r.add(changes)
	}
}

// Subscribe is Watcher's Changes.
func (h *Hub) Subscribe(ctx context.Context, buildID int64) <-chan course.Change {
	r := &hubReader{build: buildID, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	if h.readers == nil {
		h.readers = make(map[*hubReader]struct{})
	}
	h.readers[r] = struct{}{}
	h.mu.Unlock()
	out := make(chan course.Change)
	go func() {
		defer close(out)
		r.pump(ctx, out)
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.readers, r)
	}()
	return out
}

// add keeps those changes that the reader wants, equal ones once.
func (r *hubReader) add(changes []course.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		if r.build != 0 && c.BuildID != r.build && c.Kind != course.ChangeUnknown || slices.Contains(r.pending, c) {
			continue
		}
		if r.pending = append(r.pending, c); len(r.pending) > maxPending {
			r.pending = []course.Change{{Kind: course.ChangeUnknown}}
		}
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// pump hands the reader one change after the other.
func (r *hubReader) pump(ctx context.Context, out chan<- course.Change) {
	for {
		next, ok := r.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case out <- next:
		}
	}
}

func (r *hubReader) take() (course.Change, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) == 0 {
		return course.Change{}, false
	}
	next := r.pending[0]
	r.pending = r.pending[1:]
	return next, true
}
