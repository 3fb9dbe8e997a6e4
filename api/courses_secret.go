package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// renewSecret answers POST /api/v1/courses/KEY/webhook-secret: the course gets
// a new secret. Deliveries signed with the old one are refused from now on, or
// after keep_old_hours, which gives time to change it at the git host.
func renewSecret(g *gate, courses courseUpdater, view courseView) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		if err := ifMatch(c, found, false); err != nil {
			return err
		}
		keep, err := readKeepOld(c)
		if err != nil {
			return err
		}
		found.RenewSecret(g.now(), keep)
		saved, err := courses.UpdateCourse(c.Request.Context(), found)
		if err != nil {
			return unlessStale(c, err)
		}
		g.audit(c, "EDIT-COURSE", saved.Key, "field", "webhook_secret", "keep_old", keep)
		shown, err := view.one(c.Request, saved, true)
		if err != nil {
			return err
		}
		c.Header("Etag", `"`+revisionTag(saved)+`"`)
		answer(c, http.StatusOK, shown)
		return nil
	}
}

func readKeepOld(c *gin.Context) (time.Duration, error) {
	body, err := readObject(c, true)
	if err != nil {
		return 0, err
	}
	hours := 0
	const allowed = "Give a number of hours from 0 to 720."
	take(body, "keep_old_hours", allowed, &hours)
	var outside error
	if hours < 0 || hours > int(course.MaxKeepOldSecret/time.Hour) {
		outside = &course.FieldErrors{Fields: []course.FieldError{{Field: "keep_old_hours", Message: allowed}}}
	}
	return time.Duration(hours) * time.Hour, body.finish(outside)
}
