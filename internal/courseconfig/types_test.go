package courseconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/courseconfig"
)

// What a type brings counts as often as the type is used, however deep it is.
func TestLargeTypesAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	fmt.Fprintf(&b, "name: x\ncategories: {ex: {name: E}}\nexercise_types: {t: {category: ex, exercise_info: {a: [%s]}}}\n",
		strings.TrimSuffix(strings.Repeat("1,", 20_000), ","))
	b.WriteString("modules:\n- key: m\n  name: m\n  children:\n")
	for i := range 400 {
		fmt.Fprintf(&b, "  - {key: k%d, type: t, name: n}\n", i)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.yaml"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "course"})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Errors) != 1 || !strings.Contains(report.Errors[0].Message, "values when types and aliases are followed") {
		t.Errorf("errors are %v, want one that tells of the bound", report.Errors)
	}
}
