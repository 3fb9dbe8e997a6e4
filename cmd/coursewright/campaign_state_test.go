package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// campaignState is what is wrong at the moment, as the checkers have to know:
// what may be refused or late then must be answered and in time otherwise.
type campaignState struct {
	now     func() time.Time
	mu      sync.Mutex
	apis    int
	active  map[string]fault // by lane
	since   time.Time        // when the last fault that callers feel has ended
	touched map[string][]interference
	able    time.Duration // see ableFor
	looked  time.Time     // up to when that is counted
}

func newCampaignState(apis int, now func() time.Time) *campaignState {
	return &campaignState{now: now, apis: apis, active: map[string]fault{}, touched: map[string][]interference{}, looked: now()}
}

func (s *campaignState) begin(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.active[f.lane] = f
}

func (s *campaignState) end(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	delete(s.active, f.lane)
	if central(f) || ofAPI(f) {
		s.since = s.now()
	}
}

// central says whether a fault is felt by more than one process.
func central(f fault) bool {
	return slices.Contains([]string{"base", "temporal", "releases"}, f.lane)
}

func ofAPI(f fault) bool { return strings.HasPrefix(f.lane, "api") }

// settled is how long after a fault that callers feel things may still be slow.
const settled = 5 * time.Second

// well says whether everything that answers callers is there.
func (s *campaignState) well() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Sub(s.since) >= settled && s.answers("base", "temporal", "releases")
}

// answers says whether some parts and at least one api have no fault.
func (s *campaignState) answers(parts ...string) bool {
	down := 0
	for _, f := range s.active {
		if slices.Contains(parts, f.lane) {
			return false
		}
		if ofAPI(f) {
			down++
		}
	}
	return down < s.apis
}

// ableFor is for how long in all there was what a row's end needs, and none of it
// had a fault: the database, Temporal, and an api, which looks for rows whose
// workflow has ended. Nothing is granted for getting over a fault.
func (s *campaignState) ableFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return s.able
}

// advance counts the time since it was called last, in which no fault began or ended.
func (s *campaignState) advance() {
	now := s.now()
	if s.answers("base", "temporal") {
		s.able += now.Sub(s.looked)
	}
	s.looked = now
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

// The time in which rows can get their end stands still for those faults alone that
// keep it from them.
func TestCampaignState(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := newCampaignState(2, func() time.Time { return now })
	for _, step := range []struct {
		begin, end string
		able       time.Duration // after another ten seconds
		well       bool
	}{
		{able: 10 * time.Second, well: true},
		{begin: "admin", able: 20 * time.Second, well: true},
		{end: "admin", begin: "worker 1", able: 30 * time.Second, well: true},
		{begin: "api 0", able: 40 * time.Second, well: true},
		{begin: "api 1", able: 40 * time.Second},
		{end: "api 0", able: 50 * time.Second, well: true},
		{begin: "base", able: 50 * time.Second},
		{begin: "temporal", able: 50 * time.Second},
		{end: "base", able: 50 * time.Second},
		{end: "temporal", able: 60 * time.Second, well: true},
		{begin: "releases", able: 70 * time.Second},
	} {
		if step.end != "" {
			s.end(fault{lane: step.end})
		}
		if step.begin != "" {
			s.begin(fault{lane: step.begin})
		}
		now = now.Add(10 * time.Second)
		if able, well := s.ableFor(), s.well(); able != step.able || well != step.well {
			t.Errorf("%+v: able for %s, well %v", step, able, well)
		}
	}
	for _, lane := range []string{"admin", "engine", "worker 1", "api 1"} {
		now = now.Add(10 * time.Second)
		s.end(fault{lane: "releases"})
		now = now.Add(10 * time.Second)
		s.end(fault{lane: lane})
		if well := s.well(); well != (lane != "api 1") {
			t.Errorf("after a fault of %s: well %v", lane, well)
		}
	}
}
