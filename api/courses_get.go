package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// getCourse answers GET /api/v1/courses/KEY. The webhook secret is shown to
// callers with Write access only.
func getCourse(g *gate, view courseView) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		shown, err := view.one(c.Request, found, caller.may(Write, found, false))
		if err != nil {
			return err
		}
		showCourse(c, found, http.StatusOK, shown)
		return nil
	}
}
