package courseconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig"
)

// course writes files and gives their folder, which has a neighbour with a
// secret.
func courseFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	parent := t.TempDir()
	writeFile(t, filepath.Join(parent, "secret.yaml"), []byte("title: secret\nview_type: secret\n"))
	dir := filepath.Join(parent, "course")
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), []byte(text))
	}
	return dir
}

const oneExercise = "name: C\ncategories: {ex: {name: E}}\nmodules: [{key: m, name: M, children: [{key: e, category: ex, config: CONFIG}]}]\n"

func withConfig(config string) string { return strings.ReplaceAll(oneExercise, "CONFIG", config) }

// TestNothingOutside tries to read a file beside the course in every way.
func TestNothingOutside(t *testing.T) {
	t.Parallel()
	const exercise = "title: T\nview_type: x\n"
	tests := map[string]struct {
		files map[string]string
		links map[string]string
		want  string // part of the first error
	}{
		"config with dots":           {files: map[string]string{"index.yaml": withConfig("../secret.yaml")}, want: "outside the course"},
		"config with dots from root": {files: map[string]string{"index.yaml": withConfig("/../secret.yaml")}, want: "outside the course"},
		"config dots inside":         {files: map[string]string{"index.yaml": withConfig("a/../../secret.yaml")}, want: "outside the course"},
		"config is a link out":       {files: map[string]string{"index.yaml": withConfig("e.yaml")}, links: map[string]string{"e.yaml": "../secret.yaml"}, want: "out of the course"},
		"config is an absolute link": {files: map[string]string{"index.yaml": withConfig("e.yaml")}, links: map[string]string{"e.yaml": "/etc/hosts"}, want: "out of the course"},
		"config below a link out":    {files: map[string]string{"index.yaml": withConfig("up/secret.yaml")}, links: map[string]string{"up": ".."}, want: "out of the course"},
		"index is a link out":        {files: map[string]string{"a": ""}, links: map[string]string{"index.yaml": "../secret.yaml"}, want: "out of the course"},
		"meta is a link out":         {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise}, links: map[string]string{"apps.meta": "../secret.yaml"}, want: "out of the course"},
		"grader_config with dots":    {files: map[string]string{"apps.meta": "grader_config = ..\n"}, want: "outside the course"},
		"grader_config absolute":     {files: map[string]string{"apps.meta": "grader_config = /etc\n"}, want: "outside the course"},
		"include with dots":          {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "include: [{file: ../secret.yaml, force: yes}]\n"}, want: "outside the course"},
		"include absolute":           {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "include: [{file: /etc/hosts}]\n"}, want: "outside the course"},
		"include is a link out":      {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "include: [{file: i.yaml, force: yes}]\n"}, links: map[string]string{"i.yaml": "../secret.yaml"}, want: "out of the course"},
		"model file with dots":       {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "model_files: [../secret.yaml]\n"}, want: "outside the course"},
		"model file is a link out":   {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "model_files: [m.py]\n"}, links: map[string]string{"m.py": "../secret.yaml"}, want: "out of the course"},
		"template file with dots":    {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "template_files: [/../secret.yaml]\n"}, want: "outside the course"},
		"static folder with dots":    {files: map[string]string{"index.yaml": withConfig("e.yaml") + "static_dir: ..\n", "e.yaml": exercise}, want: "outside the course"},
		"static folder is a link":    {files: map[string]string{"index.yaml": withConfig("e.yaml") + "static_dir: s\n", "e.yaml": exercise}, links: map[string]string{"s": ".."}, want: "out of the course"},
		"grader file with dots":      {files: map[string]string{"index.yaml": withConfig("e.yaml") + "configures: [{url: u, files: {a: ../secret.yaml}}]\n", "e.yaml": exercise}, want: "outside the course"},
		"grader mount with dots":     {files: map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": exercise + "container: {mount: ..}\n"}, want: "out of the grader's folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, tt.files)
			for link, target := range tt.links {
				if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			c, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c", DefaultGraderURL: "http://grader.example/"})
			if err != nil || c != nil {
				t.Fatalf("accepted %t, error %v", c != nil, err)
			}
			first := report.Errors[0].String()
			if !strings.Contains(first, tt.want) || strings.Contains(first, filepath.Dir(dir)) {
				t.Errorf("first error is %q", first)
			}
			if strings.Contains(report.Text(dir), "title: secret") {
				t.Errorf("the report shows the neighbour:\n%s", report.Text(dir))
			}
		})
	}
}

// TestLinksInside follows links that stay in the course.
func TestLinksInside(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{"index.yaml": withConfig("sub/e.yaml"), "real/e.yaml": "title: T\nview_type: x\n"})
	if err := os.Symlink("real", filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	c := load(t, dir)
	if diff := cmp.Diff([]string{"index.yaml", "sub/e.yaml"}, c.Files()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPipe does not wait for a writer.
func TestPipe(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{"index.yaml": withConfig("e.yaml")})
	for _, name := range []string{"e.yaml", "apps.meta"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
	if err != nil || report.Accepted() {
		t.Errorf("accepted %t, error %v", report.Accepted(), err)
	}
}

// TestNoFile says what is there where a configuration file should be, and does not
// propose the very name that was written.
func TestNoFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config string
		make   func(path string) error
		want   string
	}{
		"pipe":         {"e.yaml", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "it is a pipe"},
		"link":         {"e.yaml", func(path string) error { return os.Symlink("away.yaml", path) }, "it is a symbolic link that leads to no file"},
		"link to self": {"e.yaml", func(path string) error { return os.Symlink("e.yaml", path) }, "it is a symbolic link that leads to no file"},
		"other ending": {"e.txt", func(path string) error { return os.WriteFile(path, nil, 0o600) }, "ends in .yaml or .json"},
		"short ending": {"e.yml", func(path string) error { return os.WriteFile(path, nil, 0o600) }, "rename the file to e.yaml"},
		"no ending":    {"e", func(path string) error { return os.WriteFile(path, nil, 0o600) }, "ends in .yaml or .json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, map[string]string{"index.yaml": withConfig(tt.config)})
			if err := tt.make(filepath.Join(dir, tt.config)); err != nil {
				t.Fatal(err)
			}
			_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
			if err != nil || len(report.Errors) != 1 {
				t.Fatalf("errors %v, error %v", report.Errors, err)
			}
			if first := report.Errors[0].String(); !strings.Contains(first, tt.want) {
				t.Errorf("the error is %q, want %q in it", first, tt.want)
			}
		})
	}
}

// TestTooLarge refuses a file above the bound.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{"index.yaml": withConfig("e.yaml")})
	writeFile(t, filepath.Join(dir, "e.yaml"), nil)
	if err := os.Truncate(filepath.Join(dir, "e.yaml"), 1<<30); err != nil {
		t.Fatal(err)
	}
	_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"})
	if err != nil || report.Accepted() || !strings.Contains(report.Errors[0].Message, "more than 8388608 bytes") {
		t.Errorf("report %v, error %v", report.Errors, err)
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	_, _, err := courseconfig.Load(t.Context(), filepath.Join(t.TempDir(), "nosuch"), courseconfig.Settings{Key: "c"})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": "title: T\nview_type: x\n"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := courseconfig.Load(ctx, dir, courseconfig.Settings{Key: "c"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestReadMeta(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	tests := map[string]struct {
		file string
		want courseconfig.Meta
	}{
		"empty":             {"", courseconfig.Meta{}},
		"no keys":           {"# nothing\n[section]\n", courseconfig.Meta{}},
		"unknown key":       {"a=b\n", courseconfig.Meta{Given: true}},
		"usual":             {"grader_config = _build/yaml\nbuild_image=x:1\n build_command = make it \nexclude_patterns = _build 'a b'\n", courseconfig.Meta{Given: true, GraderConfig: text("_build/yaml"), BuildImage: text("x:1"), BuildCommand: text("make it"), ExcludePatterns: text("_build 'a b'")}},
		"empty value":       {"build_image =\n", courseconfig.Meta{Given: true, BuildImage: text("")}},
		"second equal sign": {"build_command = a=b\n", courseconfig.Meta{Given: true, BuildCommand: text("a=b")}},
		"last line wins":    {"build_image = a\r\nbuild_image = b\r\n", courseconfig.Meta{Given: true, BuildImage: text("b")}},
		"commented key":     {"#build_image = a\n", courseconfig.Meta{Given: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := courseFolder(t, map[string]string{"apps.meta": tt.file})
			got, problems, err := courseconfig.ReadMeta(dir)
			if err != nil || len(problems) > 0 {
				t.Fatalf("problems %v, error %v", problems, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		got, problems, err := courseconfig.ReadMeta(courseFolder(t, map[string]string{"a": ""}))
		if diff := cmp.Diff(courseconfig.Meta{}, got); diff != "" || len(problems) > 0 || err != nil {
			t.Errorf("problems %v, error %v\n%s", problems, err, diff)
		}
	})
	t.Run("not text", func(t *testing.T) {
		t.Parallel()
		_, problems, err := courseconfig.ReadMeta(courseFolder(t, map[string]string{"apps.meta": "a = \xff\n"}))
		if len(problems) != 1 || err != nil {
			t.Errorf("problems %v, error %v", problems, err)
		}
	})
}

// TestCompiled keeps what requests need through JSON.
func TestCompiled(t *testing.T) {
	t.Parallel()
	dir := courseFolder(t, map[string]string{
		"index.yaml":  "name: {en: N, fi: M}\nlang: [en, fi]\nstatic_dir: s/\nunprotected_paths: [pub]\ncategories: {ex: {name: E}}\nmodules: [{key: m, name: M, children: [{key: e, category: ex, config: conf/e}, {key: f, category: ex, title: F}]}]\n",
		"conf/e.yaml": "title|i18n: {en: E, fi: F, sv: S}\nview_type: x\nmodel_files|i18n: {en: [a/x.py, /b/x.py, y.py], fi: [fi.py]}\ntemplate_files: [t.py]\n",
		"a/x.py":      "", "b/x.py": "", "y.py": "", "fi.py": "", "t.py": "", "s/a.html": "", "other.txt": "",
	})
	c := load(t, dir)
	data, err := c.Compiled()
	if err != nil {
		t.Fatal(err)
	}
	got, err := courseconfig.ReadCompiled(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.StaticDir != "s" || string(got.Name) != `{"en":"N","fi":"M"}` || !slices.Equal(got.UnprotectedPaths, []string{"_downloads", "_images", "_static", "pub"}) {
		t.Errorf("course %+v", got)
	}
	if len(got.Exercises) != 2 || string(got.Exercises[0].Title) != `{"en":"E","fi":"F","sv":"S"}` || string(got.Exercises[1].Title) != `"F"` {
		t.Errorf("exercises %+v", got.Exercises)
	}
	if diff := cmp.Diff([]string{"a/x.py", "b/x.py", "conf/e.yaml", "fi.py", "index.yaml", "t.py", "y.py"}, c.Files()); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	files := map[string]struct {
		list                 courseconfig.FileList
		exercise, name, lang string
		want                 string
	}{
		"first match":             {courseconfig.ModelFiles, "e", "x.py", "en", "a/x.py"},
		"no language":             {courseconfig.ModelFiles, "e", "y.py", "", "y.py"},
		"other language":          {courseconfig.ModelFiles, "e", "fi.py", "fi", "fi.py"},
		"language cut":            {courseconfig.ModelFiles, "e", "fi.py", "fi-FI", "fi.py"},
		"not in this language":    {courseconfig.ModelFiles, "e", "x.py", "fi", ""},
		"unknown language":        {courseconfig.ModelFiles, "e", "x.py", "de", "a/x.py"},
		"language without a list": {courseconfig.ModelFiles, "e", "x.py", "sv", ""},
		"template":                {courseconfig.TemplateFiles, "e", "t.py", "sv", "t.py"},
		"of the other list":       {courseconfig.TemplateFiles, "e", "x.py", "en", ""},
		"exercise without config": {courseconfig.ModelFiles, "f", "x.py", "en", ""},
		"unknown exercise":        {courseconfig.ModelFiles, "g", "x.py", "en", ""},
		"broken language":         {courseconfig.ModelFiles, "e", "y.py", "\xff", "y.py"},
	}
	for name, tt := range files {
		if path, ok := got.File(tt.list, tt.exercise, tt.name, tt.lang); path != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: got %q, %t, want %q", name, path, ok, tt.want)
		}
	}
}

// TestDefaults refuses grader answers that are no objects, and keeps the order
// and form of the others.
func TestDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, courseFolder(t, map[string]string{"index.yaml": withConfig("e.yaml"), "e.yaml": "title: T\nview_type: x\n"}))
	if _, err := c.Document(map[string]json.RawMessage{"e": json.RawMessage(`[1]`)}); err == nil {
		t.Error("a list passes as defaults")
	}
	text, err := c.Document(map[string]json.RawMessage{"e": json.RawMessage(`{"url":"http://ä","n":1e400000,"title":"old"}`), "other": json.RawMessage(`1`)})
	if err == nil {
		t.Errorf("a number that no JSON reader takes passes: %.80s", text)
	}
	text, err = c.Document(map[string]json.RawMessage{"e": json.RawMessage(`{"url":"http://ä","title":"old"}`), "other": json.RawMessage(`1`)})
	if err != nil || !strings.Contains(string(text), `"url": "http://\u00e4", "title": "T"`) {
		t.Errorf("got %s, error %v", text, err)
	}
}
