package api

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"coursewright/internal/courseconfig"
)

// schemaRoute is open to everybody: editors have no token, and the schemas say
// nothing about courses.
const schemaRoute = restPrefix + "schema/:kind"

// The description of the API is open to everybody as well.
const (
	descriptionRoute = restPrefix + "openapi"
	docsRoute        = restPrefix + "docs"
)

// courseSchema answers with a JSON Schema of course files, with which editors
// complete and check them. It changes with new versions of the service only, so
// that editors may keep it for a while.
func courseSchema(c *gin.Context) error {
	text, err := courseconfig.Schema(courseconfig.SchemaKind(c.Param("kind")))
	if err != nil {
		return err
	}
	d := newFinishedDocument(append(text, '\n'))
	c.Header("Etag", d.tag)
	c.Header("Cache-Control", "public, max-age=3600")
	if hasTag(c.GetHeader("If-None-Match"), d.tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	c.Header("Content-Length", strconv.Itoa(len(d.body)))
	c.Data(http.StatusOK, "application/schema+json", d.body)
	return nil
}
