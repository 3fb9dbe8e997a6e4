package api

import (
	"context"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type buildSearcher interface {
	SearchBuilds(ctx context.Context, f course.BuildFilter, p course.Page) ([]course.Build, error)
}

// listBuilds answers GET /api/v1/courses/KEY/builds, newest first.
func listBuilds(g *gate, rows buildSearcher) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		return answerBuilds(c, rows, course.BuildFilter{Course: found.Key})
	}
}

// searchBuilds answers GET /api/v1/builds: builds of all courses, newest first,
// for callers who may do everything.
func searchBuilds(g *gate, rows buildSearcher) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		return answerBuilds(c, rows, course.BuildFilter{Course: newQuery(c).text("course")})
	}
}

// answerBuilds adds the filters that the caller wants.
func answerBuilds(c *gin.Context, rows buildSearcher, f course.BuildFilter) error {
	q := newQuery(c)
	page := q.page()
	f.Statuses, f.Trigger = choices(q, "status", statuses()...), choice(q, "trigger", triggers()...)
	f.Host, f.Commit = q.text("host"), q.text("commit")
	f.Since, f.Until = q.time("since"), q.time("until")
	if err := q.finish(); err != nil {
		return err
	}
	list, err := rows.SearchBuilds(c.Request.Context(), f, oneMore(page))
	if err != nil {
		return err
	}
	list, next := cut(c, list, page, func(b course.Build) int64 { return b.ID })
	showList(c, list, next, newBuildBody)
	return nil
}
