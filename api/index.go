package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// isAjax says whether a script asks, by the convention of gitmanager's time.
func isAjax(c *gin.Context) bool { return c.GetHeader("X-Requested-With") == "XMLHttpRequest" }

// coursesIndex answers / for scripts: the published courses by key.
func coursesIndex(g *gate, courses Courses, compiled *compiledCourses) handler {
	type item struct {
		Key  string          `json:"key"`
		Name json.RawMessage `json:"name"`
	}
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		const perPage = 200
		items := []item{}
		for page := (course.Page{Limit: perPage}); ; {
			list, err := courses.ListCourses(c.Request.Context(), page)
			if err != nil {
				return err
			}
			for _, x := range list {
				if !caller.may(Read, x, true) {
					continue
				}
				if _, published, err := compiled.published(x.Key); err == nil {
					items = append(items, item{Key: x.Key, Name: published.Name})
				}
			}
			if len(list) < perPage {
				break
			}
			page.Before = list[len(list)-1].ID
		}
		slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.Key, b.Key) })
		answer(c, http.StatusOK, gin.H{"ready": true, "courses": items})
		return nil
	}
}

// courseIndex answers /KEY/ for scripts: the name and the exercises of the
// published course.
func courseIndex(g *gate, compiled *compiledCourses) handler {
	type item struct {
		Key   string          `json:"key"`
		Title json.RawMessage `json:"title"`
	}
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, true)
		if err != nil {
			return err
		}
		_, published, err := compiled.published(found.Key)
		if isNotFound(err) {
			answer(c, http.StatusOK, gin.H{"ready": false, "errors": []string{"The course has not been published yet."}})
			return nil
		}
		if err != nil {
			return err
		}
		exercises := make([]item, 0, len(published.Exercises))
		for _, e := range published.Exercises {
			exercises = append(exercises, item{Key: e.Key, Title: e.Title})
		}
		answer(c, http.StatusOK, gin.H{"ready": true, "course_name": published.Name, "exercises": exercises})
		return nil
	}
}
