package api

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// FleetRows is what the overview needs of the builds of all courses.
type FleetRows interface {
	// OpenBuilds lists builds whose status is not final, oldest first.
	OpenBuilds(ctx context.Context, limit int) ([]course.Build, error)
	Build(ctx context.Context, id int64) (course.Build, error)
	buildSearcher
}

const (
	fleetOpen     = 500            // builds that have not ended, at most
	fleetFailures = 1000           // failed builds that are looked at
	fleetDetails  = 100            // running builds whose step is told
	failuresSince = 24 * time.Hour // unless the caller says otherwise
)

// fleetBody is the whole fleet at a glance.
type fleetBody struct {
	At       time.Time    `json:"at"`
	Hosts    []hostBody   `json:"hosts"`
	Slots    slotsBody    `json:"slots"`
	Running  []openBody   `json:"running"` // oldest first
	Waiting  []openBody   `json:"waiting"` // for their course's turn or for a host, oldest first
	Longest  float64      `json:"longest_waiting_seconds"`
	Failures failuresBody `json:"failures"`
}

// slotsBody adds up the hosts that take builds.
type slotsBody struct {
	Total   int `json:"total"`
	Running int `json:"running"`
	Waiting int `json:"waiting"`
	Free    int `json:"free"`
}

// openBody is a build that has not ended.
type openBody struct {
	ID          int64         `json:"id"`
	Course      string        `json:"course"`
	Status      course.Status `json:"status"`
	Class       string        `json:"class"` // manual, push or automatic: the order in which builds get slots
	Host        string        `json:"host"`
	Step        string        `json:"step"` // that runs; empty: none
	RequestedAt time.Time     `json:"requested_at"`
	Seconds     float64       `json:"seconds"` // it has waited, or run
}

// failuresBody counts failed builds by what failed.
type failuresBody struct {
	Since   time.Time   `json:"since"`
	Total   int         `json:"total"`
	ByCause []causeBody `json:"by_cause"` // the most frequent one first
}

type causeBody struct {
	Cause   string   `json:"cause"` // the step that failed; interrupted: none did
	Count   int      `json:"count"`
	Courses []string `json:"courses"` // some of them
	Hosts   []string `json:"hosts"`
	Latest  int64    `json:"latest_build"`
	Reason  string   `json:"latest_reason"`
}

// interrupted is the cause of builds that failed outside of all steps.
const interrupted = "interrupted"

// fleet answers GET /api/v1/fleet, for callers who may do everything.
func fleet(g *gate, rows FleetRows, hosts BuildHosts) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		now := time.Now()
		q := newQuery(c)
		since := q.time("since")
		if since.IsZero() {
			since = now.Add(-failuresSince)
		}
		if err := q.finish(); err != nil {
			return err
		}
		body := fleetBody{At: now.UTC(), Hosts: []hostBody{}, Running: []openBody{}, Waiting: []openBody{}}
		if err := body.addHosts(c.Request.Context(), hosts); err != nil {
			return err
		}
		if err := body.addOpen(c.Request.Context(), rows, now); err != nil {
			return err
		}
		failed, err := rows.SearchBuilds(c.Request.Context(),
			course.BuildFilter{Statuses: []course.Status{course.StatusFailed}, Since: since}, course.Page{Limit: fleetFailures})
		if err != nil {
			return err
		}
		body.Failures = countFailures(failed, since)
		answer(c, http.StatusOK, body)
		return nil
	}
}

func (f *fleetBody) addHosts(ctx context.Context, hosts BuildHosts) error {
	if hosts == nil {
		return nil
	}
	list, err := hosts.ListHosts(ctx)
	if err != nil {
		return err
	}
	for _, h := range list {
		f.Hosts = append(f.Hosts, newHostBody(h))
		if h.TakesBuilds() {
			f.Slots.Total += h.Slots
			f.Slots.Free += h.Free()
		}
		if !h.Gone() {
			f.Slots.Running += h.Running
			f.Slots.Waiting += h.Waiting
		}
	}
	return nil
}

// addOpen sorts the builds that have not ended into those that run on a host and
// those that wait.
func (f *fleetBody) addOpen(ctx context.Context, rows FleetRows, now time.Time) error {
	open, err := rows.OpenBuilds(ctx, fleetOpen)
	if err != nil {
		return err
	}
	for i, b := range open {
		o := openBody{
			ID: b.ID, Course: b.CourseKey, Status: b.Status, Class: b.Trigger.Class().String(), Host: b.Host,
			RequestedAt: b.RequestedAt.UTC(), Seconds: seconds(now.Sub(b.RequestedAt)),
		}
		if b.Status == course.StatusRunning && b.Host != "" {
			o.Seconds = seconds(now.Sub(b.StartedAt))
			if i < fleetDetails {
				if o.Step, err = runningStep(ctx, rows, b.ID); err != nil {
					return err
				}
			}
			f.Running = append(f.Running, o)
			continue
		}
		f.Waiting = append(f.Waiting, o)
		f.Longest = max(f.Longest, o.Seconds)
	}
	return nil
}

// runningStep names the step that a build is in. The build may be gone by now.
func runningStep(ctx context.Context, rows FleetRows, id int64) (string, error) {
	b, err := rows.Build(ctx, id)
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, s := range slices.Backward(b.Steps) {
		if s.FinishedAt.IsZero() {
			return s.Name, nil
		}
	}
	return "", nil
}

func countFailures(failed []course.Build, since time.Time) failuresBody {
	const named = 5
	out := failuresBody{Since: since.UTC(), Total: len(failed), ByCause: []causeBody{}}
	add := func(names []string, name string) []string {
		if name == "" || len(names) >= named || slices.Contains(names, name) {
			return names
		}
		return append(names, name)
	}
	for _, b := range failed { // newest first
		cause := causeOf(b)
		at := slices.IndexFunc(out.ByCause, func(x causeBody) bool { return x.Cause == cause })
		if at < 0 {
			at = len(out.ByCause)
			out.ByCause = append(out.ByCause, causeBody{Cause: cause, Latest: b.ID, Reason: b.Reason, Courses: []string{}, Hosts: []string{}})
		}
		x := &out.ByCause[at]
		x.Count++
		x.Courses, x.Hosts = add(x.Courses, b.CourseKey), add(x.Hosts, b.Host)
	}
	slices.SortStableFunc(out.ByCause, func(a, b causeBody) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// causeOf is the last step that failed.
func causeOf(b course.Build) string {
	for _, s := range slices.Backward(b.Steps) {
		if s.Outcome == course.OutcomeFailed {
			return s.Name
		}
	}
	return interrupted
}

// seconds are those of a duration, to milliseconds; clocks that differ give 0.
func seconds(d time.Duration) float64 { return max(0, math.Round(d.Seconds()*1000)/1000) }
