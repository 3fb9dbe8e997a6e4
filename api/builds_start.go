package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

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
		name, err := readIdempotency(c)
		if err != nil {
			return err
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: options, Trigger: course.TriggerAPI, RequestIP: g.addresses.ClientIP(c.Request), Idempotency: name,
		})
		if err != nil {
			return err
		}
		g.requested(c, builds, b)
		return nil
	}
}

// requested sets a recorded build going and answers with it. Pairs tell the
// security log more.
func (g *gate) requested(c *gin.Context, builds waker, b course.Build, pairs ...any) {
	builds.Wake(b.CourseKey)
	g.audit(c, "INITIATE-BUILD", b.CourseKey, append([]any{"build", b.ID}, pairs...)...)
	c.Header("Location", fmt.Sprintf(restPrefix+"courses/%s/builds/%d", b.CourseKey, b.ID))
	answer(c, http.StatusAccepted, newBuildBody(b))
}

// readIdempotency reads the header by which a client can ask again without
// asking for another build; nil without it.
func readIdempotency(c *gin.Context) (*course.Idempotency, error) {
	const longest = 255
	key := strings.TrimSpace(c.GetHeader(idempotencyHeader))
	switch {
	case key == "" && len(c.Request.Header.Values(idempotencyHeader)) == 0:
		return nil, nil
	case key == "" || len(key) > longest || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }):
		return nil, &requestError{
			status: http.StatusBadRequest,
			detail: fmt.Sprintf("The header %s must have 1 to %d ASCII characters.", idempotencyHeader, longest),
			hint:   "Send a new UUID for each build that you want.",
		}
	}
	return &course.Idempotency{Key: key, Keep: course.KeptIdempotency}, nil
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
