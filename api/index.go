package api

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// isAjax says whether a script asks, by the convention of gitmanager's time.
func isAjax(c *gin.Context) bool { return c.GetHeader("X-Requested-With") == "XMLHttpRequest" }

// coursesIndex answers / for scripts: the courses, oldest first.
func coursesIndex(g *gate, courses courseLister, releases Releases) handler {
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
				outline, err := readOutline(releases, x.Key)
				if err == nil && caller.may(Read, x, true) {
					items = append(items, item{Key: x.Key, Name: outline.Name})
				}
			}
			if len(list) < perPage {
				break
			}
			page.Before = list[len(list)-1].ID
		}
		answer(c, http.StatusOK, gin.H{"ready": true, "courses": items})
		return nil
	}
}

// courseIndex answers /KEY/ for scripts: the name and the exercises of the
// published course.
func courseIndex(g *gate, releases Releases) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, true)
		if err != nil {
			return err
		}
		outline, err := readOutline(releases, found.Key)
		if isNotFound(err) {
			answer(c, http.StatusOK, gin.H{"ready": false, "errors": []string{"The course has not been published yet."}})
			return nil
		}
		if err != nil {
			return err
		}
		answer(c, http.StatusOK, gin.H{"ready": true, "course_name": outline.Name, "exercises": outline.exercises()})
		return nil
	}
}

// courseOutline is what the index shows of a document. Names are texts or
// objects by language, and are passed on as they are.
type courseOutline struct {
	Name    json.RawMessage `json:"name"`
	Modules []outlineNode   `json:"modules"`
}

type outlineNode struct {
	Key            string          `json:"key"`
	Title          json.RawMessage `json:"title"`
	Name           json.RawMessage `json:"name"`
	MaxSubmissions json.RawMessage `json:"max_submissions"`
	Children       []outlineNode   `json:"children"`
}

type outlineExercise struct {
	Key   string          `json:"key"`
	Title json.RawMessage `json:"title"`
}

func readOutline(releases Releases, key string) (courseOutline, error) {
	var out courseOutline
	r, err := releases.Published(key)
	if err != nil {
		return out, err
	}
	document, err := releases.Document(r)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(document, &out)
}

// exercises lists what A+ takes for exercises: objects with max_submissions.
func (o courseOutline) exercises() []outlineExercise {
	out := []outlineExercise{}
	var walk func(nodes []outlineNode)
	walk = func(nodes []outlineNode) {
		for _, n := range nodes {
			if n.MaxSubmissions != nil {
				title := n.Title
				if title == nil {
					title = n.Name
				}
				out = append(out, outlineExercise{Key: n.Key, Title: title})
			}
			walk(n.Children)
		}
	}
	for _, m := range o.Modules {
		walk(m.Children)
	}
	return out
}
