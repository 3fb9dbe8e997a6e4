package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
)

func TestPushesToOtherBranches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wanted bool // by the course
		push   string
		query  string
		want   *course.BuildOptions // nil: no build
	}{
		"nobody wants them":   {false, `{"ref":"refs/heads/draft"}`, "", nil},
		"a branch":            {true, `{"ref":"refs/heads/draft"}`, "", &course.BuildOptions{PreviewBranch: "draft"}},
		"a branch with slash": {true, `{"ref":"refs/heads/feature/x"}`, "?rebuild_all=on&skip_git=on", &course.BuildOptions{PreviewBranch: "feature/x"}},
		"the course's":        {true, `{"ref":"refs/heads/main"}`, "?rebuild_all=on", &course.BuildOptions{RebuildAll: true}},
		"a tag":               {true, `{"ref":"refs/tags/draft"}`, "", nil},
		"a deleted branch":    {true, `{"ref":"refs/heads/draft","deleted":true}`, "", nil},
		"no name of a branch": {true, `{"ref":"refs/heads/-draft"}`, "", nil},
		"no ref":              {true, `{"zen":"x"}`, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			c := f.addCourse(t, "intro")
			c.PreviewBranches = test.wanted
			_, err := f.store.UpdateCourse(t.Context(), c)
			must(t, err)
			w := f.send(t, http.MethodPost, "/gitmanager/intro/hook"+test.query, test.push,
				"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", test.push))
			list, err := f.store.ListBuilds(t.Context(), "intro", course.Page{Limit: 2})
			must(t, err)
			if w.Code != http.StatusOK || test.want == nil && (len(list) > 0 || !strings.HasPrefix(w.Body.String(), "Ignored. ")) {
				t.Fatalf("status %d: %s, builds %+v", w.Code, w.Body, list)
			}
			if test.want == nil {
				return
			}
			if len(list) != 1 {
				t.Fatalf("builds %+v", list)
			}
			if d := cmp.Diff(*test.want, list[0].Options); d != "" {
				t.Errorf("options (-want +got):\n%s", d)
			}
			deliveries, err := f.store.ListDeliveries(t.Context(), "intro", course.Page{Limit: 1})
			must(t, err)
			if d := cmp.Diff(*test.want, deliveries[0].Options); d != "" {
				t.Errorf("options of the delivery (-want +got):\n%s", d)
			}
		})
	}
}
