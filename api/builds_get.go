package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// getBuild answers GET /api/v1/courses/KEY/builds/ID.
func getBuild(g *gate, rows BuildRows) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		b, err := buildOf(c, rows, found)
		if err != nil {
			return err
		}
		answer(c, http.StatusOK, newBuildBody(b))
		return nil
	}
}
