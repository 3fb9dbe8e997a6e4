package courseconfig_test

import (
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// Diagnostics get the lines around their places, shortened and harmless; places
// that are not there get none.
func TestAddExcerpts(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{
		"index.yaml": "one\ntwo\nthree\x1b[31m\n" + strings.Repeat("x", 500) + "\nfive\nsix\n",
	})
	list := []course.Diagnostic{
		{File: "index.yaml", Line: 3},
		{File: "index.yaml", Line: 6},
		{File: "index.yaml"},
		{File: "index.yaml", Line: 7},
		{File: "none.yaml", Line: 1},
		{File: "../secret.yaml", Line: 1},
	}
	courseconfig.AddExcerpts(dir, list)
	want := []course.Diagnostic{
		{Excerpt: "one\ntwo\nthree\ufffd[31m\n" + strings.Repeat("x", 160) + "…\nfive", ExcerptFrom: 1},
		{Excerpt: strings.Repeat("x", 160) + "…\nfive\nsix", ExcerptFrom: 4},
		{},
		{},
		{},
		{},
	}
	for i, d := range list {
		if d.Excerpt != want[i].Excerpt || d.ExcerptFrom != want[i].ExcerptFrom {
			t.Errorf("%s:%d: got %q from line %d, want %q from %d", d.File, d.Line, d.Excerpt, d.ExcerptFrom, want[i].Excerpt, want[i].ExcerptFrom)
		}
	}
}
