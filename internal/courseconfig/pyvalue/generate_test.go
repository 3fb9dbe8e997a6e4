package pyvalue_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes documents that are hard to read, the same ones for the same
// seed.
type generator struct{ *rand.Rand }

func (g generator) pick(from []string) string { return from[g.IntN(len(from))] }

// pieces are what YAML gives a meaning to, and texts that look alike.
var pieces = []string{
	"a", "b", "key", "x y", "ä", "😀", "0", "1", "12", "-1", "1.5", "1e3", "yes", "No", "null", "~", "true",
	"2024-01-01", "2024-02-30", "12:30", "0x1F", "017", "=", "<<", ".inf", ".nan",
	":", ": ", ":  ", "- ", "-", "? ", "?", ", ", ",", "[", "]", "{", "}", "[]", "{}", "#", " #c", " ", "  ", "    ",
	"\n", "\n", "\n", "\n ", "\n  ", "\n    ", "\n- ", "\n  - ", "\n\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029", "\ufeff",
	"\t", "'", "\"", "''", "'a'", "\"b\"", "\"\\n\"", "\\", "\\\n", "\"\\u00e4\\x41\"", "\"\\ud83d\"", "\\q",
	"|", ">", "|\n", ">\n", "|-\n", "|+\n  ", ">2\n", "|1-\n ", ">-\n  ", "|\n  a\n   b\n\n  c\n",
	"&a ", "&b ", "&a", "*a", "*b", "*a ", "*a : ", "!", "! ", "!!", "!!str ", "!!int ", "!!float ", "!!null ", "!!bool ",
	"!!set ", "!!omap ", "!!pairs ", "!!seq ", "!!map ", "!!binary ", "!!timestamp ", "!foo ", "!e!x ", "!<tag:yaml.org,2002:str> ",
	"!!merge ", "!!value ", "<<: ", "<<: *a", "=: ", "!!str {=: x}", "!<!> ", "!<x%20y> ", "!a%41 ",
	"---", "--- ", "---\n", "\n---\n", "...", "\n...\n", "%YAML 1.1\n", "%YAML 1.2\n---\n", "%TAG !e! tag:yaml.org,2002:\n---\n", "%", "%x",
	"@", "`", "key: value\n", "a: b\n", "a: [b, c]\n", "a: {b: c}\n", "- a\n", "a:\n  b: c\n", "a:\n- b\n", "\"k\": v\n", "\x00", "\x07", "\x7f", "\xff", "\xa0",
}

// soup strings pieces together.
func (g generator) soup() string {
	var b strings.Builder
	for range 1 + g.IntN(9) {
		b.WriteString(g.pick(pieces))
	}
	return b.String()
}

// scalarParts make up what may be a number or a date.
var scalarParts = []string{
	"0", "1", "2", "5", "9", "10", "59", "60", "2024", "1999", "0001", "-", "-", "+", "_", ".", ":", ":", "e", "E", "e+", "E-",
	"x", "b", "o", "0x", "0b", "0o", "f", "T", "t", " ", "Z", "z", "01", "12", "30", "31", "00", ".5", "inf", "nan", "Inf", "NaN",
	"yes", "On", "null", "٣", "５", "/", "=", "A", "\n", "\t",
}

var scalarTags = []string{
	"", "", "", "", "", "! ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!timestamp ", "!!str ", "!!binary ",
}

// scalar makes a text near the borders between the types.
func (g generator) scalar() string {
	var b strings.Builder
	if g.IntN(3) == 0 {
		fmt.Fprintf(&b, "%04d-%d-%02d", g.IntN(2100), g.IntN(14), g.IntN(33))
		if g.IntN(3) > 0 {
			fmt.Fprintf(&b, "%s%d:%02d:%02d", g.pick([]string{"T", "t", " ", "  "}), g.IntN(25), g.IntN(61), g.IntN(61))
			b.WriteString(g.pick([]string{"", "", ".", ".5", ".123456789", ".0004"}))
			b.WriteString(g.pick([]string{"", "", "Z", " Z", "z", "+2", "-05:30", " +0", "-00:00", "+23:59", "+24:00", "+02:99", " +0300"}))
		}
	}
	if b.Len() == 0 || g.IntN(8) == 0 {
		for range 1 + g.IntN(5) {
			b.WriteString(g.pick(scalarParts))
		}
	}
	text := b.String()
	switch g.IntN(6) {
	case 0:
		text = `"` + text + `"`
	case 1:
		text = "{" + text + ": 1, 1: 2, yes: 3}"
	}
	return g.pick([]string{"", "a: ", "- ", "["}) + g.pick(scalarTags) + text
}

var words = []string{
	"a", "name", "b c", "1", "yes", "x: y", "text, more", "'q: 1'", "\"d\\tq\"", "2024-01-01", "3.5", "~", "", "it's", "a#b", "a #b", "http://x/y?z",
	"- x", "*a", "*b", "&c v", "!!str 1", "[a, b: c, {d: e}]", "{a: 1, 'b': [2], c, \"d\":3}", "{{ x }}", "[a,\n b]", "|\n      lit\n       x\n", ">\n      fold\n      y\n\n      z\n",
	"multi\n      line", "'multi\n\n      line'", "<<", "=",
}

// tree makes a document in block style, mostly right.
func (g generator) tree(indent, depth int) string {
	pad := strings.Repeat(" ", indent)
	list := g.IntN(3) == 0
	var b strings.Builder
	for range 1 + g.IntN(3) {
		lead := pad + g.pick([]string{"a", "b", "c", "name", "1", "yes", "'q'", "\"d\"", "<<", "? k\n" + pad}) + ":"
		if list {
			lead = pad + "-"
		}
		b.WriteString(lead)
		if g.IntN(6) == 0 {
			b.WriteString(g.pick([]string{" &a", " &b", " !!map", " !!seq", " !!set", " !!omap", " # note"}))
		}
		if depth > 0 && g.IntN(2) == 0 {
			b.WriteString("\n" + g.tree(indent+g.IntN(4), depth-1))
		} else {
			b.WriteString(" " + g.pick(words) + "\n")
		}
	}
	return b.String()
}

// mutate changes a document at a few places.
func (g generator) mutate(text string) string {
	for range g.IntN(3) {
		from := g.IntN(len(text) + 1)
		to := min(len(text), from+g.IntN(4))
		text = text[:from] + g.pick(append([]string{""}, pieces...)) + text[to:]
	}
	return text
}

// yaml makes one document of any sort.
func (g generator) yaml() string {
	switch g.IntN(4) {
	case 0:
		return g.soup()
	case 1:
		return g.scalar()
	default:
		return g.mutate(g.tree(0, 3))
	}
}

var jsonPieces = []string{
	"{", "}", "[", "]", ",", ":", " ", "\n", "\t", "\r", "\f", "null", "true", "false", "NaN", "Infinity", "-Infinity", "-", "+", ".", "e5", "E-3", "0", "01",
	"-0", "-0.0", "1", "1.5", "1e400", "12345678901234567890", "1.", ".5", "1e5", `"a"`, `"`, `"a": 1`, `"a": `, `"\u00e4"`, `"\ud83d\ude00"`, `"\ud83d"`,
	`"\ud83d\u0041"`, `"\ud83d\uZ"`, `"\x"`, `"\/\b\f\n\r\t\\"`, "\"\x01\"", "\"\x7f\"", `"ä😀"`, "\ufeff", "\xff", "\x00", "'a'", "//", `{"b": 1, "a": 2, "b": 3}`, `[1, "x", {}]`,
}

// json makes one JSON document, often a broken one.
func (g generator) json() string {
	var b strings.Builder
	if g.IntN(2) == 0 {
		for range 1 + g.IntN(6) {
			b.WriteString(g.pick(jsonPieces))
		}
		return b.String()
	}
	g.jsonValue(&b, 3)
	text := b.String()
	if g.IntN(2) == 0 {
		at := g.IntN(len(text) + 1)
		text = text[:at] + g.pick(jsonPieces) + text[at:]
	}
	return text
}

func (g generator) jsonValue(b *strings.Builder, depth int) {
	kind := g.IntN(4)
	if depth == 0 || kind == 0 {
		b.WriteString(g.pick([]string{"1", "-2.50", "1E+2", `"a"`, `"\u0041\n"`, "null", "true", "NaN", `""`, "1e16", "1e-5", "123456789.123"}))
		return
	}
	open, end := "[", "]"
	if kind == 1 {
		open, end = "{", "}"
	}
	b.WriteString(open)
	for i := range g.IntN(4) {
		if i > 0 {
			b.WriteString(", ")
		}
		if kind == 1 {
			b.WriteString(g.pick([]string{`"a": `, `"b" :`, `"":`, `"c":`}))
		}
		g.jsonValue(b, depth-1)
	}
	b.WriteString(end)
}
