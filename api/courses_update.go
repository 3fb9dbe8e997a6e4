package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type courseUpdater interface {
	UpdateCourse(ctx context.Context, c course.Course) (course.Course, error)
}

// updateCourse answers PUT and PATCH /api/v1/courses/KEY. PUT replaces the
// course: fields that are not given take the value of a new course. PATCH
// changes the given fields only. If-Match refuses the change when somebody else
// was faster; PUT must have it.
func updateCourse(g *gate, courses courseUpdater, view courseView) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		old, err := g.course(c, Write, false)
		if err != nil {
			return err
		}
		body, err := readObject(c, false)
		if err != nil {
			return err
		}
		changed, replace := old, c.Request.Method == http.MethodPut
		if err := ifMatch(c, old, replace); err != nil {
			return err
		}
		if replace {
			changed = course.New("")
			changed.ID, changed.Revision = old.ID, old.Revision
			changed.KeepSecrets(old)
		}
		if err := fillCourse(body, &changed, old.Key); err != nil {
			return err
		}
		// The caller needs rights to what the course becomes, too.
		if !caller.may(Write, changed, false) {
			return noAccess(changed.Key)
		}
		if changed.Key != old.Key {
			if err := idle(c.Request.Context(), view.rows, old.Key); err != nil {
				return err
			}
		}
		saved, err := courses.UpdateCourse(c.Request.Context(), changed)
		if err != nil {
			return unlessStale(c, err)
		}
		g.audit(c, "EDIT-COURSE", saved.Key, "old_key", old.Key)
		shown, err := view.one(c.Request, saved, false)
		if err != nil {
			return err
		}
		c.Header("Etag", `"`+revisionTag(saved)+`"`)
		answer(c, http.StatusOK, shown)
		return nil
	}
}

// idle says that no build of the course is pending or running. A new key is a
// new lock, so a build under the old one must have ended.
func idle(ctx context.Context, rows BuildRows, key string) error {
	const recent = 50 // open builds are among the newest: each build skips the older requests
	list, err := rows.ListBuilds(ctx, key, course.Page{Limit: recent})
	if err != nil {
		return err
	}
	for _, b := range list {
		if !b.Status.Final() {
			return &course.FieldErrors{Kind: course.ErrConflict, Fields: []course.FieldError{{
				Field:   "key",
				Message: fmt.Sprintf("Build %d has not ended; wait for it or cancel it, then change the key.", b.ID),
			}}}
		}
	}
	return nil
}
