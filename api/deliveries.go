package api

import (
	"context"
	"fmt"
	"net/http"
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
		page, err := readPage(c)
		if err != nil {
			return err
		}
		list, err := rows.ListDeliveries(c.Request.Context(), found.Key, oneMore(page))
		if err != nil {
			return err
		}
		list, next := cut(c, list, page, func(d course.Delivery) int64 { return d.ID })
		items := make([]deliveryBody, 0, len(list))
		for _, d := range list {
			items = append(items, newDeliveryBody(d))
		}
		answer(c, http.StatusOK, listBody[deliveryBody]{Items: items, Next: next})
		return nil
	}
}

// redeliver answers POST /api/v1/courses/KEY/deliveries/ID/redeliver: what the
// delivery asked for is done again.
func redeliver(g *gate, deliveries Deliveries, rows buildRequester, builds waker) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		id, err := strconv.ParseInt(c.Param("id"), 10, 64)
		if err != nil {
			return &wordedError{text: "A delivery's id is a whole number.", kind: course.ErrNotFound}
		}
		d, err := deliveries.Delivery(c.Request.Context(), id)
		if err != nil {
			return err
		}
		switch {
		case d.CourseID != found.ID:
			return &wordedError{text: fmt.Sprintf("The course has no delivery %d.", id), kind: course.ErrNotFound}
		case d.Verdict != course.DeliveryAccepted:
			return &wordedError{text: fmt.Sprintf("Delivery %d was %s (%s); it would be again. Start a build instead.", id, d.Verdict, d.Reason), kind: course.ErrConflict}
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: d.Options, Trigger: course.TriggerHook, RequestIP: g.addresses.ClientIP(c.Request), Delivery: &d,
		})
		if err != nil {
			return err
		}
		builds.Wake(found.Key)
		g.audit(c, "INITIATE-BUILD", found.Key, "build", b.ID, "delivery", id)
		c.Header("Location", fmt.Sprintf("/api/v1/courses/%s/builds/%d", found.Key, b.ID))
		answer(c, http.StatusAccepted, newBuildBody(b))
		return nil
	}
}
