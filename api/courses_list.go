package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

type courseLister interface {
	ListCourses(ctx context.Context, p course.Page) ([]course.Course, error)
}

// listBody is one page of a list. Next is the address of the following page,
// null on the last one.
type listBody[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// listCourses answers GET /api/v1/courses.
func listCourses(g *gate, courses courseLister, view courseView) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		page, err := readPage(c)
		if err != nil {
			return err
		}
		found, err := courses.ListCourses(c.Request.Context(), oneMore(page))
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
		answer(c, http.StatusOK, listBody[courseBody]{Items: items, Next: next})
		return nil
	}
}

// readPage reads the query parameters limit and before.
func readPage(c *gin.Context) (course.Page, error) {
	const usual, most = 50, 200
	page := course.Page{Limit: usual}
	var errs []course.FieldError
	if text, given := c.GetQuery("limit"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			errs = append(errs, course.FieldError{Field: "limit", Message: fmt.Sprintf("Give a whole number from 1 to %d.", most)})
		}
		page.Limit = n
	}
	if text, given := c.GetQuery("before"); given {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			errs = append(errs, course.FieldError{Field: "before", Message: "Give the value that the field next of the previous page contains."})
		}
		page.Before = n
	}
	if errs != nil {
		return page, &course.FieldErrors{Fields: errs}
	}
	return page, nil
}

// oneMore asks for one item too many, which tells whether there is a next page.
func oneMore(p course.Page) course.Page {
	p.Limit++
	return p
}

// cut takes the item too many away and gives the address of the next page.
func cut[T any](c *gin.Context, items []T, p course.Page, id func(T) int64) ([]T, *string) {
	if len(items) <= p.Limit {
		return items, nil
	}
	items = items[:p.Limit]
	next := fmt.Sprintf("%s?before=%d&limit=%d", c.Request.URL.EscapedPath(), id(items[p.Limit-1]), p.Limit)
	return items, &next
}
