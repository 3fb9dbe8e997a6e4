package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/course"
)

// housekeepingInterval is how often releases that nobody needs are removed.
const housekeepingInterval = 10 * time.Minute

// startHousekeeping removes what no release needs any more, at once and every
// few minutes, until the cleanup runs. Several processes may do it at once.
func (y *system) startHousekeeping(ctx context.Context) error {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(housekeepingInterval)
		defer t.Stop()
		for {
			if err := y.housekeep(run); err != nil && run.Err() == nil {
				y.log.Error("housekeeping", "error", err)
			}
			select {
			case <-run.Done():
				return
			case <-t.C:
			}
		}
	}()
	y.cleanup.add("housekeeping", func() error { stop(); <-done; return nil })
	return nil
}

// housekeep prunes every course and collects the pool's garbage, whatever fails
// on the way.
func (y *system) housekeep(ctx context.Context) error {
	var failures []error
	const page = 100
	for before := int64(0); ; {
		list, err := y.store.ListCourses(ctx, course.Page{Limit: page, Before: before})
		if err != nil {
			return fmt.Errorf("list courses: %w", err)
		}
		for _, c := range list {
			before = c.ID
			if _, err := y.releases.Prune(ctx, c.Key); err != nil {
				failures = append(failures, fmt.Errorf("prune %s: %w", c.Key, err))
			}
		}
		if len(list) < page {
			break
		}
	}
	removed, err := y.releases.CollectGarbage(ctx)
	if err != nil {
		failures = append(failures, fmt.Errorf("collect garbage: %w", err))
	}
	y.log.Debug("housekeeping", "removed", removed)
	return errors.Join(failures...)
}
