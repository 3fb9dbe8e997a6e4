package api

import (
	"context"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type courseLister interface {
	SearchCourses(ctx context.Context, f course.Filter, p course.Page) ([]course.Course, error)
}

// listCourses answers GET /api/v1/courses: those that the caller may read, so
// that a page may have fewer than limit although others follow.
func listCourses(g *gate, courses courseLister, view courseView) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		q := newQuery(c)
		page, filter := q.page(), course.Filter{Text: q.text("q"), Status: choice(q, "status", statuses()...)}
		if err := q.finish(); err != nil {
			return err
		}
		found, err := courses.SearchCourses(c.Request.Context(), filter, oneMore(page))
		if err != nil {
			return err
		}
		found, next := cut(c, found, page, func(x course.Course) int64 { return x.ID })
		visible := make([]course.Course, 0, len(found))
		for _, x := range found {
			if caller.may(Read, x, false) {
				visible = append(visible, x)
			}
		}
		items, err := view.many(c.Request, visible)
		if err != nil {
			return err
		}
		show(c, listBody[courseBody]{Items: items, Next: next})
		return nil
	}
}
