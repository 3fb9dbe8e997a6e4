package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coursewright/internal/course"
)

// poller finds pushes whose hook was lost: it looks at every course's branch
// now and then and asks for a build of a commit that nobody has asked for. One
// process polls: two would ask twice for a commit whose build has not got to know
// it yet.
type poller struct {
	y        *system
	patience time.Duration // with one origin: one that is down must not delay the others for long

	mu    sync.Mutex
	asked map[int64]string // by course: the commit that was asked for last
}

const pollPatience = 30 * time.Second

func (y *system) newPoller(patience time.Duration) *poller {
	return &poller{y: y, patience: patience, asked: map[int64]string{}}
}

// startPolling polls until the cleanup runs, if the deployment wants it.
func (y *system) startPolling(ctx context.Context) error {
	interval := y.settings.PollInterval
	if interval <= 0 {
		return nil
	}
	y.asLeader(ctx, "polling", interval, y.newPoller(pollPatience).poll)
	return nil
}

// poll looks at every course once, at few at a time. A course that cannot be
// looked at is told in the log and does not keep the others from being looked at.
func (p *poller) poll(ctx context.Context) error {
	var looks errgroup.Group
	looks.SetLimit(originsAtOnce)
	var mu sync.Mutex
	var failures []error
	err := p.y.eachCourse(ctx, func(c course.Course) error {
		if c.GitOrigin == "" {
			return nil
		}
		looks.Go(func() error {
			if err := p.look(ctx, c); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, fmt.Errorf("poll %s: %w", c.Key, err))
			}
			return nil
		})
		return nil
	})
	err = errors.Join(err, looks.Wait())
	return errors.Join(append(failures, err)...)
}

func (p *poller) look(ctx context.Context, c course.Course) error {
	asking, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	branches, err := p.y.git.Branches(asking, c.GitOrigin)
	if err != nil {
		return err
	}
	commit := branches[c.GitBranch]
	latest, err := p.y.store.LatestBuilds(ctx, []int64{c.ID})
	if err != nil {
		return err
	}
	b, built := latest[c.ID]
	if commit == "" || (built && (b.Commit == commit || !b.Status.Final())) || !p.ask(c.ID, commit) {
		return nil
	}
	asked, err := p.y.store.RequestBuild(ctx, c.Key, course.BuildRequest{Trigger: course.TriggerPoll})
	if err != nil {
		return err
	}
	p.y.workflows.Wake(c.Key)
	p.y.log.Info("a push came without its hook", "course", c.Key, "build", asked.ID, "commit", commit)
	return nil
}

// ask says whether a commit is to be asked for, once.
func (p *poller) ask(courseID int64, commit string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked[courseID] == commit {
		return false
	}
	p.asked[courseID] = commit
	return true
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
