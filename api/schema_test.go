package api_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig"
)

func TestCourseSchemas(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for _, kind := range []courseconfig.SchemaKind{courseconfig.IndexSchema, courseconfig.ExerciseSchema} {
		target := "/api/v1/schema/" + string(kind)
		w := f.send(t, "GET", target, "")
		want, err := courseconfig.Schema(kind)
		must(t, err)
		if diff := cmp.Diff(string(want)+"\n", w.Body.String()); w.Code != 200 || diff != "" {
			t.Fatalf("%s: status %d (-want +got):\n%s", kind, w.Code, diff)
		}
		if got := w.Header().Get("Content-Type"); got != "application/schema+json" {
			t.Errorf("%s: type %q", kind, got)
		}
		if got := w.Header().Get("Cache-Control"); got != "public, max-age=3600" {
			t.Errorf("%s: Cache-Control %q", kind, got)
		}
		tag := w.Header().Get("Etag")
		if again := f.send(t, "GET", target, "", "If-None-Match", tag); again.Code != 304 || again.Body.Len() > 0 || tag == "" {
			t.Errorf("%s: status %d for the tag %q", kind, again.Code, tag)
		}
	}
	w := f.send(t, "GET", "/api/v1/schema/course", "")
	var problem struct{ Status int }
	must(t, json.Unmarshal(w.Body.Bytes(), &problem))
	if w.Code != 404 || problem.Status != 404 {
		t.Errorf("unknown schema: status %d, %s", w.Code, w.Body)
	}
}
