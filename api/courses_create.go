package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type courseCreator interface {
	CreateCourse(ctx context.Context, c course.Course) (course.Course, error)
}

// createCourse answers POST /api/v1/courses.
func createCourse(g *gate, courses courseCreator, view courseView) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		body, err := readObject(c, false)
		if err != nil {
			return err
		}
		wanted := course.New("")
		if err := fillCourse(body, &wanted, ""); err != nil {
			return err
		}
		if !caller.may(Write, wanted, false) {
			return noAccess(wanted.Key)
		}
		made, err := courses.CreateCourse(c.Request.Context(), wanted)
		if err != nil {
			return err
		}
		g.audit(c, "NEW-COURSE", made.Key)
		shown, err := view.one(c.Request, made, true)
		if err != nil {
			return err
		}
		c.Header("Location", "/api/v1/courses/"+made.Key)
		showCourse(c, made, http.StatusCreated, shown)
		return nil
	}
}
