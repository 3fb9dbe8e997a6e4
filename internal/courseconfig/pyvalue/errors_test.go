package pyvalue_test

import (
	"errors"
	"strings"
	"testing"

	"coursewright/internal/courseconfig/pyvalue"
)

// reader is ReadYAML or ReadJSON.
type reader func(name string, data []byte, l pyvalue.Limits) (*pyvalue.Value, error)

// errorCase is a document with a mistake, where it is, and what must be in the
// message.
type errorCase struct {
	name, text   string
	line, column int
	message      string
}

// TestYAMLErrors pins what teachers read for common mistakes: the place, and a
// word that must be in the message.
func TestYAMLErrors(t *testing.T) {
	t.Parallel()
	checkErrors(t, pyvalue.ReadYAML, []errorCase{
		{"tab as indentation", "name:\n\tlang: en\n", 2, 1, "tab is used for indentation"},
		{"tab behind a value", "name: x\t\n", 1, 8, "tab stands where"},
		{"missing space in the first line", "name:x\nlang: en\n", 1, 5, "space is missing behind this ':'"},
		{"missing space further down", "name: x\nlang:en\nkey: v\n", 2, 5, "space is missing behind this ':'"},
		{"missing space in an inner mapping", "a:\n  b:1\n  c: 2\n", 2, 4, "space is missing behind this ':'"},
		{"address is not taken for a missing space", "a: b\nhttp://x\nc: d\n", 2, 1, "must be a key"},
		{"line without colon", "a: b\nfoo\nc: d\n", 2, 1, "must be a key"},
		{"second colon", "name: Intro: part 1\n", 1, 12, "second ':'"},
		{"too much indentation", "a: b\n  c: d\n", 2, 4, "':' cannot stand here"},
		{"indentation in between", "a:\n   b: 1\n  c: 2\n", 3, 3, "column 3, the mapping around it (line 1) in column 1"},
		{"list in a mapping", "a: 1\n- b\n", 2, 1, "list item (-) inside the mapping"},
		{"list behind a key", "a: - b\n", 1, 4, "list item cannot start here"},
		{"bracket never closed", "a: [1,\n", 1, 4, `bracket "[" that opens here is never closed`},
		{"comma missing", "a: [1\nb: 3\n", 2, 2, `closes "[" of line 1, column 4`},
		{"bracket too many", "a: [1]]", 1, 7, `"]" closes nothing`},
		{"template without quotes", "title: {{ x }}\n", 1, 9, "mapping cannot be the key"},
		{"emphasis", "a: *bold* text\n", 1, 4, "starts the name of an anchor"},
		{"undefined alias", "a: *bold\n", 1, 4, "*bold has no anchor &bold"},
		{"duplicate anchor", "a: &x 1\nb: &x 2\n", 2, 4, "&x is already used in line 1"},
		{"value in itself", "a: &x\n  b: *x\n", 2, 6, "stands inside its own anchor of line 1"},
		{"unknown tag", "a: !important\n", 1, 4, `unknown tag "!important"`},
		{"apostrophe", "a: 'it's'\n", 1, 8, "behind a value that has already ended"},
		{"single quote not closed", "a: b\nc: 'x\nd: y\n", 2, 4, "quote ' that opens here is never closed"},
		{"double quote not closed", "a: b\nc: \"x\\n\nd: y\n", 2, 4, `quote " that opens here is never closed`},
		{"quote not closed before a document marker", "a: \"b\n---\nc", 1, 4, "not closed before the document marker in line 2"},
		{"Windows path", `a: "C:\path"`, 1, 7, `backslash before "p"`},
		{"broken escape", `a: "\xZZ"`, 1, 5, `\x needs 2 hexadecimal digits`},
		{"escape above Unicode", `a: "\U00110000"`, 1, 5, "above the last character"},
		{"impossible date", "a: 2024-02-30\n", 1, 4, `date "2024-02-30" does not exist`},
		{"impossible time", "a: 2024-02-01 24:00:00\n", 1, 4, "time of"},
		{"impossible zone", "a: 2024-02-01 12:00:00 +24\n", 1, 4, "time zone"},
		{"at sign", "a: @x\n", 1, 4, `cannot start with "@"`},
		{"percent sign", "%x\na: b\n", 1, 1, "lines that start with %"},
		{"second document", "a: 1\n---\nb: 2\n", 2, 1, "second document"},
		{"text behind |", "a: |x\n", 1, 5, "starts on the next line"},
		{"list as key", "? [a]\n: b\n", 1, 3, "list cannot be the key"},
		{"merge of a text", "<<: 5\n", 1, 5, "not a single value"},
		{"lone =", "a: =\n", 1, 4, "lone ="},
		{"control character", "a: b\nc: ä\x07\n", 2, 5, "U+0007"},
		{"not UTF-8", "a: ä\xff\n", 1, 5, "byte 0xFF"},
		{"key longer than 1024", "a: 1\n" + strings.Repeat("k", 1025) + ": 2\n", 2, 1, "no ':' within 1024"},
		{"columns count characters", "a: [\"äö😀\" x]\n", 1, 11, `found the text "x"`},
		{"what users wrote is escaped", "a: [\"b\" \u202eevil]\n", 1, 9, `"\u202eevil"`},
	})
}

func checkSyntaxError(t *testing.T, err error, at pyvalue.Pos, message string) {
	t.Helper()
	var e *pyvalue.SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a SyntaxError", err)
	}
	if e.File != "dir/index.yaml" || e.Pos != at {
		t.Errorf("got place %s %+v, want %+v", e.File, e.Pos, at)
	}
	if !strings.Contains(e.Message, message) {
		t.Errorf("got %q, want %q in it", e.Message, message)
	}
	if strings.ContainsAny(err.Error(), "\n\t\x07") {
		t.Errorf("control characters in %q", err.Error())
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	checkErrors(t, pyvalue.ReadJSON, []errorCase{
		{"comma at the end", "{\"a\": 1,\n}", 2, 1, "key in double quotes is expected"},
		{"comma missing", "{\"a\": 1\n \"b\": 2}", 2, 2, "comma or \"}\" is expected"},
		{"bracket never closed", "{\"a\": [1,\n2", 1, 7, "never closed"},
		{"single quotes", "{'a': 1}", 1, 2, "key in double quotes"},
		{"line break in a text", "[\"ä\nb\"]", 1, 4, "end of the line cannot stand"},
		{"unknown escape", `["\q"]`, 1, 3, "backslash"},
		{"short code", `["\u12"]`, 1, 7, "four hexadecimal digits"},
		{"leading zero", "[01]", 1, 3, "comma"},
		{"something behind the end", "{}\n}", 2, 1, "ended before"},
		{"empty file", "", 1, 1, "end of the file"},
		{"lone minus", "[-]", 1, 2, "digits must follow"},
		{"byte order mark", "\ufeff{}", 1, 1, "byte order mark"},
		{"not UTF-8", "[\"ä\xff\"]", 1, 4, "byte 0xFF"},
		{"quote never closed", "[\"abc]", 1, 2, "never closed"},
		{"too many digits", "[" + strings.Repeat("1", 4301) + "]", 1, 2, "4300"},
	})
}

func checkErrors(t *testing.T, read reader, cases []errorCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := read("dir/index.yaml", []byte(c.text), pyvalue.DefaultLimits())
			checkSyntaxError(t, err, pyvalue.Pos{Line: c.line, Column: c.column}, c.message)
		})
	}
}
