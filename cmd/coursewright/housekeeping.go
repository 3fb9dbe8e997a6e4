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
// few minutes.
func (y *system) startHousekeeping(ctx context.Context) error {
	y.asLeader(ctx, "housekeeping", housekeepingInterval, y.housekeep)
	return nil
}

// housekeep prunes every course and collects the pool's garbage, whatever fails
// on the way.
func (y *system) housekeep(ctx context.Context) error {
	err := y.eachCourse(ctx, func(c course.Course) error {
		if _, err := y.releases.Prune(ctx, c.Key); err != nil {
			return fmt.Errorf("prune %s: %w", c.Key, err)
		}
		return nil
	})
	removed, garbageErr := y.releases.CollectGarbage(ctx)
	if garbageErr != nil {
		garbageErr = fmt.Errorf("collect garbage: %w", garbageErr)
	}
	y.log.Debug("housekeeping", "removed", removed)
	return errors.Join(err, garbageErr)
}

// eachCourse does something with every course, whatever fails on the way.
func (y *system) eachCourse(ctx context.Context, do func(course.Course) error) error {
	const page = 100
	var failures []error
	for before := int64(0); ; {
		list, err := y.store.ListCourses(ctx, course.Page{Limit: page, Before: before})
		if err != nil {
			return fmt.Errorf("list courses: %w", err)
		}
		for _, c := range list {
			before = c.ID
			if err := do(c); err != nil {
				failures = append(failures, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if len(list) < page {
			return errors.Join(failures...)
		}
	}
}
