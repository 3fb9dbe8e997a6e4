package main

import (
	"context"
	"time"
)

// startLeading prepares what one of several processes that serve is enough for.
func (y *system) startLeading(context.Context) error {
	y.cleanup.add("lead", func() error {
		y.leading.Lock()
		defer y.leading.Unlock()
		if y.stopLeading != nil {
			y.stopLeading()
		}
		return nil
	})
	return nil
}

// leads says whether this process leads. Once it does it goes on until it ends;
// then another takes over the next time it asks.
func (y *system) leads() (bool, error) {
	y.leading.Lock()
	defer y.leading.Unlock()
	if y.stopLeading != nil {
		return true, nil
	}
	stop, ok, err := y.releases.Lead()
	if ok {
		y.stopLeading = stop
	}
	return ok, err
}

// asLeader does something at once and then every interval, while this process
// leads.
func (y *system) asLeader(ctx context.Context, name string, interval time.Duration, do func(context.Context) error) {
	y.background(ctx, name, interval, func(ctx context.Context) error {
		if ok, err := y.leads(); !ok || err != nil {
			return err
		}
		return do(ctx)
	})
}
