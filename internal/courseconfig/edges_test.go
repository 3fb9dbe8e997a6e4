package courseconfig_test

import (
	"encoding/json"
	"strings"
	"testing"

	"coursewright/internal/courseconfig"
)

// withObject is an index whose only object has more keys.
func withObject(keys string) string {
	return "name: C\ncategories: {ex: {name: E}}\nmodules: [{key: m, name: M, children: [{key: k, category: ex, " + keys + "}]}]\n"
}

// TestEdges holds verdicts at edges of the rules to gitmanager's. Want is a part
// of the document, or of the errors where that begins with an exclamation mark.
func TestEdges(t *testing.T) {
	t.Parallel()
	types := func(table string) string {
		return "name: C\ncategories: {ex: {name: E}}\nexercise_types: " + table + "\nmodules: [{key: m, name: M, children: [{key: k, category: ex, type: one}]}]\n"
	}
	const exercise = "title: T\nview_type: x\n"
	const form = "title: T\nview_type: access.types.stdsync.createForm\nfieldgroups:\n- fields:\n"
	plain := withConfig("e.yaml")
	odd := strings.Replace(plain, "key: e", "key: a b", 1)
	tests := map[string]struct{ index, exercise, want string }{
		"odd key, no files":            {odd, exercise + "model_files: []\ntemplate_files: []\n", `"model_answer": "", "exercise_template": ""`},
		"odd key, files in a language": {odd, exercise + "model_files|i18n: {en: [], fi: [a.py]}\n", "!cannot stand in the address"},
		"odd key, files":               {odd, exercise + "model_files: [a.py]\n", "!cannot stand in the address"},
		"null character in a page":     {withObject(`static_content: "a\0b"`), "", "a%00b"},
		"half a pair in a page":        {withObject(`static_content: "\ud800"`), "", "!no Unicode text"},
		"half a pair in a title":       {withObject(`title: "\ud800"`), "", `"name": "\ud800"`},
		"null character in a config":   {withObject(`config: "a\0b"`), "", "!null character"},
		"tag before a line break":      {plain, "\"title|i18n\\n\": {en: Hello}\nview_type: x\n", `"title": "Hello"`},
		"line break in a tag's name":   {plain, exercise + "\"a\\n|nosuch\": 1\n", `"title": "T"`},
		"file without field":           {plain, "title: T\nview_type: access.types.stdasync.acceptFiles\nfiles: [{name: a.py}]\n", `"form_spec": [{"key": null, "type": "file", "title": "a.py", "required": true}]`},
		"text without name":            {plain, "title: T\nview_type: access.types.stdasync.acceptPost\nfields: [{title: A}]\n", `"form_spec": [{"key": null, "type": "textarea", "title": "A"`},
		"odd language of files":        {plain, exercise + "model_files|i18n: {en: [a.py], sv_FI: [b.py]}\n", "b.py?lang=sv_FI"},
		"rows take the field's key":    {plain, form + "  - {type: table-radio, title: F, key: k, more_text: M, rows: [{key: r}, {label: L}]}\n", `[{"key": "r", "type": "radio", "title": "F", "required": false}, {"key": "r_more", "type": "text", "title": "M", "required": false}, {"key": "k", "type": "radio", "title": "F: L", "required": false}, {"key": "k_more"`},
		"row of a null title":          {plain, form + "  - {type: table-radio, title: , rows: [{}]}\n", `"title": "None"`},
		"rows that are texts":          {plain, form + "  - {type: table-radio, title: F, rows: [one, [two]]}\n", `[{"key": "field_0", "type": "radio", "title": "F", "required": false}, {"key": "field_1", "type": "radio", "title": "F_duplicate"`},
		"a row with the word key":      {plain, form + "  - {type: table-radio, title: F, rows: [monkey]}\n", "!allowed is a mapping"},
		"extra_info: nothing in it":    {plain, form + "  - {title: F, extra_info: []}\n", `"title": "F", "required": false}]`},
		"extra_info: pairs":            {plain, form + "  - {title: F, extra_info: [[a, 1]]}\n", `"required": false, "a": 1}]`},
		"mapping as a title":           {plain, "title: T\nview_type: access.types.stdasync.acceptFiles\nfiles: [{name: {bb: 1, a: [2]}}]\n", `"title": "{'a': [2], 'bb': 1}"`},
		"mapping as a list of files":   {plain, exercise + "model_files: {bb.py: 1, a.py: 2}\n", `/model/c/e/bb.py"`},
		"types: an empty list":         {types("[]"), "", `"type": "one"`},
		"types: a list without it":     {types("[two, 3]"), "", `"type": "one"`},
		"types: a list with it":        {types("[one]"), "", "!exercise_types is a mapping"},
		"types: a text without it":     {types("two"), "", `"type": "one"`},
		"types: a text with it":        {types("xonex"), "", "!exercise_types is a mapping"},
		"types: nothing":               {types(""), "", "!exercise_types is a mapping"},
		"types: a number":              {types("5"), "", "!exercise_types is a mapping"},
		"types: unused nothing":        {"name: C\nexercise_types:\nmodules: [{key: m, name: M}]\n", "", `"key": "m"`},
		"category without name":        {"name: C\ncategories: {ex: {status: hidden}}\nmodules: []\n", "", "!without the key \"name\""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, map[string]string{"index.yaml": tt.index, "e.yaml": tt.exercise})
			c, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
			if err != nil {
				t.Fatal(err)
			}
			got, want := report.Text(dir), tt.want
			if rest, refused := strings.CutPrefix(tt.want, "!"); refused {
				want = rest
				if c != nil {
					t.Fatalf("accepted, want an error with %q", rest)
				}
			} else {
				if c == nil {
					t.Fatalf("refused:\n%s", got)
				}
				got = string(mustBytes(t)(c.Document(map[string]json.RawMessage{})))
			}
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		})
	}
}
