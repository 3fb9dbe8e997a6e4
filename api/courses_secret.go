package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// renewSecret answers POST /api/v1/courses/KEY/webhook-secret: the course gets
// a new secret, and deliveries signed with the old one are refused from now on.
func renewSecret(g *gate, courses courseUpdater, view courseView) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		found.WebhookSecret = course.NewSecret()
		saved, err := courses.UpdateCourse(c.Request.Context(), found)
		if err != nil {
			return err
		}
		g.audit(c, "EDIT-COURSE", saved.Key, "field", "webhook_secret")
		shown, err := view.one(c.Request, saved, true)
		if err != nil {
			return err
		}
		answer(c, http.StatusOK, shown)
		return nil
	}
}
