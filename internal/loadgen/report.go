package loadgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// keptErrors is how many errors a report shows; the others are counted.
const keptErrors = 20

// Report is what a load has measured.
type Report struct {
	Took   time.Duration
	Errors int      // answers that were no success, and broken connections
	Shown  []string // the first of them

	mu    sync.Mutex
	times map[string][]time.Duration
}

func newReport() *Report { return &Report{times: map[string][]time.Duration{}} }

func (r *Report) took(kind string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[kind] = append(r.times[kind], d)
}

func (r *Report) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Errors++
	if len(r.Shown) < keptErrors {
		r.Shown = append(r.Shown, err.Error())
	}
}

// Count is the number of answers of some kinds.
func (r *Report) Count(kinds ...string) int { return len(r.sorted(kinds)) }

// Quantile is the time that the given part of the answers of some kinds took at
// most: 0.99 gives the 99th percentile. Without answers it is 0.
func (r *Report) Quantile(part float64, kinds ...string) time.Duration {
	all := r.sorted(kinds)
	if len(all) == 0 {
		return 0
	}
	return all[min(int(part*float64(len(all))), len(all)-1)]
}

func (r *Report) sorted(kinds []string) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []time.Duration
	for _, kind := range kinds {
		all = append(all, r.times[kind]...)
	}
	slices.Sort(all)
	return all
}

// String is a table for people.
func (r *Report) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s %9s %9s %9s %9s %9s\n", "", "answers", "a second", "p50 ms", "p99 ms", "max ms")
	r.mu.Lock()
	kinds := slices.Sorted(maps.Keys(r.times))
	r.mu.Unlock()
	row := func(name string, kinds ...string) {
		n := r.Count(kinds...)
		ms := func(part float64) float64 { return float64(r.Quantile(part, kinds...).Microseconds()) / 1000 }
		fmt.Fprintf(&out, "%-10s %9d %9.1f %9.1f %9.1f %9.1f\n", name, n, float64(n)/r.Took.Seconds(), ms(.5), ms(.99), ms(1))
	}
	for _, kind := range kinds {
		row(kind, kind)
	}
	row("all reads", ReadKinds()...)
	fmt.Fprintf(&out, "%d errors in %s\n", r.Errors, r.Took.Round(time.Millisecond))
	for _, e := range r.Shown {
		fmt.Fprintf(&out, "  %s\n", e)
	}
	return out.String()
}
