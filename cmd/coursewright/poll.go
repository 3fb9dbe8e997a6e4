package main

import (
	"context"
	"fmt"
	"time"

	"coursewright/internal/course"
)

// poller finds pushes whose hook was lost: it looks at every course's branch
// now and then and asks for a build of a commit that nobody has asked for. One
// process polls: two would ask twice for a commit whose build has not got to know
// it yet.
type poller struct {
	y     *system
	asked map[int64]string // by course: the commit that was asked for last
}

// startPolling polls until the cleanup runs, if the deployment wants it.
func (y *system) startPolling(ctx context.Context) error {
	interval := y.settings.PollInterval
	if interval <= 0 {
		return nil
	}
	p := &poller{y: y, asked: map[int64]string{}}
	y.asLeader(ctx, "polling", interval, p.poll)
	return nil
}

// poll looks at every course once. A course that cannot be looked at is told in
// the log and does not keep the others from being looked at.
func (p *poller) poll(ctx context.Context) error {
	return p.y.eachCourse(ctx, func(c course.Course) error {
		if c.GitOrigin == "" {
			return nil
		}
		if err := p.look(ctx, c); err != nil {
			return fmt.Errorf("poll %s: %w", c.Key, err)
		}
		return nil
	})
}

func (p *poller) look(ctx context.Context, c course.Course) error {
	branches, err := p.y.git.Branches(ctx, c.GitOrigin)
	if err != nil {
		return err
	}
	commit := branches[c.GitBranch]
	latest, err := p.y.store.LatestBuilds(ctx, []int64{c.ID})
	if err != nil {
		return err
	}
	b, built := latest[c.ID]
	if commit == "" || p.asked[c.ID] == commit || (built && (b.Commit == commit || !b.Status.Final())) {
		return nil
	}
	p.asked[c.ID] = commit
	asked, err := p.y.store.RequestBuild(ctx, c.Key, course.BuildRequest{Trigger: course.TriggerPoll})
	if err != nil {
		return err
	}
	p.y.workflows.Wake(c.Key)
	p.y.log.Info("a push came without its hook", "course", c.Key, "build", asked.ID, "commit", commit)
	return nil
}

// background does something at once and then every interval, one at a time,
// until the cleanup runs.
func (y *system) background(ctx context.Context, name string, interval time.Duration, do func(context.Context) error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			if err := do(run); err != nil && run.Err() == nil {
				y.log.Error(name, "error", err)
			}
			select {
			case <-run.Done():
				return
			case <-t.C:
			}
		}
	}()
	y.cleanup.add(name, func() error { stop(); <-done; return nil })
}
