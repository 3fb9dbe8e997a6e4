package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/singleflight"
)

const (
	healthLimit = 3 * time.Second // bounds one look at a dependency
	healthKept  = time.Second     // everybody may ask; the answer is as good for so long
)

// dependency is something that a process needs.
type dependency struct {
	name   string
	needed bool // without it nothing works, as opposed to: some things wait
	look   func(ctx context.Context) error
}

// finding is the state of a dependency.
type finding struct {
	name   string
	needed bool
	err    error // nil: it is there
}

// health looks at the dependencies of a process. A look that hangs, as at a
// folder on a file server that is gone, is never doubled.
type health struct {
	all   []dependency
	looks singleflight.Group

	mu    sync.Mutex
	found []finding // by the last look
	at    time.Time
}

// look gives the state of everything.
func (h *health) look(ctx context.Context) []finding {
	h.mu.Lock()
	found, fresh := h.found, time.Since(h.at) < healthKept
	h.mu.Unlock()
	if fresh {
		return found
	}
	found = h.lookNow(ctx)
	if ctx.Err() == nil { // else the caller has gone, and nothing is known
		h.mu.Lock()
		h.found, h.at = found, time.Now()
		h.mu.Unlock()
	}
	return found
}

// lookNow looks at everything at once.
func (h *health) lookNow(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	var results []<-chan singleflight.Result
	for _, d := range h.all {
		results = append(results, h.looks.DoChan(d.name, func() (any, error) {
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthLimit)
			defer cancel()
			return nil, d.look(own)
		}))
	}
	out := make([]finding, len(h.all))
	for i, d := range h.all {
		out[i] = finding{name: d.name, needed: d.needed}
		select {
		case r := <-results[i]:
			out[i].err = r.Err
		case <-ctx.Done():
			out[i].err = fmt.Errorf("no answer: %w", ctx.Err())
		}
	}
	return out
}

// newHealth lists what the role depends on. Without Temporal pushes are still
// accepted and courses still read, so that requests need to reach the process.
func (y *system) newHealth() *health {
	h := &health{}
	add := func(name string, needed bool, look func(context.Context) error) {
		h.all = append(h.all, dependency{name: name, needed: needed, look: look})
	}
	add("database", true, y.store.Ping)
	add("temporal", !y.role.serves, func(ctx context.Context) error {
		_, err := y.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	})
	add("STORE_PATH", true, y.writable(y.settings.StorePath))
	if y.role.serves {
		add("COURSES_PATH", true, y.writable(y.settings.CoursesPath))
	}
	if y.role.builds {
		add("BUILD_PATH", true, y.writable(y.settings.BuildPath))
	}
	return h
}

// ready says whether requests can be served: what is missing for that, and what
// only makes some of them wait.
func (y *system) ready(ctx context.Context) (waiting string, err error) {
	var failures []error
	var late []string
	for _, f := range y.health.look(ctx) {
		switch {
		case f.err == nil:
		case f.needed:
			failures = append(failures, fmt.Errorf("%s: %w", f.name, f.err))
		default:
			late = append(late, f.name)
			y.log.Warn("a part does not answer", "part", f.name, "error", f.err)
		}
	}
	return strings.Join(late, ", "), errors.Join(failures...)
}
