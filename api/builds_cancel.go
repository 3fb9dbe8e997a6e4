package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type canceller interface {
	CancelBuild(ctx context.Context, key string, buildID int64) error
}

// cancelBuild answers POST /api/v1/courses/KEY/builds/ID/cancel.
func cancelBuild(g *gate, rows buildFinder, builds canceller) handler {
	return func(c *gin.Context) error {
		found, b, err := g.build(c, Write, rows)
		if err != nil {
			return err
		}
		if b.Status.Final() {
			return &wordedError{text: fmt.Sprintf("Build %d has ended already: %s.", b.ID, b.Status), kind: course.ErrConflict}
		}
		if err := builds.CancelBuild(c.Request.Context(), found.Key, b.ID); err != nil {
			return err
		}
		g.audit(c, "CANCEL-BUILD", found.Key, "build", b.ID)
		if b, err = rows.Build(c.Request.Context(), b.ID); err != nil {
			return err
		}
		answer(c, http.StatusAccepted, newBuildBody(b))
		return nil
	}
}
