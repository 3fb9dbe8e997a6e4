package main

import (
	"context"
	"errors"
	"time"

	"coursewright/internal/course"
)

// janitorInterval is how often builds that nobody waits for are looked for.
const janitorInterval = 30 * time.Second

// leftInterval is how often courses are looked for that other hosts may wait for.
const leftInterval = 3 * time.Second

// startJanitor ends, at once and again and again, what runs on this build disk
// and belongs to no running build: a killed worker leaves such builds, when
// nobody tries them again or another host took them over. Labels with the disk's
// id keep the containers of other hosts and deployments apart. It also gives courses
// back that this host has noted and does not build: it may have been unable to say so
// when their builds ended.
func (y *system) startJanitor(ctx context.Context) error {
	if y.keeper != nil { // else nothing outlives this process
		y.background(ctx, "janitor", janitorInterval, func(ctx context.Context) error {
			_, err := y.keeper.RemoveOrphans(ctx, func(id int64, _ string) bool { return y.runsHere(ctx, id) })
			return err
		})
	}
	y.background(ctx, "janitor of held courses", leftInterval, y.clearLeft)
	return nil
}

// runsHere says whether a build may run on this host. Whether its workflow still
// runs is the sweeper's to find out: it closes the row. The run's id is no sign:
// a run that an administrator has reset goes on with another.
func (y *system) runsHere(ctx context.Context, id int64) bool {
	b, err := y.store.Build(ctx, id)
	if errors.Is(err, course.ErrNotFound) {
		return false
	}
	return err != nil || b.Status == course.StatusRunning && b.Host == y.host
}
