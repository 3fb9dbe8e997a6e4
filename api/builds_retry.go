package api

import (
	"fmt"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// retryBuild answers POST /api/v1/courses/KEY/builds/ID/retry: a new build with
// the options of one that has ended. The body {"rebuild_all": true} has
// everything count as changed.
func retryBuild(g *gate, rows BuildRows, builds waker) handler {
	return func(c *gin.Context) error {
		found, old, err := g.build(c, Write, rows)
		if err != nil {
			return err
		}
		body, err := readObject(c, true)
		if err != nil {
			return err
		}
		options := old.Options
		take(body, "rebuild_all", "Give true or false.", &options.RebuildAll)
		if err := body.finish(nil); err != nil {
			return err
		}
		if !old.Status.Final() {
			return &wordedError{text: fmt.Sprintf("Build %d has not ended yet; cancel it, or start another build.", old.ID), kind: course.ErrConflict}
		}
		name, err := readIdempotency(c)
		if err != nil {
			return err
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: options, Trigger: course.TriggerAPI, RequestIP: g.addresses.ClientIP(c.Request), Idempotency: name,
		})
		if err != nil {
			return err
		}
		g.requested(c, builds, b, "retry_of", old.ID)
		return nil
	}
}
