package coursetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// document is an aplus-json with more fields at the top, in the module and in
// the exercise.
func document(top, module, exercise string) string {
	return fmt.Sprintf(`{"categories": {"ex": {"name": "E"}, "no": {}}, "modules": [{"key": "m" %[2]s, "children": [{"key": "e", "category": "ex" %[3]s}]}] %[1]s}`,
		top, module, exercise)
}

func TestImports(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		document string
		success  bool
		want     string // part of the errors; empty: there are none but that of the category without name
	}{
		"good":                    {document(``, ``, `, "max_submissions": 0, "exercise_info": null, "title": {"en": "a", "fi": "b"}`), true, ""},
		"no JSON":                 {`<html>`, false, "no JSON object"},
		"a list":                  {`[]`, false, "no JSON object"},
		"refused":                 {`{"success": false, "errors": ["first"]}`, false, "first"},
		"an error that is a text": {document(`, "errors": "first"`, ``, ``), true, "first"},
		"no modules":              {`{"categories": {}}`, false, "modules is"},
		"no categories":           {`{"modules": []}`, false, "categories is"},
		"a category is null":      {`{"modules": [], "categories": {"ex": null}}`, false, "categories.ex is"},
		"a category's status":     {`{"modules": [], "categories": {"ex": {"name": "E", "status": "x"}}}`, false, `categories.ex.status is "x"`},
		"a date":                  {document(`, "start": "2026-01-01T10:00:00+02:00"`, ``, ``), true, "not a date"},
		"dates":                   {document(`, "start": "2026-01-01T10:00:00Z", "end": "2026-01-01 10:00"`, `, "open": "2026-01-01 10", "read-open": null, "duration": "7d"`, ``), true, ""},
		"a duration":              {document(``, `, "duration": "P1DT00H"`, ``), true, "not a duration"},
		"a choice":                {document(`, "index_mode": "x"`, ``, ``), true, `index_mode is "x"`},
		"a module's status":       {document(``, `, "status": "x"`, ``), false, `modules[0].status is "x"`},
		"a module's key":          {strings.ReplaceAll(document(``, ``, ``), `"m"`, `"toc"`), false, "A+'s own"},
		"a bad key":               {strings.ReplaceAll(document(``, ``, ``), `"e",`, `"e/x",`), false, "cannot be a key"},
		"a long key":              {strings.ReplaceAll(document(``, ``, ``), `"m"`, `"`+strings.Repeat("m", 256)+`"`), false, "more than 255"},
		"no key":                  {strings.ReplaceAll(document(``, ``, ``), `"key": "e",`, ``), true, "needs a key and a category"},
		"a category without name": {strings.ReplaceAll(document(``, ``, ``), `"category": "ex"`, `"category": "no"`), true, "needs a key and a category"},
		"an object's status":      {document(``, ``, `, "status": "x"`), false, `children[0].status is "x"`},
		"a long title":            {document(``, ``, `, "title": "`+strings.Repeat("t", 256)+`"`), false, "more than 255"},
		"a title's bar":           {document(``, ``, `, "title": "a|b"`), true, "takes for translations"},
		"an exercise_info":        {document(``, ``, `, "exercise_info": [1]`), false, "exercise_info is"},
		"points":                  {document(``, ``, `, "max_points": "many"`), true, "max_points is"},
		"a rule":                  {document(``, ``, `, "reveal_model_solutions": {"trigger": "x"}`), true, "trigger is"},
		"a rule that is a text":   {document(``, ``, `, "reveal_model_solutions": "x"`), false, "reveal_model_solutions is"},
		"children":                {document(``, ``, `, "children": {}`), false, "children is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.serve("/c/aplus-json", test.document)
			got := s.APlus.Import(t.Context(), 5)
			all := strings.Join(got.Errors, "\n")
			all = strings.Replace(all, "categories.no: a category needs a name", "", 1)
			if got.Success != test.success || !strings.Contains(all, test.want) || (test.want == "") != (all == "") {
				t.Errorf("success %t, errors %q", got.Success, got.Errors)
			}
		})
	}
}

func TestImportsDependOnPublishing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  string
		success bool
		want    string
	}{
		"good":          {`{"success": true, "errors": []}`, true, ""},
		"with warnings": {`{"success": true, "errors": ["w"]}`, true, "w"},
		"no word of it": {`{}`, true, ""},
		"refused":       {`{"success": false, "errors": "because"}`, false, "because"},
		"empty":         {``, false, "an empty answer"},
		"no JSON":       {`oops`, false, "not JSON"},
		"a list":        {`["e"]`, false, "e"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.publish = func(context.Context) string { return test.answer }
			s.serve("/c/aplus-json", fmt.Sprintf(`{"categories": {}, "modules": [], "publish_url": "%s/c/publish/STORE/x"}`, s.url))
			got := s.APlus.Import(t.Context(), 5)
			all := strings.Join(got.Errors, "\n")
			if got.Success != test.success || !strings.Contains(all, test.want) || (test.want == "") != (all == "") {
				t.Errorf("success %t, errors %q", got.Success, got.Errors)
			}
		})
	}
}

func TestBuildLogs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		log  string
		want string // part of the error
	}{
		"empty":             {`{}`, ""},
		"null":              {"null\n", ""},
		"running":           {`{"build_log": null, "request_time": "2026-11-23T07:07:56.911Z", "updated": false, "updated_time": null}`, ""},
		"an error":          {`{"error": "e"}`, "e"},
		"null for a time":   {`{"build_log": "x", "request_time": "2026-11-23T07:07:56.911Z", "updated": true, "updated_time": null}`, "breaks"},
		"no time of asking": {`{"build_log": "x", "updated": false}`, "breaks"},
		"another time":      {`{"build_log": "x", "request_time": "yesterday", "updated": false}`, "request_time"},
		"no JSON":           {`x`, "not what A+ can show"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.serve("/c/aplus-json", fmt.Sprintf(`{"categories": {}, "modules": [], "build_log_url": "%s/log"}`, s.url))
			s.serve("/log", test.log)
			s.APlus.Import(t.Context(), 5)
			_, err := s.APlus.BuildLog(t.Context(), 5)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.serve("/static/c/ch.html", "<p>chapter</p>")
	status, body, err := s.APlus.Page(t.Context(), 5, s.url+"/static/c/ch.html", "en")
	if err != nil || status != 200 || string(body) != "<p>chapter</p>" {
		t.Errorf("got %d, %q, %v", status, body, err)
	}
	if status, _, err := s.APlus.Page(t.Context(), 6, s.url+"/static/c/ch.html", "en"); err != nil || status != 403 {
		t.Errorf("another instance's token gets %d, %v", status, err)
	}
}
