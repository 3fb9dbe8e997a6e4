package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"coursewright/internal/course"
)

// A+ has an answer before its own request is killed, though a grader says
// nothing; the import is lost only if the course is not live.
func TestPublishingDoesNotWaitForSilentGraders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		live string
		want string
	}{
		"live":     {"s", `"success":true`},
		"not live": {"p", `"success":false`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.addCourse(t, "intro")
			f.builds.endless = true
			f.releases.stored = &course.Release{Key: "intro", Version: version("s")}
			f.releases.published = &course.Release{Key: "intro", Version: version(tt.live)}
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				w := f.send(t, http.MethodGet, "/intro/publish/STORE/"+version("s"), "")
				if took := time.Since(begun); took > 30*time.Second {
					t.Errorf("the answer took %s", took)
				}
				if !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), `"errors":[]`) {
					t.Errorf("answered %s, want %s and an error", w.Body, tt.want)
				}
			})
		})
	}
}
