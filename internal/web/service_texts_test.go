package web_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"coursewright/internal/courseconfig"
	"coursewright/internal/web/message"
)

// Every diagnostic of the courses that gitmanager refuses has a Finnish text, and
// so has what to do about it.
func TestDiagnosticsAreTranslated(t *testing.T) {
	t.Parallel()
	catalogue, err := message.Load()
	must(t, err)
	finnish := catalogue.Printer(message.Finnish)
	names, err := filepath.Glob("../courseconfig/testdata/oracle/*.txtar")
	must(t, err)
	said := 0
	for _, name := range names {
		_, report, err := courseconfig.Load(t.Context(), unpacked(t, name), courseconfig.Settings{Key: "k"})
		must(t, err)
		for _, d := range slices.Concat(report.Errors, report.Warnings) {
			for _, text := range []string{d.Message, d.Hint, d.Remedy(), d.String()} {
				if text == "" {
					continue
				}
				said++
				if parts := finnish.Say(text); len(parts) != 1 || parts[0].Foreign {
					t.Errorf("%s: no Finnish for %q", filepath.Base(name), text)
				}
			}
		}
	}
	if said < 500 {
		t.Errorf("only %d texts were said", said)
	}
}

// unpacked is a folder with a course of package courseconfig's test data.
func unpacked(t *testing.T, archive string) string {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	must(t, err)
	dir := t.TempDir()
	for _, f := range a.Files {
		path, ok := strings.CutPrefix(f.Name, "input/")
		if !ok {
			continue
		}
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o750))
		must(t, os.WriteFile(filepath.Join(dir, path), f.Data, 0o600))
	}
	return dir
}

// saying tells which calls say something to teachers, by the name of the function:
// the numbers of the arguments that do.
var saying = map[string][]int{
	"Authorf": {0},
	"fail":    {1, 2, 3}, // of readers and checkers of courses
	"warn":    {2, 3},
	"over":    {2},
	"add":     {1, 2}, // of what cannot be published
	"refuse":  {0},
}

// sayingFields are the fields that do so, of whichever type.
var sayingFields = map[string]bool{"Message": true, "Hint": true, "message": true, "detail": true}

// sayingFolders are the packages whose texts reach the pages.
var sayingFolders = []string{
	"../courseconfig", "../courseconfig/pyvalue", "../courseconfig/djtemplate", "../gitrepo", "../build", "../build/docker",
	"../release", "../grader", "../webhook", "../coursediff", "../../activities",
}

// Every text with which a package of the domain refuses something is translated:
// who changes one changes its translation.
func TestRefusalsAreTranslated(t *testing.T) {
	t.Parallel()
	catalogue, err := message.Load()
	must(t, err)
	finnish := catalogue.Printer(message.Finnish)
	texts := map[string]string{}
	for _, folder := range sayingFolders {
		files, err := filepath.Glob(folder + "/*.go")
		must(t, err)
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				refusals(t, name, texts)
			}
		}
	}
	for text, place := range texts {
		if onlyArguments(text) || composed[text] {
			continue
		}
		// Whatever an argument is, this may stand for it.
		const argument = "a text"
		for _, part := range finnish.Say(strings.ReplaceAll(text, "%s", argument)) {
			if part.Foreign && part.Text != argument {
				t.Errorf("%s: no Finnish for %q", place, text)
			}
		}
	}
	if len(texts) < 300 {
		t.Errorf("only %d texts were found", len(texts))
	}
}

// composed are formats that put several texts together; the whole ones are
// translated, and diagnostics and other tests meet them.
var composed = map[string]bool{
	"%s, so A+ leaves the object out%s":                 true,
	"%s not shown":                                      true,
	"%s%s Git said: %s":                                 true,
	"the course configuration has %s, the first is: %s": true,
}

// onlyArguments says whether a format has no words.
func onlyArguments(text string) bool {
	return !regexp.MustCompile(`[A-Za-z]{2}`).MatchString(strings.ReplaceAll(text, "%s", ""))
}

// refusals adds what a file says, as formats with %s, and where.
func refusals(t *testing.T, name string, out map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, 0)
	must(t, err)
	add := func(e ast.Expr) {
		if text, ok := format(e); ok {
			out[text] = name + ":" + strconv.Itoa(files.Position(e.Pos()).Line)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, i := range saying[calledName(n)] {
				if i < len(n.Args) {
					add(n.Args[i])
				}
			}
		case *ast.KeyValueExpr:
			if field, ok := n.Key.(*ast.Ident); ok && sayingFields[field.Name] {
				add(n.Value)
			}
		}
		return true
	})
}

// verbsOfFmt are the verbs of package fmt, with their flags.
var verbsOfFmt = regexp.MustCompile(`%[-+#0*.\[\]\d]*[sdqvwcX]`)

// plain puts %s for every verb.
func plain(text string) string {
	return strings.ReplaceAll(verbsOfFmt.ReplaceAllString(strings.ReplaceAll(text, "%%", "\x00"), "%s"), "\x00", "%")
}

// format is what an expression says, with %s for what is only known later; ok is
// false where it has no words of its own.
func format(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "%s", false
		}
		return plain(constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0))), true
	case *ast.BinaryExpr:
		left, first := format(e.X)
		right, second := format(e.Y)
		return left + right, first || second
	case *ast.CallExpr:
		if name := calledName(e); (name == "Sprintf" || name == "Errorf") && len(e.Args) > 0 {
			return format(e.Args[0])
		}
	}
	return "%s", false
}
