package courseconfig_test

import (
	"fmt"
	"strings"
)

const (
	worstIndex = "name: C\ncategories: {ex: {name: E}}\nmodules:\n- {key: m, name: M, children: [{key: e, category: ex, config: e.yaml}]}\n"
	worstForm  = "title: T\nview_type: access.types.stdsync.createForm\n"
)

// yaml are texts that make a reader of YAML work hard. Each is read as an
// index, as an exercise and as an included file.
func (w worst) yaml() map[string]string {
	return map[string]string{
		"deep brackets":       w.fill("["),
		"deep braces":         w.fill("{a: "),
		"deep open brackets":  w.fill("[a, "),
		"deep dashes":         w.fill("- "),
		"deep question marks": w.fill("? "),
		"deep indentation":    strings.Repeat("\n", 10) + deepIndentation(1400),
		"anchors":             w.countUp("- &a%d x\n"),
		"aliases":             "- &a x\n" + w.fill("- *a\n"),
		"aliases of lists":    "- &a [" + strings.Repeat("x, ", 100) + "]\n" + w.fill("- *a\n"),
		"merge chain":         "- &a0 {x: 1}\n" + w.countUp("- &b%d {<<: *a0, y: 1}\n"),
		"growing merges":      growingMerges(600),
		"merge lists":         "- &a {" + strings.ReplaceAll(strings.Repeat("k", 30), "k", "k: 1, ") + "}\n" + w.fill("- {<<: [*a, *a, *a, *a]}\n"),
		"long plain text":     "a: " + w.fill("x"),
		"long folded text":    "a: " + w.fill("x\n "),
		"long quoted text":    `a: "` + w.fill(`\u00e4`) + `"`,
		"long single quotes":  "a: '" + w.fill("''") + "'",
		"open quote":          `a: "` + w.fill("x "),
		"open quotes":         w.fill("\" x\n"),
		"blank lines":         "a: b" + w.fill("\n"),
		"blank quoted lines":  `a: "b` + w.fill("\n") + `"`,
		"block text":          "a: |\n" + w.fill(" x\n"),
		"block of blanks":     "a: |\n" + w.fill(" \n"),
		"folded block":        "a: >\n" + w.fill(" x\n\n"),
		"many blocks":         w.countUp("a%d: |\n x\n"),
		"long key":            w.fill("k") + ": 1\n",
		"long keys":           strings.Repeat(strings.Repeat("k", 1000)+": 1\n", 1000),
		"same long key":       strings.Repeat("? "+strings.Repeat("k", 2000)+"\n: 1\n", 500),
		"long wide line":      w.fill("a b "),
		"colons":              "a: " + w.fill(":"),
		"documents":           w.fill("---\n"),
		"small values":        "[" + w.fill("1,") + "]",
		"small lists":         "[" + w.fill("[],") + "]",
		"small maps":          "[" + w.fill("{},") + "]",
		"empty values":        w.countUp("%d:\n"),
		"flow pairs":          "[" + w.fill("a: b, ") + "]",
		"keys that are keys":  "{" + w.fill("? a : b, ") + "}",
		"long number":         "a: " + w.fill("7"),
		"long hexadecimal":    "a: 0x" + w.fill("f"),
		"long octal":          "a: 0" + w.fill("7"),
		"long binary":         "a: 0b" + w.fill("1"),
		"long underscores":    "a: 1" + w.fill("_"),
		"base 60":             "a: 1" + w.fill(":59"),
		"base 60 floats":      "a: 1" + w.fill(":59") + ".5",
		"long float":          "a: 1." + w.fill("7"),
		"long exponent":       "a: 1e+" + w.fill("7"),
		"many hexadecimals":   "[" + strings.Repeat("0x"+strings.Repeat("f", 10_000)+",", 100) + "]",
		"hexadecimal keys":    "{" + strings.Repeat("0x"+strings.Repeat("f", 10_000)+": 1,", 100) + "}",
		"timestamps":          "[" + w.fill("2024-01-01 12:00:00.5 +02:00,") + "]",
		"long timestamp":      "a: 2024-01-01 12:00:00." + w.fill("1"),
		"date with blanks":    "a: 2024-01-01" + w.fill(" ") + "x",
		"binary data":         "a: !!binary " + w.fill("QUJD"),
		"sets":                "a: !!set {" + w.countUp("k%d, ") + "}",
		"ordered":             "a: !!omap [" + w.countUp("k%d: 1, ") + "]",
		"tags":                "[" + w.fill("!!str a,") + "]",
		"long tag":            "a: !" + w.fill("t"),
		"long tags":           "a: !<" + w.fill("%41") + "> b",
		"tag handles":         w.countUp("%%TAG !t%d! x\n") + "---\na",
		"comments":            w.fill("# x\n") + "a: b",
		"comment":             "# " + w.fill("x") + "\na: b",
		"control character":   w.fill("a: b\n") + "\x01",
		"not UTF-8":           w.fill("ä") + "\xff",
		"tab":                 w.fill("a: b\n") + "\tx",
		"missing spaces":      w.fill("a:b\n"),
		"broken last line":    w.countUp("a%d: b\n") + "broken",
		"colliding keys":      w.countUp("k%d: 1\n") + w.countUp("k%d: 2\n"),
		"mixed keys":          w.countUp("%d: 1\n1.%[1]d: 1\n"),
		"text keys with bars": w.countUp("k%d|i18n: {en: a}\n"),
		"byte order marks":    "a: " + w.fill("\ufeff"),
		"separators":          "a: 'x" + w.fill("\u2028") + "'",
		"wide characters":     "a: " + w.fill("\U0001F600"),
	}
}

func deepIndentation(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func growingMerges(n int) string {
	var b strings.Builder
	b.WriteString("- &a0 {k0: 1}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "- &a%d {<<: *a%d, k%d: 1}\n", i, i-1, i)
	}
	return b.String()
}
