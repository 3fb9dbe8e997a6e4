package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// robots answers /robots.txt: no address is for search engines.
func robots(c *gin.Context) {
	writeText(c, http.StatusOK, "User-agent: *\nDisallow: /\n")
}
