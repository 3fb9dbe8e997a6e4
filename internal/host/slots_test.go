package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/host"
)

// bench lets builds queue up one after the other and tells the order in which
// they get the slots.
type bench struct {
	t       *testing.T
	slots   *host.Slots
	granted chan grantedBuild
	waiting int
}

type grantedBuild struct {
	claim   host.Claim
	release func()
}

func newBench(t *testing.T, capacity int) *bench {
	t.Helper()
	return &bench{t: t, slots: host.NewSlots(capacity), granted: make(chan grantedBuild, 1000)}
}

// ask queues a build; it runs in a bubble, so that builds arrive in this order.
func (b *bench) ask(c host.Claim) {
	b.t.Helper()
	go func() {
		release, err := b.slots.Acquire(b.t.Context(), c, func(int) {})
		if err != nil {
			if b.t.Context().Err() == nil {
				b.t.Error(err)
			}
			return // the test has ended
		}
		b.granted <- grantedBuild{c, release}
	}()
	synctest.Wait()
	b.waiting++
}

// next gives the build that got a slot.
func (b *bench) next() grantedBuild {
	b.t.Helper()
	synctest.Wait()
	select {
	case g := <-b.granted:
		b.waiting--
		return g
	default:
		b.t.Fatal("nobody was given a slot")
		return grantedBuild{}
	}
}

// drain runs what waits, one build after the other, and gives their ids.
func (b *bench) drain() string {
	b.t.Helper()
	var order []string
	for b.waiting > 0 {
		g := b.next()
		order = append(order, fmt.Sprint(g.claim.Build))
		g.release()
	}
	return strings.Join(order, " ")
}

func TestManualGoesBeforePushBeforeAutomatic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.ask(host.Claim{Build: 1, Class: course.ClassPush, Owner: "a"})
		running := b.next()
		b.ask(host.Claim{Build: 2, Class: course.ClassAutomatic, Owner: "b"})
		b.ask(host.Claim{Build: 3, Class: course.ClassPush, Owner: "c"})
		b.ask(host.Claim{Build: 4, Class: course.ClassManual, Owner: "d"})
		running.release()
		if got, want := b.drain(), "4 3 2"; got != want {
			t.Errorf("builds ran as %s; want %s", got, want)
		}
	})
}

func TestOwnerWithFewestRunningGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2)
		for id := range int64(5) {
			b.ask(host.Claim{Build: id + 1, Class: course.ClassPush, Owner: "big"})
		}
		first, second := b.next(), b.next()
		b.ask(host.Claim{Build: 10, Class: course.ClassPush, Owner: "small"})
		first.release()
		if got := b.next().claim.Build; got != 10 {
			t.Errorf("build %d runs; want that of the owner who has none", got)
		}
		second.release()
		if got := b.next().claim.Build; got != 3 {
			t.Errorf("build %d runs; want the oldest of what is left", got)
		}
	})
}

func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	for _, class := range []course.Class{course.ClassPush, course.ClassAutomatic} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 1)
			b.ask(host.Claim{Build: 0, Class: course.ClassManual, Owner: "a"})
			b.ask(host.Claim{Build: 1, Class: class, Owner: "patient"})
			// Before each slot comes free another manual build arrives.
			for given := 1; ; given++ {
				g := b.next()
				if g.claim.Build == 1 {
					if given <= 2 {
						t.Errorf("the %s build was given slot %d; manual ones go first", class, given)
					}
					return
				}
				if given > 10 {
					t.Fatalf("the %s build waits for ever behind manual ones", class)
				}
				b.ask(host.Claim{Build: 100 + int64(given), Class: course.ClassManual, Owner: fmt.Sprint(given)})
				g.release()
			}
		})
	}
}

// TestFairness holds random arrivals to what is promised of every one of them:
// no more slots in use than there are, everybody served, nobody later than the
// bound, and no slot free while somebody waits.
func TestFairness(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			capacity := 1 + r.IntN(4)
			b := newBench(t, capacity)
			var running []grantedBuild
			older, since := map[int64]int{}, map[int64]int{} // when it came: how many waited; slots given since then
			collect := func() {
				synctest.Wait()
				for len(b.granted) > 0 {
					g := b.next()
					running = append(running, g)
					for id := range since {
						since[id]++
					}
					if bound := 4 * (older[g.claim.Build] + 1); since[g.claim.Build] > bound {
						t.Errorf("seed %d: build %d got slot number %d; at most %d are promised", seed, g.claim.Build, since[g.claim.Build], bound)
					}
					delete(since, g.claim.Build)
				}
				used, waiting := b.slots.Counts()
				if used != len(running) || used > capacity || waiting != b.waiting || (used < capacity && waiting > 0) {
					t.Fatalf("seed %d: %d of %d slots in use, %d builds wait; %d and %d are expected", seed, used, capacity, waiting, len(running), b.waiting)
				}
			}
			for id := range int64(120) {
				older[id], since[id] = b.waiting, 0
				b.ask(host.Claim{Build: id, Class: course.Class(1 + r.IntN(3)), Owner: fmt.Sprint(r.IntN(3))})
				collect()
				if r.IntN(3) > 0 && len(running) > 0 {
					i := r.IntN(len(running))
					running[i].release()
					running = slices.Delete(running, i, i+1)
					collect()
				}
			}
			for len(running) > 0 {
				running[0].release()
				running = running[1:]
				collect()
			}
			if len(since) > 0 || b.waiting > 0 {
				t.Errorf("seed %d: %d builds were never served", seed, len(since))
			}
		})
	}
}

func TestCancelledWaiterLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := host.NewSlots(1)
		release, err := s.Acquire(t.Context(), host.Claim{Build: 1}, func(int) { t.Error("the first build waits") })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		others := -1
		go func() {
			_, err := s.Acquire(ctx, host.Claim{Build: 2}, func(n int) { others = n })
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || others != 0 {
			t.Errorf("the wait ended with %v, behind %d others", err, others)
		}
		release()
		release() // a second time does nothing
		if running, waiting := s.Counts(); running != 0 || waiting != 0 {
			t.Errorf("%d run and %d wait; want none", running, waiting)
		}
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := host.NewSlots(2)
		passed := 0
		go func() {
			for s.Await(t.Context()) == nil {
				passed++
			}
		}()
		step := func(what string, want int, do func()) {
			t.Helper()
			do()
			synctest.Wait()
			if passed != want {
				t.Errorf("%s: %d permits were given; want %d", what, passed, want)
			}
		}
		step("shut", 0, func() {})
		step("two slots", 2, func() { s.Open(true) })
		step("a build came", 2, func() { s.Expect(1); s.Asked() })
		step("it waits for no slot", 3, func() { s.Arrived(1) })
		step("expected, and forgotten", 3, func() { s.Expect(2); s.Asked() })
		step("forgotten after a while", 4, func() { time.Sleep(11 * time.Second) })
		release, err := s.Acquire(t.Context(), host.Claim{Build: 3}, func(int) { t.Error("a slot is free") })
		if err != nil {
			t.Fatal(err)
		}
		step("a slot in use", 4, func() { s.Asked() })
		step("released", 5, func() { release() })
		step("shut again", 5, func() { s.Open(false); s.Asked(); s.Asked() })
		step("opened", 7, func() { s.Open(true) })
	})
}
