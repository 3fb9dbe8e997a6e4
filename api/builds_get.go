package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// getBuild answers GET /api/v1/courses/KEY/builds/ID.
func getBuild(g *gate, rows buildFinder) handler {
	return func(c *gin.Context) error {
		_, b, err := g.build(c, Read, rows)
		if err != nil {
			return err
		}
		answer(c, http.StatusOK, newBuildBody(b))
		return nil
	}
}
