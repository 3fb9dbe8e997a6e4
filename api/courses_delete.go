package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type courseRemover interface {
	RemoveCourse(ctx context.Context, key string) error
}

// deleteCourse answers DELETE /api/v1/courses/KEY. The key must be repeated,
// as ?confirm=KEY or in a JSON body.
func deleteCourse(g *gate, builds courseRemover) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		if err := ifMatch(c, found, false); err != nil {
			return err
		}
		confirmed := c.Query("confirm")
		body, err := readObject(c, true)
		if err != nil {
			return err
		}
		take(body, "confirm", "Give the course's key as a text.", &confirmed)
		if err := body.finish(nil); err != nil {
			return err
		}
		if confirmed != found.Key {
			return &course.FieldErrors{Fields: []course.FieldError{{
				Field:   "confirm",
				Message: fmt.Sprintf("This removes the course with its builds and releases. Repeat its key: ?confirm=%s.", found.Key),
			}}}
		}
		if err := builds.RemoveCourse(c.Request.Context(), found.Key); err != nil {
			return err
		}
		g.audit(c, "DELETE-COURSE", found.Key)
		c.Status(http.StatusNoContent)
		return nil
	}
}
