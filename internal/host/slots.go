package host

import (
	"context"
	"slices"
	"sync"
	"time"

	"coursewright/internal/course"
)

// patience is how many slots in a row may be given to others than the build
// that has waited longest. So no order of arrivals starves a build: one with n
// older ones before it gets a slot at the latest as number
// (patience+1)·(n+1).
const patience = 3

// expectation is how long a build that was checked out on this host keeps its
// claim on a slot while Temporal brings its next step.
const expectation = 10 * time.Second

// Slots are the build commands that one host runs at a time. Builds that wait
// go by class, then the owner with the fewest running builds, then age. It is
// safe for concurrent use.
type Slots struct {
	capacity int

	mu       sync.Mutex
	running  map[string]int // by owner
	used     int
	waiting  []*waiter             // oldest first
	passed   int                   // slots given since the oldest waiter could have had one
	expected map[int64]*time.Timer // builds on their way, by id
	open     bool                  // the gate
	polling  int                   // permits that the gate gave and nobody has used yet
	changed  chan struct{}         // closed and made anew by every change
}

// Claim is a build's wish for a slot.
type Claim struct {
	Build int64
	Class course.Class
	Owner string
}

type waiter struct {
	claim Claim
	ready chan struct{} // closed when the slot is given
}

// NewSlots returns slots for capacity build commands, at least one. The gate is
// shut.
func NewSlots(capacity int) *Slots {
	return &Slots{
		capacity: max(1, capacity),
		running:  map[string]int{},
		expected: map[int64]*time.Timer{},
		changed:  make(chan struct{}),
	}
}

// Capacity is the number of slots.
func (s *Slots) Capacity() int { return s.capacity }

// Counts gives how many slots are in use and how many builds wait for one.
func (s *Slots) Counts() (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, len(s.waiting)
}

// Acquire waits for a slot until ctx ends, and then gives its cause. When none is
// free waits is called once, with the number of builds that wait already. The
// caller calls release when its command has ended.
func (s *Slots) Acquire(ctx context.Context, c Claim, waits func(others int)) (release func(), err error) {
	s.mu.Lock()
	s.arrived(c.Build)
	w := &waiter{claim: c, ready: make(chan struct{})}
	others := len(s.waiting)
	s.waiting = append(s.waiting, w)
	s.grant()
	s.mu.Unlock()
	select {
	case <-w.ready:
		return s.releaser(c.Owner), nil
	default:
		waits(others)
	}
	select {
	case <-w.ready:
		return s.releaser(c.Owner), nil
	case <-ctx.Done():
		s.leave(w)
		return nil, context.Cause(ctx)
	}
}

// grant gives free slots to those who wait.
func (s *Slots) grant() {
	for s.used < s.capacity && len(s.waiting) > 0 {
		i := s.next()
		if i == 0 {
			s.passed = 0
		} else {
			s.passed++
		}
		w := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.used++
		s.running[w.claim.Owner]++
		close(w.ready)
	}
	s.broadcast()
}

// next is the index of the waiter whose turn it is.
func (s *Slots) next() int {
	if s.passed >= patience {
		return 0
	}
	best := 0
	for i, w := range s.waiting {
		if s.before(w.claim, s.waiting[best].claim) {
			best = i
		}
	}
	return best
}

// before says whether a goes before b although it came later.
func (s *Slots) before(a, b Claim) bool {
	if a.Class != b.Class {
		return a.Class < b.Class
	}
	return s.running[a.Owner] < s.running[b.Owner]
}

func (s *Slots) releaser(owner string) func() {
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.giveBack(owner)
	})
}

func (s *Slots) giveBack(owner string) {
	s.used--
	if s.running[owner]--; s.running[owner] == 0 {
		delete(s.running, owner)
	}
	s.grant()
}

// leave ends the wait of w, which may just have been given a slot.
func (s *Slots) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, w)
	if i < 0 {
		s.giveBack(w.claim.Owner)
		return
	}
	if i == 0 {
		s.passed = 0 // another is the oldest now
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.broadcast()
}

// Expect keeps a slot in mind for a build that is being checked out, so that
// the host does not take on more builds than it has slots for. It is forgotten
// after a few seconds unless Expect is called again, and when the build
// acquires its slot or Arrived is called.
func (s *Slots) Expect(build int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived(build)
	var t *time.Timer
	t = time.AfterFunc(expectation, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.expected[build] == t { // not another's
			s.arrived(build)
			s.broadcast()
		}
	})
	s.expected[build] = t
	s.broadcast()
}

// Arrived forgets a build that was expected.
func (s *Slots) Arrived(build int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived(build)
	s.broadcast()
}

func (s *Slots) arrived(build int64) {
	if t, ok := s.expected[build]; ok {
		t.Stop()
		delete(s.expected, build)
	}
}

// broadcast wakes those who wait at the gate.
func (s *Slots) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}
