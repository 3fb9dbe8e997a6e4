package course_test

import (
	"testing"

	"coursewright/internal/course"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"":                                  "key",
		"https://git.example.org/org/a.git": "git.example.org/org",
		"https://GIT.example.org/org/sub/a": "git.example.org/org",
		"https://me:secret@git.example.org/org/a":  "git.example.org/org",
		"https://me:p@ss@git.example.org:8443/o/a": "git.example.org:8443/o",
		"ssh://git@git.example.org:22/org/a":       "git.example.org:22/org",
		"git@git.example.org:org/a.git":            "git.example.org/org",
		"git.example.org:org/a":                    "git.example.org/org",
		"https://git.example.org/a":                "key",
		"git@git.example.org:a.git":                "key",
		"/srv/courses/a":                           "key",
		"file:///srv/courses/a":                    "key",
		"../a":                                     "key",
		"https://":                                 "key",
	} {
		if got := (course.Course{Key: "key", GitOrigin: origin}).Owner(); got != want {
			t.Errorf("the owner of %q is %q, want %q", origin, got, want)
		}
	}
}

func TestClass(t *testing.T) {
	t.Parallel()
	for trigger, want := range map[course.Trigger]course.Class{
		course.TriggerAPI: course.ClassManual, course.TriggerPage: course.ClassManual,
		course.TriggerHook: course.ClassPush, course.TriggerPoll: course.ClassAutomatic, "": course.ClassPush,
	} {
		if got := trigger.Class(); got != want {
			t.Errorf("the class of %q is %s, want %s", trigger, got, want)
		}
	}
}

func TestOverSSH(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]bool{
		"": false, "git@git.example.org:teacher/course.git": true, "ssh://git@git.example.org:22/course.git": true,
		"SSH://git.example.org/course": true, "git+ssh://git.example.org/course": true, "https://git.example.org:8443/course.git": false,
		"/srv/git/a:b": false, "./a:b": false, "file:///srv/git": false,
	} {
		if got := (course.Course{GitOrigin: origin}).OverSSH(); got != want {
			t.Errorf("%q is reached by ssh: %v, want %v", origin, got, want)
		}
	}
}
