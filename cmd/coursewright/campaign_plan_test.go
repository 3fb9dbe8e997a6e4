package main

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// faultKind is what happens to a part of the deployment.
type faultKind string

const (
	faultKill    faultKind = "kill"       // kill -9; started again as it was
	faultRestart faultKind = "restart"    // SIGTERM; started again at once
	faultDrain   faultKind = "drain"      // a worker is drained, later resumed
	faultHang    faultKind = "cut-hang"   // what it and Temporal send does not arrive
	faultRefuse  faultKind = "cut-refuse" // its connections to Temporal break, new ones are refused
	faultNoBase  faultKind = "cut-base"   // what it and the database send does not arrive
	faultFreeze  faultKind = "freeze"     // SIGSTOP, later SIGCONT; its builds are not stopped
	faultLoss    faultKind = "loss"       // a worker is gone with its disk; another begins on an empty one
	faultClock   faultKind = "clock"      // its clock jumps, by up to days, and later back
	faultFull    faultKind = "full"       // a disk has no byte left
	faultSlow    faultKind = "slow"       // a disk stands still most of the time

	faultTerminate faultKind = "terminate" // an administrator terminates a build workflow in Temporal
	faultCancel    faultKind = "cancel"    // and cancels one
	faultReset     faultKind = "reset"     // and takes one back to its first task
)

// fault is one of a campaign's. length is how long the part is away; 0 for what
// takes as long as it takes. pick chooses where there is a choice.
type fault struct {
	lane   string
	kind   faultKind
	at     time.Duration // since the campaign's begin
	length time.Duration
	pick   uint64
}

func (f fault) String() string {
	return fmt.Sprintf("%6.1fs %-10s %-10s %5.1fs", f.at.Seconds(), f.lane, f.kind, f.length.Seconds())
}

// lane is a part of the deployment to which one thing after the other happens.
type lane struct {
	name  string
	group string // parts of a kind have the same order of faults
	place int    // in the group: where in the order it begins
	of    int    // how many the group has
	kinds faultSpans
	calm  span // between two faults
}

// lanesOf are the lanes of a group of equal parts.
func lanesOf(group string, n int, kinds faultSpans, calm span) (out []lane) {
	for i := range n {
		out = append(out, lane{name: fmt.Sprintf("%s %d", group, i), group: group, place: i, of: n, kinds: kinds, calm: calm})
	}
	return out
}

// span is a range of lengths.
type span struct{ from, to time.Duration }

func (s span) pick(r *rand.Rand) time.Duration {
	return s.from + time.Duration(r.Int64N(int64(s.to-s.from)+1)).Round(100*time.Millisecond)
}

// faultSpans say how long each kind lasts.
type faultSpans map[faultKind]span

// planFaults draws what happens in each lane, one thing after the other with
// some calm between. Every kind has its turn before the next round of kinds. The
// same seed gives the same plan.
func planFaults(seed uint64, length time.Duration, lanes []lane) []fault {
	var out []fault
	for _, l := range lanes {
		if len(l.kinds) > 0 {
			out = append(out, l.plan(seed, length)...)
		}
	}
	slices.SortStableFunc(out, func(a, b fault) int { return int(a.at - b.at) })
	return out
}

func (l lane) plan(seed uint64, length time.Duration) (out []fault) {
	kinds := slices.Sorted(maps.Keys(l.kinds))
	r := rand.New(rand.NewPCG(seed, hashOf(l.name)))
	at := time.Second + l.calm.pick(r)
	for round, over := uint64(1), false; !over; round++ {
		// All lanes of a group have the same order of kinds, from different places
		// on, so that a short campaign has most of them.
		deck := slices.Clone(kinds)
		rand.New(rand.NewPCG(seed, hashOf(l.group)+round)).Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for i := range deck {
			kind := deck[(i+l.place*len(deck)/l.of)%len(deck)]
			f := fault{lane: l.name, kind: kind, at: at, length: l.kinds[kind].pick(r), pick: r.Uint64()}
			if f.at+f.length > length {
				over = true
				continue
			}
			out = append(out, f)
			at = f.at + f.length + l.calm.pick(r)
		}
	}
	return out
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64()
}

// class is what a fault is counted as: what happens to parts of a kind.
func (f fault) class() string {
	group, _, _ := strings.Cut(f.lane, " ")
	return group + " " + string(f.kind)
}

// checkFaults fails when something that was planned has never happened: the plan was
// then not tried. Short campaigns may have nothing to do it to, or come too late.
func (c *campaign) checkFaults(plan []fault) {
	c.tb.Helper()
	const longEnough = 20 * time.Minute
	if c.scale.length < longEnough {
		return
	}
	for _, what := range withoutEffect(plan, c.report) {
		c.violation("no fault took effect that was planned: %s", what)
	}
}

// withoutEffect lists what was planned and has never happened.
func withoutEffect(plan []fault, r *campaignReport) (out []string) {
	planned := map[string]int{}
	for _, f := range plan {
		planned[f.class()]++
	}
	for _, what := range slices.Sorted(maps.Keys(planned)) {
		if r.of(ofFaults, what) == 0 {
			out = append(out, fmt.Sprintf("%s, %d times", what, planned[what]))
		}
	}
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

// A plan is its seed's, keeps one fault of a lane at a time, and ends in time.
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
	lanes := s.lanes()
	plan := planFaults(seed, s.length, lanes)
	if again := planFaults(seed, s.length, lanes); !slices.Equal(plan, again) {
		t.Error("the same seed gives another plan")
	}
	if other := planFaults(seed+1, s.length, lanes); slices.Equal(plan, other) {
		t.Error("another seed gives the same plan")
	}
	wanted, seen := map[string]bool{}, map[string]bool{}
	for _, l := range lanes {
		for kind := range l.kinds {
			wanted[l.group+" "+string(kind)] = true
		}
	}
	free := map[string]time.Duration{}
	for _, f := range plan {
		seen[f.class()] = true
		if f.at < free[f.lane] || f.at+f.length > s.length {
			t.Errorf("%s: begins before another ends, or ends too late", f)
		}
		free[f.lane] = f.at + f.length
	}
	if s.length > time.Minute && len(seen) != len(wanted) {
		t.Errorf("%d of %d kinds of faults are in the plan", len(seen), len(wanted))
	}
}

// What was planned and never happened is found, also when it was counted as 0.
func TestFaultsWithoutEffect(t *testing.T) {
	t.Parallel()
	c := &campaign{report: newCampaignReport()}
	plan := []fault{
		{lane: "worker 0", kind: faultClock},
		{lane: "worker 1", kind: faultClock},
		{lane: "worker 1", kind: faultKill},
		{lane: "admin", kind: faultReset},
		{lane: "base", kind: faultKill},
	}
	c.countFault(plan[0], false)
	c.countFault(plan[1], false)
	c.countFault(plan[2], true)
	c.countFault(plan[4], true)
	want := []string{"admin reset, 1 times", "worker clock, 2 times"}
	if got := withoutEffect(plan, c.report); !slices.Equal(got, want) {
		t.Errorf("without effect: %q, want %q", got, want)
	}
}

// What the machine lacks is left out of the plan.
func TestCampaignLanes(t *testing.T) {
	t.Parallel()
	kinds := func(c *campaign) string {
		seen := map[string]bool{}
		for _, l := range c.lanes() {
			for kind := range l.kinds {
				seen[l.group+" "+string(kind)] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
	}
	const bare = "admin cancel, admin reset, admin terminate, api cut-hang, api cut-refuse, api freeze, api kill, api restart, " +
		"temporal freeze, temporal kill, worker cut-hang, worker cut-refuse, worker drain, worker freeze, worker kill, worker restart"
	if got := kinds(&campaign{scale: shortCampaign()}); got != bare {
		t.Errorf("on a machine that lacks everything: %s\nwant: %s", got, bare)
	}
	got := kinds(&campaign{scale: shortCampaign(), mounts: true, clocks: true})
	for _, more := range []string{"api clock", "worker clock", "worker full", "worker slow", "releases full"} {
		if !strings.Contains(got, more) {
			t.Errorf("on a machine with file systems and clocks: %s\nwant also: %s", got, more)
		}
	}
}
