package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// Engines give containers 10 seconds to stop, and stop when the last of them has.
const (
	engineStop   = 12 * time.Second
	engineAnswer = 2 * time.Second
)

// unseen is the error of a build that an engine may have ended, and nil where the
// course did it. An engine that stops ends its containers, unless it restores them
// live, and one that was away when a container ended tells status 255.
//
// Whoever took the build over, or was held up, cannot tell: it is to begin anew.
// Whoever followed it to its end sees whether the engine goes away.
func (j *job) unseen(ctx context.Context, late bool, s *container.State) error {
	switch {
	case late && s.ExitCode > signalled:
		return fmt.Errorf("nobody saw how the build ended: its status %d is also that of builds which an engine has ended or lost sight of when it was stopped", s.ExitCode)
	case (s.ExitCode == killed || s.ExitCode == terminated) && j.engineStops(ctx):
		return fmt.Errorf("the container engine was stopped and has ended the build with status %d", s.ExitCode)
	}
	return nil
}

// engineStops says whether the engine goes away soon. While it stops it takes no
// new connections, and those that it has break when its last container has ended.
func (j *job) engineStops(ctx context.Context) bool {
	brief, stop := context.WithTimeout(ctx, engineAnswer)
	defer stop()
	if _, err := j.api.Ping(brief, client.PingOptions{}); err != nil {
		return ctx.Err() == nil
	}
	ctx, cancel := context.WithTimeout(ctx, engineStop)
	defer cancel()
	none := client.Filters{}.Add("label", LabelRun+"="+j.request.RunID)
	for news := j.api.Events(ctx, client.EventsListOptions{Filters: none}); ; {
		select {
		case <-news.Messages:
		case <-news.Err: //nolint:errcheck // that it broke is all that counts
			return ctx.Err() == nil
		}
	}
}

// endSeen says whether the engine was there when a container ended. An engine
// remembers some hundreds of events and forgets them when it ends itself.
func (j *job) endSeen(ctx context.Context, c *held) (bool, error) {
	now, err := j.engineTime(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := j.api.Events(ctx, client.EventsListOptions{
		Since: seconds(c.started), Until: seconds(now.Add(time.Second)),
		Filters: client.Filters{}.Add("container", c.id).Add("event", string(events.ActionDie)),
	})
	select {
	case <-news.Messages:
		return true, nil
	case err := <-news.Err:
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
}

// seconds shows a time as engines want it.
func seconds(t time.Time) string { return strconv.FormatInt(max(0, t.Unix()), 10) }
