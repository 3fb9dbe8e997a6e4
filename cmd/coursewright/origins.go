package main

import (
	"context"

	"golang.org/x/sync/semaphore"

	"coursewright/internal/gitrepo"
	"coursewright/internal/web"
)

// originsAtOnce is how many git hosts are asked at a time for people who fill in
// forms, and as many for the poll: each is a process, and a host may let it wait.
const originsAtOnce = 4

// origins looks at git origins for the pages and the API; nil where this process
// has not got the git program.
func (y *system) origins() web.Origins {
	if y.git == nil {
		return nil
	}
	return fewOrigins{git: y.git, turns: semaphore.NewWeighted(originsAtOnce)}
}

// fewOrigins asks few git hosts at a time.
type fewOrigins struct {
	git   *gitrepo.Git
	turns *semaphore.Weighted
}

// Branches implements web.Origins and api.Origins.
func (o fewOrigins) Branches(ctx context.Context, origin string) (map[string]string, error) {
	if err := o.turns.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer o.turns.Release(1)
	return o.git.Branches(ctx, origin)
}
