package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// show answers a request that reads, with a tag of what it answers: a client
// that has it already gets 304.
func show(c *gin.Context, body any) { showTagged(c, "", body) }

// showCourse answers with a course. The tag begins with its revision, by which
// changes are checked; builds and releases that come and go change only the rest.
func showCourse(c *gin.Context, of course.Course, status int, body courseBody) {
	if status == http.StatusOK {
		showTagged(c, revisionTag(of), body)
		return
	}
	c.Header("Etag", `"`+revisionTag(of)+`"`)
	answer(c, status, body)
}

func revisionTag(of course.Course) string { return fmt.Sprintf("r%d.%d", of.ID, of.Revision) }

func showTagged(c *gin.Context, revision string, body any) {
	text, err := encode(body)
	if err != nil {
		// Not reached: bodies are structs of this package, and raw JSON that was decoded before.
		writeProblem(c.Writer, err)
		return
	}
	tag := entityTag(text)
	if revision != "" {
		tag = `"` + revision + "-" + strings.TrimPrefix(tag, `W/"`)
	}
	c.Header("Etag", tag)
	c.Header("Cache-Control", "private, no-cache")
	if hasTag(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	writeJSON(c, http.StatusOK, text)
}

// Names of the headers that make changes safe.
const (
	ifMatchHeader     = "If-Match"
	idempotencyHeader = "Idempotency-Key"
)

// ifMatch checks that a course is still what the caller has read, if they say
// what that was; where it is required they must.
func ifMatch(c *gin.Context, of course.Course, required bool) error {
	tags := c.GetHeader(ifMatchHeader)
	switch {
	case tags == "" && required:
		return &requestError{
			status: http.StatusPreconditionRequired,
			detail: "This replaces all settings of the course; say which ones you have read.",
			hint:   "Send the ETag of the course in the header If-Match, or * to replace whatever there is.",
		}
	case tags == "" || strings.TrimSpace(tags) == "*":
		return nil
	}
	for tag := range strings.SplitSeq(tags, ",") {
		revision, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(tag), `"`), "-")
		if revision == revisionTag(of) {
			return nil
		}
	}
	return changedMeanwhile()
}

func changedMeanwhile() error {
	return &requestError{
		status: http.StatusPreconditionFailed,
		detail: "Somebody else has changed the course since you read it.",
		hint:   "Read the course again, and repeat the change if it is still wanted.",
	}
}

// unlessStale words the refusal of a change that somebody else was faster with.
func unlessStale(c *gin.Context, err error) error {
	if errors.Is(err, course.ErrStale) && c.GetHeader(ifMatchHeader) != "" {
		return changedMeanwhile()
	}
	return err
}
