package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type publisher interface {
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
}

// publishBody tells what a publish did. Errors are the graders'; the release
// is live all the same.
type publishBody struct {
	Version string   `json:"version"`
	BuildID int64    `json:"build_id"`
	Errors  []string `json:"errors"`
}

// publishRelease answers POST /api/v1/courses/KEY/releases/VERSION/publish.
// The body {"rollback": true} lets an older release replace a newer one.
func publishRelease(g *gate, builds publisher) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		body, err := readObject(c, true)
		if err != nil {
			return err
		}
		wanted := course.PublishRequest{Key: found.Key, Version: c.Param("version")}
		take(body, "rollback", "Give true or false.", &wanted.Rollback)
		if err := body.finish(nil); err != nil {
			return err
		}
		if !course.ValidVersion(wanted.Version) {
			return noRelease(found.Key, wanted.Version)
		}
		done, err := builds.Publish(c.Request.Context(), wanted)
		if isNotFound(err) {
			return noRelease(found.Key, wanted.Version)
		}
		if err != nil {
			return err
		}
		g.audit(c, "PUBLISH", found.Key, "version", done.Version, "build", done.BuildID, "rollback", wanted.Rollback)
		answer(c, http.StatusOK, publishBody{Version: done.Version, BuildID: done.BuildID, Errors: append([]string{}, done.Errors...)})
		return nil
	}
}
