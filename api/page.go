package api

import (
	"fmt"
	"math"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// Sizes of the pages of lists.
const (
	usualPage = 50
	mostPage  = 200
)

// listBody is one page of a list, newest first. Next is the address of the
// following page, null on the last one; the header Link tells the same.
type listBody[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// page reads the parameters limit and before.
func (q *query) page() course.Page {
	p := course.Page{Limit: int(q.number("limit", usualPage, 1, mostPage))}
	if q.values.Has("before") {
		n, err := strconv.ParseInt(q.text("before"), 10, 64)
		if err != nil || n < 1 {
			q.wrong("before", "Give the value that the field next of the previous page contains.")
		}
		p.Before = n
	}
	return p
}

// oneMore asks for one item too many, which tells whether there is a next page.
func oneMore(p course.Page) course.Page {
	p.Limit++
	return p
}

// cut takes the item too many away and gives the address of the next page,
// which keeps the filters of this one.
func cut[T any](c *gin.Context, items []T, p course.Page, id func(T) int64) ([]T, *string) {
	if len(items) <= p.Limit {
		return items, nil
	}
	items = items[:p.Limit]
	values := c.Request.URL.Query()
	values.Set("limit", strconv.Itoa(p.Limit))
	values.Set("before", strconv.FormatInt(id(items[p.Limit-1]), 10))
	next := (&url.URL{Path: c.Request.URL.Path, RawQuery: values.Encode()}).String()
	c.Header("Link", fmt.Sprintf(`<%s>; rel="next"`, next))
	return items, &next
}

// pageOf gives the page of a list that is at hand as a whole, and one item more
// where there is one.
func pageOf[T any](all []T, p course.Page, id func(T) int64) []T {
	before := p.Before
	if before == 0 {
		before = math.MaxInt64
	}
	var out []T
	for _, item := range all {
		if id(item) < before && len(out) <= p.Limit {
			out = append(out, item)
		}
	}
	return out
}

// showList answers with a page of a list.
func showList[T, B any](c *gin.Context, items []T, next *string, body func(T) B) {
	bodies := make([]B, 0, len(items))
	for _, item := range items {
		bodies = append(bodies, body(item))
	}
	show(c, listBody[B]{Items: bodies, Next: next})
}
