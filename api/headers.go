package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// courseContent says whether a route serves the files of courses. They are the
// courses' own: pages of A+ load and frame them, and they run scripts.
func courseContent(route string) bool {
	return route == staticRoute || route == protectedRoute
}

// secureHeaders tells browsers to be strict with everything but the files of
// courses. What is said here is the least that an answer allows; pages, which
// need more, say so themselves.
func (s *server) secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	if s.Addresses.secure(c.Request) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if courseContent(c.FullPath()) {
		return
	}
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	// A page of a course that has opened one of ours loses hold of it.
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// secure says whether the caller reaches the service by https.
func (a *Addresses) secure(r *http.Request) bool {
	return strings.HasPrefix(a.Base(r), "https:")
}
