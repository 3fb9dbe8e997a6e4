package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// healthz says that the process answers.
func healthz(c *gin.Context) { writeText(c, http.StatusOK, "ok\n") }

// readyz says whether the parts that requests need answer, and which others do
// not.
func (s *server) readyz(c *gin.Context) {
	if s.Ready == nil {
		writeText(c, http.StatusOK, "ok\n")
		return
	}
	waiting, err := s.Ready(c.Request.Context())
	switch {
	case err != nil:
		s.Log.WarnContext(c.Request.Context(), "not ready", "error", err)
		writeText(c, http.StatusServiceUnavailable, "not ready\n")
	case waiting != "":
		writeText(c, http.StatusOK, "ok, without "+waiting+": some requests wait\n")
	default:
		writeText(c, http.StatusOK, "ok\n")
	}
}
