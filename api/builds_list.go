package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// listBuilds answers GET /api/v1/courses/KEY/builds, newest first.
func listBuilds(g *gate, rows BuildRows) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		page, err := readPage(c)
		if err != nil {
			return err
		}
		list, err := rows.ListBuilds(c.Request.Context(), found.Key, oneMore(page))
		if err != nil {
			return err
		}
		list, next := cut(c, list, page, func(b course.Build) int64 { return b.ID })
		items := make([]buildBody, 0, len(list))
		for _, b := range list {
			items = append(items, newBuildBody(b))
		}
		answer(c, http.StatusOK, listBody[buildBody]{Items: items, Next: next})
		return nil
	}
}
