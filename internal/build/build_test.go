package build_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// splitCase is one line of testdata/split.json; words is null where the
// original refuses the text.
type splitCase struct {
	Text  string   `json:"text"`
	Words []string `json:"words"`
}

func splitCases(t *testing.T) []splitCase {
	t.Helper()
	data, err := os.ReadFile("testdata/split.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []splitCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("testdata/split.json has only %d cases", len(cases))
	}
	return cases
}

func TestSplitAsPython(t *testing.T) {
	t.Parallel()
	for _, c := range splitCases(t) {
		words, err := build.Split(c.Text)
		if (err != nil) != (c.Words == nil) {
			t.Errorf("Split(%q): error %v, Python gives %q", c.Text, err, c.Words)
			continue
		}
		if err == nil && !cmp.Equal(words, c.Words) && len(words)+len(c.Words) > 0 {
			t.Errorf("Split(%q): -want +got\n%s", c.Text, cmp.Diff(c.Words, words))
		}
	}
}

func TestQuoteIsSplitBack(t *testing.T) {
	t.Parallel()
	for _, c := range splitCases(t) {
		again, err := build.Split(build.Quote(c.Words))
		if err != nil || (len(c.Words) > 0 && !cmp.Equal(again, c.Words)) {
			t.Errorf("Split(Quote(%q)) = %q, %v", c.Words, again, err)
		}
	}
}

func TestNewPlan(t *testing.T) {
	t.Parallel()
	d := build.Defaults{Image: "standard:1", Command: "legacy build"}
	text := func(s string) *string { return &s }
	own := build.MetaFacts{Present: true, Image: text("own:2")}
	both := build.MetaFacts{Present: true, Image: text("own:2"), Command: text("make 'a b'")}
	tests := map[string]struct {
		meta    build.MetaFacts
		options course.BuildOptions
		image   string // empty: no build
		command []string
	}{
		"no apps.meta: default image, not the default command": {image: "standard:1"},
		"no apps.meta, command asked": {
			options: course.BuildOptions{BuildCommand: "x y"}, image: "standard:1", command: []string{"x", "y"},
		},
		"apps.meta without image or command": {
			meta: build.MetaFacts{Present: true}, image: "standard:1", command: []string{"legacy", "build"},
		},
		"option beats the default command": {
			meta: build.MetaFacts{Present: true}, options: course.BuildOptions{BuildCommand: "x"}, image: "standard:1", command: []string{"x"},
		},
		"apps.meta with image: default command unused": {meta: own, image: "own:2"},
		"apps.meta with image, command asked":          {meta: own, options: course.BuildOptions{BuildCommand: "x"}, image: "own:2", command: []string{"x"}},
		"apps.meta beats the option":                   {meta: both, options: course.BuildOptions{BuildCommand: "x"}, image: "own:2", command: []string{"make", "a b"}},
		"image asked sets apps.meta aside":             {meta: both, options: course.BuildOptions{BuildImage: "i"}, image: "i"},
		"image and command asked":                      {meta: both, options: course.BuildOptions{BuildImage: "i", BuildCommand: "x"}, image: "i", command: []string{"x"}},
		"empty image: no build":                        {meta: build.MetaFacts{Present: true, Image: text("")}},
		"blank image asked: no build":                  {options: course.BuildOptions{BuildImage: " \t"}},
		"empty command: the image's own": {
			meta: build.MetaFacts{Present: true, Command: text("")}, options: course.BuildOptions{BuildCommand: "x"}, image: "standard:1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := build.NewPlan(tt.meta, tt.options, d)
			if err != nil {
				t.Fatal(err)
			}
			if got.Why == "" {
				t.Error("the plan does not say why")
			}
			want := build.Plan{Image: tt.image, Command: tt.command, None: tt.image == "", Why: got.Why}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestNewPlanBadCommand(t *testing.T) {
	t.Parallel()
	bad := "make 'html"
	var author *course.AuthorError
	_, err := build.NewPlan(build.MetaFacts{Present: true, Command: &bad}, course.BuildOptions{}, build.Defaults{Image: "i"})
	if !errors.As(err, &author) || !strings.Contains(err.Error(), "build_command in apps.meta") {
		t.Errorf("command in apps.meta: got %v, want an AuthorError that names the place", err)
	}
	_, err = build.NewPlan(build.MetaFacts{Present: true}, course.BuildOptions{}, build.Defaults{Image: "i", Command: bad})
	if err == nil || errors.As(err, &author) || !strings.Contains(err.Error(), "DEFAULT_CMD") {
		t.Errorf("default command: got %v, want a plain error that names the setting", err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	id := int64(42)
	tests := map[string]struct {
		facts build.EnvironmentFacts
		want  map[string]string
	}{
		"bare": {
			build.EnvironmentFacts{CourseKey: "k"},
			map[string]string{"COURSE_KEY": "k", "COURSE_ID": "None", "STATIC_URL_PATH": "/static/k", "CHANGED_FILES": ""},
		},
		"full": {
			build.EnvironmentFacts{CourseKey: "k", RemoteID: &id, StaticContentHost: "https://host:8/path/", ChangedFiles: []string{"a", "b c"}},
			map[string]string{
				"COURSE_KEY": "k", "COURSE_ID": "42", "STATIC_URL_PATH": "/static/k",
				"STATIC_CONTENT_HOST": "https://host:8/static/k", "CHANGED_FILES": "a\nb c",
			},
		},
		"all changed, other static address": {
			build.EnvironmentFacts{CourseKey: "k", StaticURL: "/s/", AllChanged: true, ChangedFiles: []string{"a"}},
			map[string]string{"COURSE_KEY": "k", "COURSE_ID": "None", "STATIC_URL_PATH": "/s/k", "CHANGED_FILES": "*"},
		},
		"too many for a variable": {
			build.EnvironmentFacts{CourseKey: "k", ChangedFiles: []string{strings.Repeat("x", 140_000)}},
			map[string]string{"COURSE_KEY": "k", "COURSE_ID": "None", "STATIC_URL_PATH": "/static/k", "CHANGED_FILES": "*"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := build.Environment(tt.facts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if _, err := build.Environment(build.EnvironmentFacts{CourseKey: "k", StaticContentHost: "host"}); err == nil {
		t.Error("a STATIC_CONTENT_HOST without scheme was accepted")
	}
}

// FuzzSplit takes commands of courses apart; shown, the words are the same
// command.
func FuzzSplit(f *testing.F) {
	for _, command := range []string{"make html", `sh -c "a 'b' \"c\""`, `'`, `\`, "a\\\nb", "\xff '\x00'", "''"} {
		f.Add(command)
	}
	f.Fuzz(func(t *testing.T, command string) {
		words, err := build.Split(command)
		if err != nil {
			return
		}
		again, err := build.Split(build.Quote(words))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q is %q, shown %s and then %q, %v", command, words, build.Quote(words), again, err)
		}
		if total := len(strings.Join(words, "")); total > len(command) {
			t.Errorf("%q became longer: %q", command, words)
		}
	})
}
