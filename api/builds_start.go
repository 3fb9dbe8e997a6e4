package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type buildRequester interface {
	RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error)
}

type waker interface{ Wake(key string) }

// startBuild answers POST /api/v1/courses/KEY/builds. The request is on disk
// when it answers.
func startBuild(g *gate, rows buildRequester, builds waker) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		body, err := readObject(c, true)
		if err != nil {
			return err
		}
		options, err := readOptions(body)
		if err == nil {
			err = options.ValidateFor(found)
		}
		if err != nil {
			return err
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: options, Trigger: course.TriggerAPI, RequestIP: g.addresses.ClientIP(c.Request),
		})
		if err != nil {
			return err
		}
		builds.Wake(found.Key)
		g.audit(c, "INITIATE-BUILD", found.Key, "build", b.ID)
		c.Header("Location", fmt.Sprintf("/api/v1/courses/%s/builds/%d", found.Key, b.ID))
		answer(c, http.StatusAccepted, newBuildBody(b))
		return nil
	}
}

func readOptions(o *object) (course.BuildOptions, error) {
	const wantText, wantBool = "Give a text.", "Give true or false."
	var out course.BuildOptions
	take(o, "skip_git", wantBool, &out.SkipGit)
	take(o, "skip_build", wantBool, &out.SkipBuild)
	take(o, "skip_notify", wantBool, &out.SkipNotify)
	take(o, "rebuild_all", wantBool, &out.RebuildAll)
	take(o, "build_image", wantText, &out.BuildImage)
	take(o, "build_command", wantText, &out.BuildCommand)
	take(o, "preview_branch", wantText, &out.PreviewBranch)
	return out, o.finish(nil)
}
