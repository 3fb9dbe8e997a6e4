package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runCommand runs one command line as a person would.
func runCommand(t *testing.T, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	status = execute(t.Context(), args, &o, &e)
	return status, o.String(), e.String()
}

func courseFolder(t *testing.T, index string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo-course")
	for name, text := range map[string]string{
		"index.yaml":    index,
		"exercise.yaml": "title: One\nview_type: x\n",
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const goodIndex = `name: Demo
head_urls: [a.css]
categories: {ex: {name: Exercises}}
modules:
- key: m
  name: M
  children:
  - {key: e, category: ex, config: exercise.yaml}
  - {key: c, category: ex, static_content: a.html}
`

func TestCheckAndExport(t *testing.T) {
	t.Setenv("COURSEWRIGHT_STATIC_CONTENT_HOST", "https://static.example")
	good := courseFolder(t, goodIndex)
	bad := courseFolder(t, strings.Replace(goodIndex, "category: ex, config", "category: exx, config", 1))
	oddName := filepath.Join(t.TempDir(), "odd name")
	if err := os.Symlink(good, oddName); err != nil {
		t.Fatal(err)
	}
	defaults := filepath.Join(t.TempDir(), "defaults.json")
	if err := os.WriteFile(defaults, []byte(`{"e": {"url": "https://grader.example/e"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args        []string
		status      int
		out, errOut []string // parts that are printed
	}{
		"good":              {[]string{"check", good}, 0, []string{"0 errors, 0 warnings\n"}, nil},
		"bad":               {[]string{"check", bad}, 1, []string{"index.yaml:8:24: error: modules[0].children[0].category", "hint: did you mean ex?", "1 error, 0 warnings\n"}, nil},
		"bad as JSON":       {[]string{"check", "--json", bad}, 1, []string{`"accepted": false`, `"line": 8`}, nil},
		"no folder":         {[]string{"check", filepath.Join(good, "nosuch")}, 1, nil, []string{"nosuch"}},
		"no folder, JSON":   {[]string{"check", "--json", filepath.Join(good, "nosuch")}, 1, []string{`"accepted": false`, "nosuch: no such file"}, nil},
		"a file":            {[]string{"check", filepath.Join(good, "index.yaml")}, 1, nil, []string{"not a directory"}},
		"bad key, JSON":     {[]string{"check", "--json", "--key", "../a", good}, 1, []string{`"accepted": false`, "--key is"}, nil},
		"odd folder":        {[]string{"check", oddName}, 0, []string{"0 errors"}, nil},
		"export odd folder": {[]string{"export", oddName, "--base-url", "http://gm.example"}, 1, nil, []string{"give the key with --key"}},
		"export bad key":    {[]string{"export", good, "--base-url", "http://gm.example", "--key", "../a"}, 1, nil, []string{"--key is"}},
		"export":            {[]string{"export", good, "--base-url", "http://gm.example/"}, 0, []string{`"url": "http://gm.example/static/demo-course/a.html"`, `"https://static.example/static/demo-course/a.css"`, `"publish_url": "http://gm.example/demo-course/publish/STORE"`, `"build_log_url": "http://gm.example/gitmanager/demo-course/build_log-json"`}, nil},
		"export with key":   {[]string{"export", good, "--base-url", "http://gm.example", "--key", "other"}, 0, []string{`/static/other/a.html"`}, nil},
		"export defaults":   {[]string{"export", good, "--base-url", "http://gm.example", "--defaults", defaults}, 0, []string{`"url": "https://grader.example/e"`}, nil},
		"export bad":        {[]string{"export", bad, "--base-url", "http://gm.example"}, 1, nil, []string{"there is no category"}},
		"export no base":    {[]string{"export", good}, 1, nil, []string{"base-url"}},
		"export bad base":   {[]string{"export", good, "--base-url", "gm.example"}, 1, nil, []string{"give an http or https address"}},
		"export no default": {[]string{"export", good, "--base-url", "http://gm.example", "--defaults", good + "/index.yaml"}, 1, nil, []string{"want a JSON object"}},
		"schema":            {[]string{"schema"}, 0, []string{`"title": "Index of a course"`}, nil},
		"schema exercise":   {[]string{"schema", "exercise"}, 0, []string{`"title": "Configuration of an exercise"`}, nil},
		"schema unknown":    {[]string{"schema", "course"}, 1, nil, []string{"course"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, out, errOut := runCommand(t, tt.args...)
			if status != tt.status {
				t.Errorf("status %d, want %d; %s", status, tt.status, errOut)
			}
			for _, part := range tt.out {
				if !strings.Contains(out, part) {
					t.Errorf("%q is not in the output:\n%s", part, out)
				}
			}
			for _, part := range tt.errOut {
				if !strings.Contains(errOut, part) {
					t.Errorf("%q is not in the error output:\n%s", part, errOut)
				}
			}
			if tt.status != 0 && len(tt.errOut) > 0 && out != "" {
				t.Errorf("output beside an error: %s", out)
			}
			if (strings.HasPrefix(name, "export") && status == 0 || slices.Contains(tt.args, "--json")) && !json.Valid([]byte(out)) {
				t.Errorf("no JSON: %s", out)
			}
		})
	}
}
