package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type announcer interface {
	Announce(ctx context.Context, r course.Release, by string) error
}

// approveRelease answers POST /api/v1/courses/KEY/releases/VERSION/approve. The
// body may name in "against" the published release that the caller has compared
// it with.
func approveRelease(g *gate, diffs Diffs, builds announcer) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		body, err := readObject(c, true)
		if err != nil {
			return err
		}
		var against string
		take(body, "against", "Give a text.", &against)
		if err := body.finish(nil); err != nil {
			return err
		}
		version := c.Param("version")
		if !course.ValidVersion(version) {
			return noRelease(found.Key, version)
		}
		approval := course.Approval{By: CallerOf(c.Request).ID, At: time.Now()}
		d, err := diffs.Approve(found.Key, version, against, approval)
		if isNotFound(err) {
			return noRelease(found.Key, version)
		}
		if err != nil {
			return err
		}
		g.audit(c, actionApprove, found.Key, "version", version, "against", d.Old.Version, "build", d.New.BuildID, "dangerous", len(d.Dangerous()))
		approval.Against = d.Old.Version
		if err := builds.Announce(c.Request.Context(), d.New, approval.By); err != nil {
			// It is approved all the same: whoever publishes it now may.
			g.log.ErrorContext(c.Request.Context(), "an approved release is not announced", "course", found.Key, "version", version, "error", err)
		}
		answer(c, http.StatusOK, newApprovalBody(approval))
		return nil
	}
}
