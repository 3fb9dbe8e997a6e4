package api

import (
	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// whoamiBody tells callers who they are here.
type whoamiBody struct {
	ID            string `json:"id"`
	Issuer        string `json:"issuer"`        // who signed the token; empty: unknown
	Open          bool   `json:"open"`          // everybody may do everything: logins are not checked
	Administrator bool   `json:"administrator"` // may do everything
}

// whoami answers GET /api/v1/whoami.
func whoami(g *gate) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		show(c, whoamiBody{
			ID: caller.ID, Issuer: caller.Issuer, Open: caller.Open, Administrator: caller.may(Write, course.Course{}, false),
		})
		return nil
	}
}
