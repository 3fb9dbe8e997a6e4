package rst_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/rst"
)

// answer is what docutils made of a snippet.
type answer struct{ Source, HTML string }

func readAnswers(t testing.TB) []answer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

func TestHTMLAsDocutils(t *testing.T) {
	t.Parallel()
	for _, a := range readAnswers(t) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(a.HTML, rst.HTML(a.Source)); diff != "" {
				t.Errorf("%s\n(-docutils +here):\n%s", a.Source, diff)
			}
		})
	}
}
