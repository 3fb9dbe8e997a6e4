package api_test

import (
	"strings"
	"testing"

	"coursewright/api"
)

// A course that has a key which no course gets any more can be saved in every
// way, and can be given another key, but not such a one.
func TestCoursesWithOldKeysAreSaved(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"5", "new"} {
		f := newFixture(t, func(c *api.Config) { realPages(t, c) })
		f.addCourse(t, key)
		form := []string{"Content-Type", "application/x-www-form-urlencoded"}
		save := func(key string) string { return "key=" + key + "&remote_id=7&git_branch=dev" }
		steps := []struct {
			target, body, want string
			headers            []string
		}{
			{"PATCH /api/v1/courses/" + key, `{"git_branch": "a"}`, `"git_branch":"a"`, nil},
			{"PUT /api/v1/courses/" + key, `{"key": "` + key + `", "git_branch": "b"}`, `"git_branch":"b"`, []string{"If-Match", "*"}},
			{"PUT /api/v1/courses/" + key, `{"key": "77", "git_branch": "b"}`, "Digits alone", []string{"If-Match", "*"}},
			{"PUT /api/gitmanager/" + key + "/", save(key), `"git_branch":"dev"`, form},
			{"PUT /api/gitmanager/id/7", save(key), `"key":"` + key + `"`, form},
			{"PUT /api/gitmanager/id/7", save("77"), "Digits alone", form},
			{"PUT /api/gitmanager/id/7", save("renamed"), `"key":"renamed"`, form},
			{"PUT /api/gitmanager/id/7", save(key), `"error"`, form},
			{"POST /gitmanager/renamed/", save(key), "choose", form},
		}
		if key != "new" {
			steps = append([]struct {
				target, body, want string
				headers            []string
			}{{"POST /gitmanager/" + key + "/", save(key), "done=saved", form}}, steps...)
		}
		for _, s := range steps {
			method, path, _ := strings.Cut(s.target, " ")
			w := f.send(t, method, path, s.body, s.headers...)
			if got := w.Header().Get("Location") + " " + w.Body.String(); !strings.Contains(strings.ReplaceAll(got, `": "`, `":"`), s.want) {
				t.Errorf("key %s: %s %s: %d %.400s; want %s", key, s.target, s.body, w.Code, got, s.want)
			}
		}
	}
}
