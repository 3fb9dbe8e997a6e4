package host

import (
	"context"
	"fmt"
	"time"
)

// streak are failures in a row of one step.
type streak struct {
	count   int
	courses map[string]bool
}

// stubborn is how many times MaxFailures a single course has to fail before
// the host is suspected and not the course.
const stubborn = 3

// Worked says that a step did its work, whatever it thought of the course.
func (a *Agent) Worked(step string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.failures, step)
}

// Failure is a step that failed through no fault of the course.
type Failure struct {
	Step   string
	Course string
	Err    error
	// Elsewhere says that the cause may lie with another machine, such as a git
	// host. Then the host stays unless another one takes builds.
	Elsewhere bool
}

// Failed counts a failure. After MaxFailures in a row of one step, with more
// than one course, the host takes itself out for a while. A failure while the
// database cannot be reached is not counted: all hosts have that.
func (a *Agent) Failed(ctx context.Context, f Failure) {
	if a.cfg.MaxFailures <= 0 || a.Report(ctx) != nil {
		return
	}
	n, enough := a.count(f)
	if !enough {
		return
	}
	if f.Elsewhere && !a.Others(ctx) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.out != "" {
		return
	}
	a.out = fmt.Sprintf("%d failures of the step %s in a row, the last: %v", n, f.Step, f.Err)
	a.until = time.Now().Add(a.cfg.Pause)
	a.decide()
	a.wake()
}

// count gives the number of failures in a row and says whether they are enough.
func (a *Agent) count(f Failure) (n int, enough bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.failures[f.Step]
	if s == nil {
		s = &streak{courses: map[string]bool{}}
		a.failures[f.Step] = s
	}
	s.count++
	s.courses[f.Course] = true
	return s.count, s.count >= a.cfg.MaxFailures && len(s.courses) > 1 || s.count >= stubborn*a.cfg.MaxFailures
}

// comeBack takes builds again after the pause. The failures stay counted: one
// more, and the host is out again.
func (a *Agent) comeBack(now time.Time) {
	if a.out != "" && !now.Before(a.until) {
		a.out = ""
	}
}

// readyTimeout bounds one look at what is away: the heartbeat waits for it.
const readyTimeout = 2 * time.Second

// TakeOut says that what builds need of the host, such as its container engine, is
// away: new builds go to other hosts. With each heartbeat ready is asked whether it
// is back.
func (a *Agent) TakeOut(why error, ready func(context.Context) error) {
	if a.cfg.MaxFailures <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away, a.ready = why.Error(), ready
	a.decide()
	a.wake()
}

// PutBack says that it is back.
func (a *Agent) PutBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away, a.ready = "", nil
	a.decide()
	a.wake()
}

// lookAgain looks whether what was away is back.
func (a *Agent) lookAgain(ctx context.Context) {
	a.mu.Lock()
	ready := a.ready
	a.mu.Unlock()
	if ready == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if ready(ctx) == nil {
		a.PutBack()
	}
}

// Others says whether another host takes builds.
func (a *Agent) Others(ctx context.Context) bool {
	list, err := a.cfg.Store.ListHosts(ctx)
	if err != nil {
		return false
	}
	for _, h := range list {
		if h.ID != a.cfg.ID && h.TakesBuilds() {
			return true
		}
	}
	return false
}
