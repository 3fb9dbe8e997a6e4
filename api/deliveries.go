package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// Deliveries is what the API needs of the deliveries that are kept.
type Deliveries interface {
	RecordDelivery(ctx context.Context, key string, d course.Delivery) (course.Delivery, error)
	Delivery(ctx context.Context, id int64) (course.Delivery, error)
	ListDeliveries(ctx context.Context, key string, p course.Page) ([]course.Delivery, error)
}

// deliveryBody is a delivery as the REST API shows it.
type deliveryBody struct {
	ID         int64          `json:"id"`
	Course     string         `json:"course"`
	ReceivedAt time.Time      `json:"received_at"`
	Service    string         `json:"service"`
	Event      string         `json:"event"`
	Verdict    course.Verdict `json:"verdict"`
	Reason     string         `json:"reason"`
	Build      *int64         `json:"build"` // null: none
	RequestIP  string         `json:"request_ip"`
	Headers    []headerBody   `json:"headers"`
	Options    optionsBody    `json:"options"`
}

type headerBody struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newDeliveryBody(d course.Delivery) deliveryBody {
	out := deliveryBody{
		ID: d.ID, Course: d.CourseKey, ReceivedAt: d.ReceivedAt.UTC(), Service: d.Service, Event: d.Event,
		Verdict: d.Verdict, Reason: d.Reason, RequestIP: d.RequestIP,
		Headers: make([]headerBody, 0, len(d.Headers)), Options: optionsBody(d.Options),
	}
	if d.BuildID != 0 {
		out.Build = &d.BuildID
	}
	for _, h := range d.Headers {
		out.Headers = append(out.Headers, headerBody(h))
	}
	return out
}

// listDeliveries answers GET /api/v1/courses/KEY/deliveries, newest first.
func listDeliveries(g *gate, rows Deliveries) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		q := newQuery(c)
		page, verdict := q.page(), choice(q, "verdict", course.DeliveryAccepted, course.DeliveryIgnored, course.DeliveryRefused)
		if err := q.finish(); err != nil {
			return err
		}
		// So few are kept that they can be chosen from here.
		list, err := rows.ListDeliveries(c.Request.Context(), found.Key, course.Page{Limit: course.KeptDeliveries})
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(d course.Delivery) bool { return verdict != "" && d.Verdict != verdict })
		id := func(d course.Delivery) int64 { return d.ID }
		list, next := cut(c, pageOf(list, page, id), page, id)
		showList(c, list, next, newDeliveryBody)
		return nil
	}
}

// getDelivery answers GET /api/v1/courses/KEY/deliveries/ID.
func getDelivery(g *gate, rows Deliveries) handler {
	return func(c *gin.Context) error {
		_, d, err := g.delivery(c, rows)
		if err != nil {
			return err
		}
		show(c, newDeliveryBody(d))
		return nil
	}
}

// delivery finds the course and the delivery that the path names.
func (g *gate) delivery(c *gin.Context, rows Deliveries) (course.Course, course.Delivery, error) {
	found, err := g.course(c, Write, false)
	if err != nil {
		return found, course.Delivery{}, err
	}
	missing := &wordedError{text: fmt.Sprintf("Course %s has no delivery %q.", found.Key, c.Param("id")), kind: course.ErrNotFound}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return found, course.Delivery{}, missing
	}
	d, err := rows.Delivery(c.Request.Context(), id)
	if isNotFound(err) || err == nil && d.CourseID != found.ID {
		return found, course.Delivery{}, missing
	}
	return found, d, err
}

// redeliver answers POST /api/v1/courses/KEY/deliveries/ID/redeliver: what the
// delivery asked for is done again.
func redeliver(g *gate, deliveries Deliveries, rows buildRequester, builds waker) handler {
	return func(c *gin.Context) error {
		found, d, err := g.delivery(c, deliveries)
		if err != nil {
			return err
		}
		if d.Verdict != course.DeliveryAccepted {
			return &wordedError{text: fmt.Sprintf("Delivery %d was %s (%s); it would be again. Start a build instead.", d.ID, d.Verdict, d.Reason), kind: course.ErrConflict}
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: d.Options, Trigger: course.TriggerHook, RequestIP: g.addresses.ClientIP(c.Request), Delivery: &d,
		})
		if err != nil {
			return err
		}
		g.requested(c, builds, b, "delivery", d.ID)
		return nil
	}
}
