package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// Sweeps tells what the sweeper did, which closes builds whose workflow is gone.
type Sweeps interface {
	LastSweep(ctx context.Context) (course.Sweep, error)
	ListClosings(ctx context.Context, p course.Page) ([]course.Closing, error)
}

// reconcilerBody is what the latest look at all open builds found and did, and
// a page of the builds that were closed.
type reconcilerBody struct {
	Last *sweepBody    `json:"last"` // null before the first look
	List []closingBody `json:"items"`
	Next *string       `json:"next"`
}

type sweepBody struct {
	EndedAt     time.Time `json:"ended_at"`
	By          string    `json:"by"`
	TookSeconds float64   `json:"took_seconds"`
	Running     int       `json:"running"`
	Pending     int       `json:"pending"`
	Closed      int       `json:"closed"`
	Signalled   int       `json:"signalled"`
	Courses     []string  `json:"courses"`
	Trouble     string    `json:"trouble"`
}

type closingBody struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Course string    `json:"course"`
	Build  int64     `json:"build"`
	Reason string    `json:"reason"`
}

// reconciler answers GET /api/v1/reconciler, for callers who may do everything.
func reconciler(g *gate, sweeps Sweeps) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		q := newQuery(c)
		page := q.page()
		if err := q.finish(); err != nil {
			return err
		}
		body := reconcilerBody{List: []closingBody{}}
		last, err := sweeps.LastSweep(c.Request.Context())
		switch {
		case err == nil:
			body.Last = newSweepBody(last)
		case !isNotFound(err):
			return err
		}
		list, err := sweeps.ListClosings(c.Request.Context(), oneMore(page))
		if err != nil {
			return err
		}
		list, body.Next = cut(c, list, page, func(x course.Closing) int64 { return x.ID })
		for _, x := range list {
			body.List = append(body.List, closingBody{ID: x.ID, At: x.At.UTC(), Course: x.Course, Build: x.BuildID, Reason: x.Reason})
		}
		show(c, body)
		return nil
	}
}

func newSweepBody(s course.Sweep) *sweepBody {
	return &sweepBody{
		EndedAt: s.EndedAt.UTC(), By: s.By, TookSeconds: seconds(s.Took), Running: s.Running, Pending: s.Pending,
		Closed: s.Closed, Signalled: s.Signalled, Courses: append([]string{}, s.Courses...), Trouble: s.Trouble,
	}
}
