package pyvalue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"coursewright/internal/courseconfig/pyvalue"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	l := pyvalue.Limits{MaxBytes: 100, MaxDepth: 3, MaxNodes: 10}
	for _, c := range []struct {
		name, text string
		message    string // empty: accepted
	}{
		{"as large as allowed", strings.Repeat("x", 100), ""},
		{"too large", strings.Repeat("x", 101), "101 bytes"},
		{"as deep as allowed", "[[[]]]", ""},
		{"too deep in brackets", "[[[[]]]]", "more than 3 levels"},
		{"too deep by indentation", "a:\n b:\n  c:\n   d: 1\n", "more than 3 levels"},
		{"too deep by an alias", "- &a [[]]\n- [*a]\n", "more than 3 levels"},
		{"alias as deep as allowed", "- &a [[]]\n- *a\n", ""},
		{"as many as allowed", "[1, 2, 3, 4, 5, 6, 7, 8, 9]", ""},
		{"too many", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "more than 10 values"},
		{"too many by aliases", "- &a [1, 2]\n- *a\n- *a\n- 1\n", "more than 10 values"},
		{"too many by aliases of a long text", "- &a " + strings.Repeat("x", 64) + "\n- *a\n", "more than 10 values"},
		{"too many by merges", "- &a {b: 1, c: 2}\n- {<<: *a}\n", "more than 10 values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := pyvalue.ReadYAML("x.yaml", []byte(c.text), l)
			checkLimit(t, err, c.message)
		})
	}
	for text, message := range map[string]string{
		"[[[]]]":                             "",
		"[[[{}]]]":                           "more than 3 levels",
		"[1,2,3,4,5,6,7,8]":                  "",
		`{"a":1,"b":2,"c":3,"d":4,"e":5}`:    "more than 10 values",
		"[" + strings.Repeat(" ", 100) + "]": "102 bytes",
	} {
		_, err := pyvalue.ReadJSON("x.json", []byte(text), l)
		checkLimit(t, err, message)
	}
}

func checkLimit(t *testing.T, err error, message string) {
	t.Helper()
	if message == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var e *pyvalue.SyntaxError
	if !errors.As(err, &e) || !strings.Contains(e.Message, message) {
		t.Errorf("got %v, want %q", err, message)
	}
}

// TestManyLaughs reads documents of less than 2 kB that stand for 2^40 values.
func TestManyLaughs(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"lists":  "- &a%d [*a%d, *a%d]\n",
		"values": "- &a%d {x: *a%d, y: *a%d}\n",
		"keys":   "- &a%d {<<: [*a%d, *a%d]}\n",
		"sets":   "- &a%d !!omap [x: *a%d, y: *a%d]\n",
	} {
		var b strings.Builder
		b.WriteString("- &a0 {x: 1}\n")
		for i := range 40 {
			fmt.Fprintf(&b, line, i+1, i, i)
		}
		if _, err := pyvalue.ReadYAML("x.yaml", []byte(b.String()), pyvalue.DefaultLimits()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestZeroLimits takes the default for a field that is not set.
func TestZeroLimits(t *testing.T) {
	t.Parallel()
	v, err := pyvalue.ReadYAML("x.yaml", []byte("a: [1, {b: 2}]"), pyvalue.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := pyvalue.PyRepr(v); got != "{'a': [1, {'b': 2}]}" {
		t.Error(got)
	}
	if _, err := pyvalue.ReadYAML("x.yaml", []byte(strings.Repeat("[", 1<<20)), pyvalue.Limits{}); err == nil {
		t.Error("a million levels were accepted")
	}
}
