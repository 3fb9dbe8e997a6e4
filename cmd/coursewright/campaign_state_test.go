package main

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// campaignState is what is wrong at the moment, as the checkers have to know:
// what may be refused or late then must be answered and in time otherwise.
type campaignState struct {
	mu      sync.Mutex
	apis    int
	active  map[string]fault // by lane
	since   time.Time        // when the last fault that many feel has ended
	touched map[string][]interference
}

func newCampaignState() *campaignState {
	return &campaignState{active: map[string]fault{}, touched: map[string][]interference{}}
}

func (s *campaignState) begin(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[f.lane] = f
}

func (s *campaignState) end(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, f.lane)
	if !strings.HasPrefix(f.lane, "worker") {
		s.since = time.Now()
	}
}

// central says whether a fault is felt by more than one process.
func central(f fault) bool {
	return slices.Contains([]string{"base", "temporal", "releases"}, f.lane)
}

// settled is how long after a fault that many feel things may still be slow.
const settled = 5 * time.Second

// well says whether everything that answers callers is there.
func (s *campaignState) well() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.since) < settled {
		return false
	}
	down := 0
	for _, f := range s.active {
		if central(f) {
			return false
		}
		if strings.HasPrefix(f.lane, "api") {
			down++
		}
	}
	return down < s.apis
}

// untouched says whether an api has no fault of its own now.
func (s *campaignState) untouched(lane string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, faulty := s.active[lane]
	return !faulty
}

func (s *campaignState) interfere(key string, i interference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched[key] = append(s.touched[key], i)
}

func (s *campaignState) interferences(key string) []interference {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.touched[key])
}
