package workflows

import (
	"context"
	"sync"
)

// maxSignals bounds the signals that are on their way to Temporal at once.
const maxSignals = 16

// waker sends signals in the background, for each key one at a time: wakes
// that come while one is on its way become one more.
type waker struct {
	send func(context.Context, string) error

	mu      sync.Mutex
	dirty   map[string]bool // keys being signalled; true: signal once more
	queue   []string
	arrived chan struct{} // one token while queue may hold something
}

func newWaker(send func(context.Context, string) error) *waker {
	return &waker{send: send, dirty: map[string]bool{}, arrived: make(chan struct{}, 1)}
}

func (w *waker) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, busy := w.dirty[key]; busy {
		w.dirty[key] = true
		return
	}
	w.dirty[key] = false
	w.enqueue(key)
}

// enqueue needs w.mu.
func (w *waker) enqueue(key string) {
	w.queue = append(w.queue, key)
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// next takes a key to signal, waiting for one. ok is false when ctx ended.
func (w *waker) next(ctx context.Context) (key string, ok bool) {
	for {
		w.mu.Lock()
		if len(w.queue) > 0 {
			key, w.queue = w.queue[0], w.queue[1:]
			if len(w.queue) > 0 {
				select {
				case w.arrived <- struct{}{}: // wakes another sender
				default:
				}
			}
			w.mu.Unlock()
			return key, true
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", false
		case <-w.arrived:
		}
	}
}

// done ends the signalling of a key, or queues it again when somebody asked in
// the meantime.
func (w *waker) done(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dirty[key] {
		w.dirty[key] = false
		w.enqueue(key)
		return
	}
	delete(w.dirty, key)
}

// run sends until ctx ends. failed hears of signals that did not go out.
func (w *waker) run(ctx context.Context, failed func(key string, err error)) {
	var senders sync.WaitGroup
	for range maxSignals {
		senders.Go(func() {
			for {
				key, ok := w.next(ctx)
				if !ok {
					return
				}
				if err := w.send(ctx, key); err != nil && ctx.Err() == nil {
					failed(key, err)
				}
				w.done(key)
			}
		})
	}
	senders.Wait()
}
