package course_test

import (
	"testing"

	"coursewright/internal/course"
)

func TestShownOriginHasNoCredentials(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                    "",
		"https://git.example.org/a/b.git":     "https://git.example.org/a/b.git",
		"https://me:secret@git.example.org/a": "https://…@git.example.org/a",
		"HTTPS://token@git.example.org:1/a@b": "HTTPS://…@git.example.org:1/a@b",
		"https://me:p@ss@git.example.org/a":   "https://…@git.example.org/a",
		"git@git.example.org:a/b.git":         "git@git.example.org:a/b.git",
		"ssh://git@git.example.org/a":         "ssh://git@git.example.org/a",
		"/srv/courses/a":                      "/srv/courses/a",
	} {
		if got := (course.Course{GitOrigin: given}).ShownOrigin(); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
	}
}
