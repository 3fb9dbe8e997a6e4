package courseconfig_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

func (w worst) rst() map[string]string {
	return map[string]string{
		"stars":             w.fill("*a "),
		"double stars":      w.fill("**a "),
		"backquotes":        w.fill("`a "),
		"closed stars":      w.fill("*a* "),
		"bars":              w.fill("|a "),
		"footnotes":         w.fill("[1]_ "),
		"references":        w.countUp("a%d_ "),
		"targets":           w.countUp(".. _a%d: http://x\n"),
		"targets of a text": w.countUp(".. _a%d:\n") + "\ntext\n",
		"many classes":      ".. class:: " + w.countUp("a%d ") + "\n\ntext\n",
		"anonymous":         w.fill("`a`__ "),
		"links":             w.fill("http://a.b "),
		"brackets":          w.fill("`<"),
		"deep quotes":       deepLines(1400, "x\n\n"),
		"deep lists":        deepLines(1000, "- x\n\n"),
		"titles":            w.countUp("a%d\n=======\n"),
		"same titles":       w.fill("a\n=\n"),
		"long title":        strings.Repeat("*a* ", int(w)/8) + "\n" + strings.Repeat("=", int(w)/2) + "\n",
		"long term":         w.fill("*a* ") + "\n  b\n",
		"long option":       strings.Repeat("-a ", 1) + w.fill("<b> ") + "  c\n",
		"long substitution": ".. |a| replace:: " + w.fill("*a* ") + "\n\n|a| |a| |a|\n",
		"long underline":    "a\n" + w.fill("="),
		"definition lists":  w.fill("a\n b\n"),
		"field lists":       w.fill(":a: b\n"),
		"option lists":      w.fill("-a  b\n"),
		"enumerated":        w.fill("1. a\n"),
		"line blocks":       w.fill("| a\n"),
		"grid tables":       w.fill("+-+-+\n|a|b|\n"),
		"wide grid":         gridTable(300),
		"simple tables":     w.fill("= =\na b\n= =\n\n"),
		"wide simple table": strings.Repeat("= ", 5000) + "\n" + strings.Repeat("a ", 5000) + "\n" + strings.Repeat("= ", 5000) + "\n",
		"directives":        w.fill(".. note:: a\n\n"),
		"unknown":           w.fill(".. foo:: a\n\n"),
		"substitutions":     w.countUp(".. |a%d| replace:: x\n") + w.fill("|a1| "),
		"growing replaces":  growingReplaces(40),
		"raw":               ".. raw:: html\n\n" + w.fill("  <b>\n"),
		"code":              ".. code-block:: python\n\n" + w.fill("  if x: 'a\n"),
		"quoted code":       ".. code-block:: python\n\n" + w.fill("  '''\n"),
		"math":              ".. math::\n\n" + w.fill("  {a\n"),
		"comments":          w.fill("..\n a\n"),
		"escapes":           w.fill(`\*`),
		"literal":           "::\n\n" + w.fill(" x\n"),
		"roles":             w.fill(":a:`b` "),
		"colons":            w.fill(":a"),
		"underscores":       w.fill("_"),
		"words":             w.fill("a_b__c "),
		"lines":             w.fill("a\n\n"),
		"noise":             w.noise(),
	}
}

func deepLines(levels int, line string) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + line)
	}
	return b.String()
}

func gridTable(n int) string {
	rule := strings.Repeat("+-", n) + "+\n"
	return rule + strings.Repeat(strings.Repeat("|a", n)+"|\n"+rule, n)
}

func growingReplaces(n int) string {
	var b strings.Builder
	b.WriteString(".. |a0| replace:: x\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, ".. |a%d| replace:: |a%d| |a%d|\n", i, i-1, i-1)
	}
	fmt.Fprintf(&b, "\n|a%d|\n", n-1)
	return b.String()
}

func (w worst) noise() string {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	const marks = "*`_|[]:.-+= \n\n  abc\\<>#"
	b := make([]byte, int(w)/4)
	for i := range b {
		b[i] = marks[r.IntN(len(marks))]
	}
	return string(b)
}

func languageList(n int) []string {
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, fmt.Sprintf("l%d: a", i))
	}
	return out
}
