package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// faultKind is what happens to a worker.
type faultKind string

const (
	faultKill    faultKind = "kill"       // kill -9; started again on the same disk
	faultRestart faultKind = "restart"    // SIGTERM; started again at once
	faultDrain   faultKind = "drain"      // drained, later resumed
	faultHang    faultKind = "cut-hang"   // what it and Temporal send does not arrive
	faultRefuse  faultKind = "cut-refuse" // its connections to Temporal break, new ones are refused
	faultFreeze  faultKind = "freeze"     // SIGSTOP, later SIGCONT; its builds are not stopped
	faultLoss    faultKind = "loss"       // gone with its disk; another begins on an empty one
)

// fault is one of a campaign's. length is how long the worker is away; 0 for
// restarts, which take as long as they take.
type fault struct {
	worker int
	kind   faultKind
	at     time.Duration // since the campaign's begin
	length time.Duration
}

func (f fault) String() string {
	return fmt.Sprintf("%6.1fs worker %d %-10s %5.1fs", f.at.Seconds(), f.worker, f.kind, f.length.Seconds())
}

// span is a range of lengths.
type span struct{ from, to time.Duration }

func (s span) pick(r *rand.Rand) time.Duration {
	return s.from + time.Duration(r.Int64N(int64(s.to-s.from)+1)).Round(100*time.Millisecond)
}

// faultSpans say how long each kind lasts.
type faultSpans map[faultKind]span

// planFaults draws what happens to each worker, one thing after the other with
// some calm between. Every kind has its turn before the next round of kinds. The
// same seed gives the same plan.
func planFaults(seed uint64, workers int, length time.Duration, spans faultSpans, calm span) []fault {
	var kinds []faultKind
	for kind := range spans {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	var out []fault
	for w := range workers {
		r := rand.New(rand.NewPCG(seed, uint64(w)))
		at := time.Second + calm.pick(r)
		for round, over := uint64(1), false; !over; round++ {
			// All workers have the same order of kinds, from different places on,
			// so that a short campaign has most of them.
			deck := slices.Clone(kinds)
			rand.New(rand.NewPCG(seed, round<<32)).Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
			for i := range deck {
				kind := deck[(i+w*len(deck)/workers)%len(deck)]
				f := fault{worker: w, kind: kind, at: at, length: spans[kind].pick(r)}
				if f.at+f.length > length {
					over = true
					continue
				}
				out = append(out, f)
				at = f.at + f.length + calm.pick(r)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b fault) int { return int(a.at - b.at) })
	return out
}

// describePlan is a plan for the reader, a fault on each line.
func describePlan(plan []fault) string {
	var b strings.Builder
	for _, f := range plan {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// A plan is its seed's, keeps one fault of a worker at a time, and ends in time.
func TestPlanFaults(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]campaignScale{"short": shortCampaign(), "long": longCampaign(5 * time.Minute)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkPlan(t, s)
		})
	}
}

func checkPlan(t *testing.T, s campaignScale) {
	t.Helper()
	const seed = 1
	plan := planFaults(seed, s.workers, s.length, s.faults, s.calm)
	if again := planFaults(seed, s.workers, s.length, s.faults, s.calm); !slices.Equal(plan, again) {
		t.Error("the same seed gives another plan")
	}
	if other := planFaults(seed+1, s.workers, s.length, s.faults, s.calm); slices.Equal(plan, other) {
		t.Error("another seed gives the same plan")
	}
	seen := map[faultKind]bool{}
	free := make([]time.Duration, s.workers)
	for _, f := range plan {
		seen[f.kind] = true
		if f.at < free[f.worker] || f.at+f.length > s.length {
			t.Errorf("%s: begins before another ends, or ends too late", f)
		}
		free[f.worker] = f.at + f.length
	}
	if len(seen) != len(s.faults) {
		t.Errorf("%d of %d kinds of faults are in the plan", len(seen), len(s.faults))
	}
}
