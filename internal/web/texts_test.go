package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"coursewright/internal/web/message"
)

// Every text of the pages has a Finnish one, with the same verbs, and no other
// text has.
func TestTextsAreTranslated(t *testing.T) {
	t.Parallel()
	catalogue, err := message.Load()
	must(t, err)
	finnish := catalogue.Printer(message.Finnish)
	used := usedTexts(t)
	for text := range used {
		translated, ok := finnish.Find(text)
		if !ok {
			t.Errorf("no Finnish for %q", text)
		}
		if verbs(text) != verbs(translated) {
			t.Errorf("%q has the verbs %q, its translation %q", text, verbs(text), verbs(translated))
		}
	}
	foreign := fieldTexts(t)
	for _, text := range catalogue.Known() {
		if !used[text] && !foreign[text] {
			t.Errorf("nothing says %q", text)
		}
	}
	for text := range foreign {
		if _, ok := finnish.Find(text); !ok {
			t.Errorf("no Finnish for %q, which the check of a course says", text)
		}
	}
}

// verbs are the verbs of a format, in order.
func verbs(text string) string {
	var out strings.Builder
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' {
			out.WriteByte(text[i+1])
			i++
		}
	}
	return out.String()
}

// usedTexts are the texts that templates and program say.
func usedTexts(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	names, err := filepath.Glob("templates/*.html")
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		tree := parse.New(name)
		tree.Mode = parse.SkipFuncCheck
		trees := map[string]*parse.Tree{}
		_, err = tree.Parse(string(text), "", "", trees)
		must(t, err)
		for _, one := range trees {
			walk(one.Root, out)
		}
	}
	must(t, fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		maps.Copy(out, literals(t, name, func(call *ast.CallExpr) []ast.Expr {
			switch calledName(call) {
			case "T":
				return call.Args[:1]
			case "N":
				return call.Args[1:]
			case "key":
				return call.Args
			}
			return nil
		}))
		return nil
	}))
	return out
}

// fieldTexts are what the check of a course's fields says, in another package:
// all its sentences.
func fieldTexts(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../course/validate.go", nil, 0)
	must(t, err)
	out := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			must(t, err)
			if len(text) > 1 && text[0] >= 'A' && text[0] <= 'Z' && strings.HasSuffix(text, ".") {
				out[text] = true
			}
		}
		return true
	})
	return out
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// literals are the texts among the arguments that pick chooses of each call.
func literals(t *testing.T, name string, pick func(*ast.CallExpr) []ast.Expr) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	must(t, err)
	out := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		for _, arg := range pick(call) {
			if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				must(t, err)
				out[text] = true
			}
		}
		return true
	})
	return out
}

// walk finds the calls of t and n in a template.
func walk(node parse.Node, out map[string]bool) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, one := range n.Nodes {
				walk(one, out)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, out)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, out)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, out)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, out)
	case *parse.TemplateNode:
		walk(n.Pipe, out)
	case *parse.PipeNode:
		if n != nil {
			for _, cmd := range n.Cmds {
				walk(cmd, out)
			}
		}
	case *parse.CommandNode:
		walkCommand(n, out)
	}
}

func walkBranch(n *parse.BranchNode, out map[string]bool) {
	walk(n.Pipe, out)
	walk(n.List, out)
	walk(n.ElseList, out)
}

func walkCommand(n *parse.CommandNode, out map[string]bool) {
	name, ok := n.Args[0].(*parse.IdentifierNode)
	for i, arg := range n.Args {
		if text, isText := arg.(*parse.StringNode); isText && ok && (name.Ident == "t" && i == 1 || name.Ident == "n" && i >= 2) {
			out[text.Text] = true
		}
		walk(arg, out)
	}
}
