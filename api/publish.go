package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// publishRoute begins the routes of publish; guardOrigin knows them by it.
const publishRoute = "/:key/publish/"

// publish answers /KEY/publish/SOURCE/VERSION, which A+ calls inside its
// import. The status is always 200; a failure makes A+ take the import back.
func publish(g *gate, releases Releases, builds publisher) handler {
	return func(c *gin.Context) error {
		from := source(c.Param("source"))
		if from != sourceStore && from != sourcePublish && from != "BUILD" {
			return &wordedError{text: "There is no such page.", kind: course.ErrNotFound}
		}
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		version := c.Param("version")
		g.note(c, "", "source", from, "version", version)
		if text := refusal(releases, found.Key, from, version); text != "" {
			publishFailure(c, text)
			return nil
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), publishWait)
		defer cancel()
		done, err := builds.Publish(ctx, course.PublishRequest{Key: found.Key, Version: version})
		late := err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
		switch {
		case late && isLive(releases, found.Key, version):
			done.Errors = []string{unanswered}
			fallthrough
		case err == nil:
			g.audit(c, "PUBLISH", found.Key, "version", version, "grader_errors", len(done.Errors))
			answer(c, http.StatusOK, gin.H{"errors": append([]string{}, done.Errors...), "success": true})
		case errors.Is(err, course.ErrNotFound):
			publishFailure(c, outdated)
		case statusOf(err) < http.StatusInternalServerError:
			publishFailure(c, explain(err))
		default:
			g.note(c, course.AuditFailed)
			g.log.ErrorContext(c.Request.Context(), "publish failed", "course", found.Key, "version", version, "error", err)
			publishFailure(c, "The course could not be published now. Import it again; if that fails too, tell the administrators of the service.")
		}
		return nil
	}
}

// publishWait bounds the time until A+ has an answer: A+ waits inside of its own
// request, whose process is killed after 40 s, and the import is lost then. What
// graders have not said by that time is not told; they are asked on.
const publishWait = 25 * time.Second

// unanswered is told with a success.
const unanswered = "The course is published, but not all of its graders have answered yet; they are asked again for a while. If exercises do not work, import the course again."

// isLive says whether students see the version. A release that cannot be read is
// an error elsewhere.
func isLive(releases Releases, key, version string) bool {
	live, err := releases.PublishedVersion(key)
	return err == nil && live == version
}

const outdated = "This version of the course is no longer there, probably because the course was built again meanwhile. Import the course again."

// refusal says why a version cannot be published from the source, empty when
// it can. A stored version that was published meanwhile is published again,
// which changes nothing but tells the graders.
func refusal(releases Releases, key string, from source, version string) string {
	if from == "BUILD" {
		return "A build cannot be published directly. Import the course again."
	}
	if !course.ValidVersion(version) {
		return fmt.Sprintf("%q is no version of a course. Import the course again.", version)
	}
	if from == sourceStore {
		if r, err := releases.Stored(key); err == nil && r.Version == version {
			return ""
		}
	}
	if r, err := releases.Published(key); err == nil && r.Version == version {
		return ""
	}
	return outdated
}

func publishFailure(c *gin.Context, text string) {
	answer(c, http.StatusOK, gin.H{"errors": text, "success": false})
}
