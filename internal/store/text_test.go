package store_test

import (
	"errors"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func TestCutLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text  string
		limit int64
		want  int
	}{
		"fits":                       {"abc", 3, 3},
		"nothing":                    {"", 5, 0},
		"no room":                    {"abc", 0, 0},
		"less than no room":          {"abc", -1, 0},
		"no line end":                {"abcdef", 4, 4},
		"after the line end":         {"abc\ndef\nghi", 9, 8},
		"line end too early":         {"a\nbcdefghi", 8, 8},
		"line end in the middle":     {"abc\nefghi", 6, 4},
		"before a character":         {"aä🚀b", 5, 3},
		"not even one character":     {"🚀", 3, 0},
		"a line end at the very end": {"abc\ndef", 4, 4},
	} {
		if got := store.CutLog(test.text, test.limit); got != test.want {
			t.Errorf("%s: CutLog(%q, %d) = %d; want %d", name, test.text, test.limit, got, test.want)
		}
	}
}

func TestSkipLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		n    int64
		want int
	}{
		"nothing": {0, 0}, "negative": {-3, 0}, "to a character": {1, 1}, "inside one": {2, 3},
		"inside another": {4, 7}, "all": {8, 8}, "more than all": {100, 8},
	} {
		if got := store.SkipLog("aä🚀b", test.n); got != test.want {
			t.Errorf("%s: SkipLog(%d) = %d; want %d", name, test.n, got, test.want)
		}
	}
}

func TestCheckLogText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "line\n", "käännös 🚀 \ufffd\x1b[0m"} {
		if err := store.CheckLogText(text); err != nil {
			t.Errorf("CheckLogText(%q) = %v; want nil", text, err)
		}
	}
	for _, text := range []string{"\x00", "a\xff", "\xe2\x82"} {
		if err := store.CheckLogText(text); !errors.Is(err, course.ErrInvalid) {
			t.Errorf("CheckLogText(%q) = %v; want an error of kind invalid", text, err)
		}
	}
}

func TestCutRequestIP(t *testing.T) {
	t.Parallel()
	if got := store.CutRequestIP(strings.Repeat("日", 39) + "\xff\x00ab"); got != strings.Repeat("日", 39)+"\ufffd" {
		t.Errorf("CutRequestIP = %q; want 40 whole characters", got)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	for status, want := range map[course.Status]bool{
		course.StatusPending: false, course.StatusRunning: false, "": false, "DONE": false,
		course.StatusSuccess: true, course.StatusFailed: true, course.StatusSkipped: true, course.StatusCancelled: true,
	} {
		if got := store.Ends(status); got != want {
			t.Errorf("Ends(%q) = %v; want %v", status, got, want)
		}
	}
}
