package main

import "time"

// Sizes of the file systems of campaigns, in megabytes.
const (
	workerDisk   = 64
	releasesDisk = 96
)

// campaignScale is how much happens in a campaign.
type campaignScale struct {
	length     time.Duration // of faults and pushes
	apis       int
	workers    int
	courses    int
	slots      int                   // of each worker
	postgres   bool                  // where it is installed
	production bool                  // Temporal is the server of production
	faults     map[string]faultSpans // by group of lanes: kinds that happen and how long each lasts
	calm       map[string]span       // between two faults of a lane
	pause      span                  // between two pushes
	glance     time.Duration         // between two reads of one reader
	slow       int                   // every so many courses has a long build
	lines      [2]int                // of a short and of a long build, two a second
	bound      time.Duration         // in which all is final after the last push and fault
}

// lanes are what the faults happen to.
func (s campaignScale) lanes() (out []lane) {
	out = append(out, lanesOf("worker", s.workers, s.faults["worker"], s.calm["worker"])...)
	out = append(out, lanesOf("api", s.apis, s.faults["api"], s.calm["api"])...)
	for _, name := range []string{"base", "temporal", "engine", "releases", "admin"} {
		out = append(out, lane{name: name, group: name, of: 1, kinds: s.faults[name], calm: s.calm[name]})
	}
	return out
}

// ofWorkers is the same with faults of workers only.
func (s campaignScale) ofWorkers() campaignScale {
	s.faults = map[string]faultSpans{"worker": s.faults["worker"]}
	s.calm = map[string]span{"worker": {3 * time.Second, 15 * time.Second}}
	return s
}

// shortCampaign is for every run of the tests. Every fault is short enough that no
// build is taken over by another host.
func shortCampaign() campaignScale {
	brief := span{time.Second, 3 * time.Second}
	calm := span{500 * time.Millisecond, 1500 * time.Millisecond}
	return campaignScale{
		length: 12 * time.Second, apis: 2, workers: 2, courses: 5, slots: 4, postgres: true,
		faults: map[string]faultSpans{
			"worker": {
				faultKill: brief, faultRestart: {}, faultDrain: brief, faultHang: brief, faultRefuse: brief, faultNoBase: brief,
				faultFreeze: brief, faultClock: brief, faultFull: brief, faultSlow: brief,
			},
			"api": {
				faultKill: brief, faultRestart: {}, faultHang: brief, faultRefuse: brief, faultNoBase: brief,
				faultFreeze: brief, faultClock: brief,
			},
			"base":     {faultKill: {0, time.Second}, faultFreeze: brief},
			"temporal": {faultKill: {}, faultFreeze: brief},
			"engine":   {faultKill: {0, time.Second}, faultFreeze: brief},
			"releases": {faultFull: brief, faultSlow: brief},
			"admin":    {faultTerminate: {}, faultCancel: {}, faultReset: {}},
		},
		calm: map[string]span{
			"worker": calm, "api": calm, "base": {3 * time.Second, 5 * time.Second}, "temporal": {2 * time.Second, 4 * time.Second},
			"engine": {2 * time.Second, 4 * time.Second}, "releases": {time.Second, 3 * time.Second}, "admin": {time.Second, 3 * time.Second},
		},
		pause:  span{200 * time.Millisecond, 600 * time.Millisecond},
		glance: 100 * time.Millisecond,
		slow:   3, lines: [2]int{3, 10},
		bound: 2 * time.Minute,
	}
}

// longCampaign is that of the promises.
func longCampaign(length time.Duration) campaignScale {
	middling, long := span{2 * time.Second, 20 * time.Second}, span{5 * time.Second, time.Minute}
	return campaignScale{
		length: length, apis: 2, workers: 3, courses: 20, slots: 12, postgres: true,
		faults: map[string]faultSpans{
			"worker": {
				faultKill: {500 * time.Millisecond, 50 * time.Second}, faultRestart: {},
				faultDrain: {5 * time.Second, 30 * time.Second},
				faultHang:  long, faultRefuse: long, faultNoBase: middling,
				faultFreeze: {5 * time.Second, 75 * time.Second},
				faultLoss:   {500 * time.Millisecond, 20 * time.Second},
				faultClock:  middling, faultFull: middling, faultSlow: middling,
			},
			"api": {
				faultKill: {500 * time.Millisecond, 20 * time.Second}, faultRestart: {}, faultHang: long, faultRefuse: long,
				faultNoBase: middling, faultFreeze: long, faultClock: middling,
			},
			"base":     {faultKill: {0, 10 * time.Second}, faultRestart: {}, faultFreeze: middling},
			"temporal": {faultKill: {}, faultFreeze: middling},
			"engine":   {faultKill: {0, 10 * time.Second}, faultFreeze: middling},
			"releases": {faultFull: middling, faultSlow: middling},
			"admin":    {faultTerminate: {}, faultCancel: {}, faultReset: {}},
		},
		calm: map[string]span{
			"worker": {5 * time.Second, 25 * time.Second}, "api": {5 * time.Second, 30 * time.Second},
			"base": {20 * time.Second, time.Minute}, "temporal": {20 * time.Second, time.Minute},
			"engine": {10 * time.Second, 40 * time.Second}, "releases": {10 * time.Second, 40 * time.Second},
			"admin": {5 * time.Second, 20 * time.Second},
		},
		pause:  span{300 * time.Millisecond, 1500 * time.Millisecond},
		glance: 200 * time.Millisecond,
		slow:   4, lines: [2]int{5, 50},
		bound: 3 * time.Minute,
	}
}
