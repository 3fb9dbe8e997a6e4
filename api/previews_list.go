package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// previewBody is a preview of a branch as the REST API shows it.
type previewBody struct {
	releaseBody
	Branch string `json:"branch"`
	Path   string `json:"path"` // where it can be looked at
}

// listPreviews answers GET /api/v1/courses/KEY/previews, newest first.
func listPreviews(g *gate, releases Releases) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		list, err := releases.Previews(found.Key)
		if err != nil {
			return err
		}
		items := make([]previewBody, 0, len(list))
		for _, r := range list {
			items = append(items, previewBody{
				releaseBody: newReleaseBody(r), Branch: r.Preview, Path: previewLinks{release: r}.path(),
			})
		}
		answer(c, http.StatusOK, listBody[previewBody]{Items: items})
		return nil
	}
}
