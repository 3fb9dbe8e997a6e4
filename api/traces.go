package api

import (
	"context"

	"github.com/gin-gonic/gin"
)

// Traces makes spans of requests.
type Traces interface {
	// Request begins the span of a request; the function ends it.
	Request(ctx context.Context, method, route string) (in context.Context, end func(status int))
}

// trace makes a span of a request that wants to change something, such as a push:
// what it leads to belongs to the same trace. Requests that only read are too many,
// and lead to nothing.
func (s *server) trace(c *gin.Context) {
	action := actionOf(c.Request.Method, c.FullPath())
	if s.Traces == nil || action == "" || action == actionAplusJSON || action == actionLogin {
		c.Next()
		return
	}
	ctx, end := s.Traces.Request(c.Request.Context(), c.Request.Method, c.FullPath())
	c.Request = c.Request.WithContext(ctx)
	c.Next()
	end(c.Writer.Status())
}
