package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"coursewright/internal/course"
)

// hostFor names the host that a build should be sent to, empty for any that is
// free. When no host takes builds the build's log says so: the build waits.
func (r *Records) hostFor(ctx context.Context, c course.Course, b course.Build) (string, error) {
	hosts, err := r.Store.ListHosts(ctx)
	if err != nil {
		return "", err
	}
	to, waits := affinity(c.BuildHost, hosts)
	if !waits {
		return to, nil
	}
	err = r.Store.AppendLine(ctx, b.ID, noHostTakesBuilds(hosts)+"\n")
	if errors.Is(err, course.ErrNotFound) {
		err = nil
	}
	return "", err
}

// affinity prefers the host that has the working copy: while it takes builds,
// and has a free slot or nobody else has. waits is true when no host takes
// builds at all.
func affinity(last string, hosts []course.Host) (to string, waits bool) {
	waits = true
	elsewhere := false
	var own *course.Host
	for _, h := range hosts {
		if !h.TakesBuilds() {
			continue
		}
		waits = false
		if h.ID == last {
			own = &h
		} else if h.Free() > 0 {
			elsewhere = true
		}
	}
	if own == nil || (own.Free() == 0 && elsewhere) {
		return "", waits
	}
	return last, false
}

// reachable gives the id of a host that answers, drained or failing or not, and
// nothing for one that is gone or stopped. Such a host removes what it has of a
// course by its age, should it come back.
func (r *Records) reachable(ctx context.Context, id string) (string, error) {
	hosts, err := r.Store.ListHosts(ctx)
	if err != nil {
		return "", err
	}
	for _, h := range hosts {
		if h.ID == id && !h.Gone() && h.State != course.HostStopped {
			return id, nil
		}
	}
	return "", nil
}

// noHostTakesBuilds tells why, host by host.
func noHostTakesBuilds(hosts []course.Host) string {
	if len(hosts) == 0 {
		return "The build waits for a build host: none has reported itself yet."
	}
	const shown = 10
	var parts []string
	for _, h := range hosts[:min(shown, len(hosts))] {
		why := "is drained"
		switch {
		case h.Gone():
			why = fmt.Sprintf("was last heard of %s ago", h.Silent.Round(time.Second))
		case h.State == course.HostFailing:
			why = "takes none: " + h.Trouble
		}
		parts = append(parts, h.Name+" "+why)
	}
	return "The build waits for a build host, since none takes builds now: " + strings.Join(parts, "; ") + "."
}
