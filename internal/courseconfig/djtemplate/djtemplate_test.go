package djtemplate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/djtemplate"
	"coursewright/internal/courseconfig/pyvalue"
)

// answer is what Django made of a template; nil means that it refused.
type answer struct {
	Group    string
	Template string
	Answer   *string
}

func readAnswers(t testing.TB) (*pyvalue.Value, []answer) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join("testdata", "cases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cases := readYAML(t, string(data))
	source, ok := cases.Get("context")
	if !ok {
		t.Fatal("cases.yaml has no context")
	}
	return readYAML(t, source.Str), answers
}

func readYAML(t testing.TB, source string) *pyvalue.Value {
	t.Helper()
	v, err := pyvalue.ReadYAML("context.yaml", []byte(source), pyvalue.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRenderAsDjango(t *testing.T) {
	t.Parallel()
	context, answers := readAnswers(t)
	for _, a := range answers {
		t.Run(a.Group, func(t *testing.T) {
			t.Parallel()
			got, err := djtemplate.Render("t.yaml", a.Template, context)
			switch {
			case a.Answer == nil && err == nil:
				t.Errorf("%s\nrendered %q, Django refuses", a.Template, got)
			case a.Answer != nil && err != nil:
				t.Errorf("%s\n%v, Django renders %q", a.Template, err, *a.Answer)
			case a.Answer != nil:
				if diff := cmp.Diff(*a.Answer, got); diff != "" {
					t.Errorf("%s\n(-Django +here):\n%s", a.Template, diff)
				}
			}
		})
	}
}
