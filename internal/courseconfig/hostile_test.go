package courseconfig_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// repeat writes n numbered pieces.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
	}
	return b.String()
}

// repeatIndex is an index of n exercises with a file each.
func repeatIndex(n int) string {
	return "name: C\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + repeat(n, "  - {key: e%d, category: ex, config: e%[1]d.yaml}\n")
}

// textsUnderRST are exercises of many different texts.
func textsUnderRST() map[string]string {
	const n = 6
	out := map[string]string{"index.yaml": repeatIndex(n)}
	for i := range n {
		out[fmt.Sprintf("e%d.yaml", i)] = worstForm + repeat(4_900, fmt.Sprintf("d%%d|rst: a text of thirty characters %d %%[1]d\n", i))
	}
	return out
}

// translations is a text in n languages.
func translations(n int) string { return "a|i18n: {" + repeat(n, "l%d: a, ") + "}\n" }

// TestHostile loads small courses that stand for very large ones. Each is
// refused at a bound; without the bound it would take hours or all memory.
func TestHostile(t *testing.T) {
	t.Parallel()
	const exercise = "title: T\nview_type: x\n"
	list := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+", ", n), ", ") }
	var children, objects strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&children, "  - {key: e%d, type: t, category: ex}\n", i)
		fmt.Fprintf(&objects, "  - {key: e%d, category: ex, config: e.yaml}\n", i)
	}
	shared := "name: C\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + objects.String()
	var languages, fields strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&languages, "  l%d: x\n", i)
		fields.WriteString("  - {title: same}\n")
	}
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"a large type":          {map[string]string{"index.yaml": "name: C\ncategories: {ex: {name: E}}\nexercise_types:\n  t: {children: [" + list(3000, "{key: a, category: ex}") + "]}\nmodules:\n- key: m\n  name: M\n  children:\n" + children.String()}, "when types and aliases are followed"},
		"a large configuration": {map[string]string{"index.yaml": shared, "e.yaml": exercise + "description: " + strings.Repeat("x", 100_000) + "\n"}, "what A+ and the graders would get"},
		"many languages":        {map[string]string{"index.yaml": shared, "e.yaml": "view_type: x\ntitle|i18n:\n" + languages.String()}, "more than 50 languages"},
		"one text many times":   {map[string]string{"index.yaml": shared, "e.yaml": "title: T\nview_type: access.types.stdsync.createForm\nfieldgroups:\n- fields:\n" + fields.String()}, "repeats the text"},
		"many files":            {map[string]string{"index.yaml": shared, "e.yaml": exercise + "model_files: [" + list(5000, "a.py") + "]\n"}, "allowed are 1000"},
		"a long text as list":   {map[string]string{"index.yaml": shared, "e.yaml": exercise + "model_files: " + strings.Repeat("x", 1_000_000) + "\n"}, "allowed is a list of paths"},
		"many aliases":          {map[string]string{"index.yaml": "name: C\na: &a [" + list(99, "x") + "]\nb: &b [" + list(99, "*a") + "]\nc: &c [" + list(99, "*b") + "]\nd: [" + list(99, "*c") + "]\nmodules: []\n"}, "when every alias is followed"},
		"many problems":         {map[string]string{"index.yaml": "name: C\nmodules: [" + list(100_000, "1") + "]\n"}, "a module is a mapping"},
		"languages of texts":    {map[string]string{"index.yaml": shared, "e.yaml": exercise + translations(49) + repeat(30_000, "d%d|rst: text\n")}, "when languages, aliases and includes are followed"},
		"languages of maps":     {map[string]string{"index.yaml": shared, "e.yaml": exercise + translations(49) + "b:\n" + repeat(30_000, "- {d|i18n: {l1: a}}\n")}, "when languages, aliases and includes are followed"},
		"texts under rst":       {textsUnderRST(), "different texts under |rst"},
		"files of many":         {map[string]string{"index.yaml": shared, "e.yaml": exercise + translations(49) + "model_files: [" + list(1000, "a.py") + "]\n"}, "grows to more than"},
		"includes of much":      {map[string]string{"index.yaml": shared, "e.yaml": exercise + "include:\n" + repeat(10_000, "- {file: t.yaml, force: true}\n"), "t.yaml": repeat(10_000, "k%d: 1\n")}, "steps when languages, aliases and includes are followed"},
		"templates of much":     {map[string]string{"index.yaml": shared, "e.yaml": exercise + "include:\n" + repeat(10_000, "- {file: t.yaml, force: true, template_context: {}}\n"), "t.yaml": "a: 1\n" + repeat(10_000, "# a comment\n")}, "the templates of all includes"},
		"many unknown keys":     {map[string]string{"index.yaml": "name: C\ncategories: {ex: {name: E}}\nmodules: [{key: m, name: M, children: [{key: e, category: ex,\n" + strings.ReplaceAll(languages.String(), "x\n", "x,\n") + "}]}]\n"}, "unknown in an exercise"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, tt.files)
			c, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
			if err != nil || c != nil {
				t.Fatalf("accepted %t, error %v", c != nil, err)
			}
			if !slices.ContainsFunc(report.Errors, func(d course.Diagnostic) bool { return strings.Contains(d.Message, tt.want) }) {
				t.Errorf("%d errors, the first is %.300q", len(report.Errors), report.Errors[0])
			}
			if report.MoreErrors > 0 && !strings.Contains(report.Errors[len(report.Errors)-1].Message, "not shown") {
				t.Errorf("the last of %d errors is %q", report.CountErrors(), report.Errors[len(report.Errors)-1])
			}
			if len(report.Errors) > 500 || len(report.Warnings) > 500 {
				t.Errorf("%d errors, %d warnings", len(report.Errors), len(report.Warnings))
			}
		})
	}
}
