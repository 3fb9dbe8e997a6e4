package host

import "context"

// Open opens or shuts the gate to builds that have no host yet. Builds that are
// on the host already do not pass it.
func (s *Slots) Open(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != open {
		s.open = open
		s.broadcast()
	}
}

// Await waits until the gate is open and a slot is free that nobody else
// expects, and gives a permit to ask for one build. The permit ends with
// Asked.
func (s *Slots) Await(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.open && s.free()-s.polling > 0 {
			s.polling++
			s.mu.Unlock()
			return nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Asked ends a permit of Await: the build has come, or none did.
func (s *Slots) Asked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polling--
	s.broadcast()
}

// free is the number of builds that could begin at once.
func (s *Slots) free() int {
	return s.capacity - s.used - len(s.waiting) - len(s.expected)
}
