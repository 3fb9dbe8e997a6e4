package courseconfig_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"coursewright/internal/courseconfig"
)

// worstSize is the size of a worst input in bytes, about. Small enough for the
// tests to stay fast, and large enough for quadratic work to show.
const worstSize = 100_000

// fill repeats a piece up to worstSize.
func fill(piece string) string { return strings.Repeat(piece, worstSize/len(piece)) }

// count writes numbered pieces up to worstSize; format has one verb for the
// number.
func countUp(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < worstSize; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

const (
	worstIndex = "name: C\ncategories: {ex: {name: E}}\nmodules:\n- {key: m, name: M, children: [{key: e, category: ex, config: e.yaml}]}\n"
	worstForm  = "title: T\nview_type: access.types.stdsync.createForm\n"
)

// worstYAML are texts that make a reader of YAML work hard. Each is read as an
// index, as an exercise and as an included file.
func worstYAML() map[string]string {
	return map[string]string{
		"deep brackets":       fill("["),
		"deep braces":         fill("{a: "),
		"deep open brackets":  fill("[a, "),
		"deep dashes":         fill("- "),
		"deep question marks": fill("? "),
		"deep indentation":    strings.Repeat("\n", 10) + deepIndentation(1400),
		"anchors":             countUp("- &a%d x\n"),
		"aliases":             "- &a x\n" + fill("- *a\n"),
		"aliases of lists":    "- &a [" + strings.Repeat("x, ", 100) + "]\n" + fill("- *a\n"),
		"merge chain":         "- &a0 {x: 1}\n" + countUp("- &b%d {<<: *a0, y: 1}\n"),
		"growing merges":      growingMerges(600),
		"merge lists":         "- &a {" + strings.ReplaceAll(strings.Repeat("k", 30), "k", "k: 1, ") + "}\n" + fill("- {<<: [*a, *a, *a, *a]}\n"),
		"long plain text":     "a: " + fill("x"),
		"long folded text":    "a: " + fill("x\n "),
		"long quoted text":    `a: "` + fill(`\u00e4`) + `"`,
		"long single quotes":  "a: '" + fill("''") + "'",
		"open quote":          `a: "` + fill("x "),
		"open quotes":         fill("\" x\n"),
		"blank lines":         "a: b" + fill("\n"),
		"blank quoted lines":  `a: "b` + fill("\n") + `"`,
		"block text":          "a: |\n" + fill(" x\n"),
		"block of blanks":     "a: |\n" + fill(" \n"),
		"folded block":        "a: >\n" + fill(" x\n\n"),
		"many blocks":         countUp("a%d: |\n x\n"),
		"long key":            fill("k") + ": 1\n",
		"long keys":           strings.Repeat(strings.Repeat("k", 1000)+": 1\n", 1000),
		"same long key":       strings.Repeat("? "+strings.Repeat("k", 2000)+"\n: 1\n", 500),
		"long wide line":      fill("a b "),
		"colons":              "a: " + fill(":"),
		"documents":           fill("---\n"),
		"small values":        "[" + fill("1,") + "]",
		"small lists":         "[" + fill("[],") + "]",
		"small maps":          "[" + fill("{},") + "]",
		"empty values":        countUp("%d:\n"),
		"flow pairs":          "[" + fill("a: b, ") + "]",
		"keys that are keys":  "{" + fill("? a : b, ") + "}",
		"long number":         "a: " + fill("7"),
		"long hexadecimal":    "a: 0x" + fill("f"),
		"long octal":          "a: 0" + fill("7"),
		"long binary":         "a: 0b" + fill("1"),
		"long underscores":    "a: 1" + fill("_"),
		"base 60":             "a: 1" + fill(":59"),
		"base 60 floats":      "a: 1" + fill(":59") + ".5",
		"long float":          "a: 1." + fill("7"),
		"long exponent":       "a: 1e+" + fill("7"),
		"many hexadecimals":   "[" + strings.Repeat("0x"+strings.Repeat("f", 10_000)+",", 100) + "]",
		"hexadecimal keys":    "{" + strings.Repeat("0x"+strings.Repeat("f", 10_000)+": 1,", 100) + "}",
		"timestamps":          "[" + fill("2024-01-01 12:00:00.5 +02:00,") + "]",
		"long timestamp":      "a: 2024-01-01 12:00:00." + fill("1"),
		"date with blanks":    "a: 2024-01-01" + fill(" ") + "x",
		"binary data":         "a: !!binary " + fill("QUJD"),
		"sets":                "a: !!set {" + countUp("k%d, ") + "}",
		"ordered":             "a: !!omap [" + countUp("k%d: 1, ") + "]",
		"tags":                "[" + fill("!!str a,") + "]",
		"long tag":            "a: !" + fill("t"),
		"long tags":           "a: !<" + fill("%41") + "> b",
		"tag handles":         countUp("%%TAG !t%d! x\n") + "---\na",
		"comments":            fill("# x\n") + "a: b",
		"comment":             "# " + fill("x") + "\na: b",
		"control character":   fill("a: b\n") + "\x01",
		"not UTF-8":           fill("ä") + "\xff",
		"tab":                 fill("a: b\n") + "\tx",
		"missing spaces":      fill("a:b\n"),
		"broken last line":    countUp("a%d: b\n") + "broken",
		"colliding keys":      countUp("k%d: 1\n") + countUp("k%d: 2\n"),
		"mixed keys":          countUp("%d: 1\n1.%[1]d: 1\n"),
		"text keys with bars": countUp("k%d|i18n: {en: a}\n"),
		"byte order marks":    "a: " + fill("\ufeff"),
		"separators":          "a: 'x" + fill("\u2028") + "'",
		"wide characters":     "a: " + fill("\U0001F600"),
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

// worstCourses are whole courses that make the checks work hard.
func worstCourses() map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, text := range worstYAML() {
		out["index: "+name] = map[string]string{"index.yaml": text}
		out["exercise: "+name] = map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "x:\n  " + strings.ReplaceAll(text, "\n", "\n  ")}
	}
	index := func(children string) map[string]string {
		return map[string]string{"index.yaml": "name: C\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + children}
	}
	exercise := func(text string) map[string]string {
		return map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + text}
	}
	template := func(text string) map[string]string {
		return map[string]string{
			"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n- file: t.yaml\n  template_context: {l: [" + strings.Repeat("1, ", 1000) + "], s: " + strings.Repeat("x", 10_000) + "}\n", "t.yaml": text,
		}
	}
	rst := func(text string) map[string]string {
		return exercise("description|rst: |\n  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n")
	}
	own := map[string]map[string]string{
		"exercises with near misses": index(countUp("  - {key: e%d, category: ex, max_pionts: 1, point_to_pass: 2}\n")),
		"near misses in one":         index("  - {key: e, category: ex, " + countUp("max_point%d: 1, ") + "}\n"),
		"long unknown keys":          index("  - {key: e, category: ex, " + countUp("? max_points_and_submissions_and_more_of_them_%d\n    : 1, ") + "}\n"),
		"same keys":                  index(fill("  - {key: e, category: ex}\n")),
		"missing files":              index(countUp("  - {key: e%d, category: ex, config: f%[1]d.yaml}\n")),
		"one file":                   {"index.yaml": index(countUp("  - {key: e%d, category: ex, config: e}\n"))["index.yaml"], "e.yaml": worstForm},
		"one broken file":            {"index.yaml": index(countUp("  - {key: e%d, category: ex, config: e.yaml}\n"))["index.yaml"], "e.yaml": "a: b\n" + strings.Repeat("x", 1000) + "\n"},
		"wrong dates":                index(countUp("  - {key: e%d, category: ex, max_points: x%[1]d}\n")),
		"nested children":            index("  - " + strings.Repeat("{key: e, category: ex, children: [", 200) + strings.Repeat("]}", 200) + "\n"),
		"categories":                 {"index.yaml": "name: C\nmodules: []\ncategories: {" + countUp("c%d: {name: E}, ") + "}\n"},
		"unknown categories":         index(countUp("  - {key: e%d, category: c%[1]d}\n")),
		"types":                      {"index.yaml": "name: C\nmodules: []\nexercise_types: {" + countUp("c%d: {category: E}, ") + "}\n"},
		"head addresses":             {"index.yaml": "name: C\nmodules: []\nhead_urls: [" + countUp("a%d.js, ") + "]\n"},
		"long address":               {"index.yaml": "name: C\nmodules: []\nhead_urls: [http://" + fill("a.") + "]\n"},
		"public paths":               {"index.yaml": "name: C\nmodules: []\nunprotected_paths: [" + countUp("a%d, ") + "]\n"},
		"long path":                  {"index.yaml": "name: C\nmodules: []\nstatic_dir: " + fill("a/") + "\n"},
		"long duration":              {"index.yaml": "name: C\nmodules: [{key: m, name: M, duration: " + fill("1") + "d}]\n"},
		"long date":                  {"index.yaml": "name: C\nmodules: [{key: m, name: M, open: '" + fill("1-") + "'}]\n"},
		"long text for a number":     {"index.yaml": "name: C\nmodules: [{key: m, name: M, points_to_pass: '" + fill("1_") + "'}]\n"},
		"long text for a fraction":   {"index.yaml": "name: C\nmodules: [{key: m, name: M, late_penalty: '" + fill("1_") + "'}]\n"},
		"form fields":                exercise("fieldgroups:\n- fields:\n" + countUp("  - {title: t%d, type: text}\n")),
		"form options":               exercise("fieldgroups:\n- fields:\n  - title: a\n    options:\n" + countUp("    - {label: t%d, value: v%[1]d}\n")),
		"form rows":                  exercise("fieldgroups:\n- fields:\n  - title: a\n    type: table-radio\n    more_text: m\n    rows:\n" + countUp("    - {label: t%d}\n")),
		"form attributes":            exercise("fieldgroups:\n- fields:\n  - title: a\n    extra_info:\n" + countUp("      k%d: 1\n")),
		"groups":                     exercise("fieldgroups:\n" + fill("- {}\n")),
		"tags per key":               exercise("a" + strings.Repeat("|i18n", 200) + ": {en: a}\n" + countUp("k%d|rst|i18n: {en: a, fi: b}\n")),
		"languages":                  exercise("a|i18n: {" + strings.Join(languageList(50), ", ") + "}\nb: [" + fill("1,") + "]\nc: [{d|i18n: {en: 1}}]\n"),
		"includes":                   {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + fill("- {file: t.yaml, force: true}\n"), "t.yaml": "a: 1\n"},
		"large includes":             {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + strings.Repeat("- {file: t.yaml, force: true}\n", 300), "t.yaml": strings.Repeat("# x\n", 1000) + "a: 1\n"},
		"colliding includes":         {"index.yaml": worstIndex, "e.yaml": worstForm + countUp("k%d: 1\n") + "include: [{file: t.yaml}]\n", "t.yaml": countUp("k%d: 1\n")},
		"meta":                       {"index.yaml": "name: C\nmodules: []\n", "apps.meta": countUp("k%d=v\n")},
		"JSON: brackets":             {"index.json": fill("[")},
		"JSON: objects":              {"index.json": fill(`{"a":`)},
		"JSON: values":               {"index.json": "[" + fill("1,") + "1]"},
		"JSON: keys":                 {"index.json": "{" + countUp(`"k%d":1,`) + `"name":1}`},
		"JSON: same keys":            {"index.json": "{" + fill(`"k":1,`) + `"name":1}`},
		"JSON: escapes":              {"index.json": `{"a":"` + fill(`\ud800`) + `"}`},
		"JSON: number":               {"index.json": `{"a":` + fill("7") + "}"},
		"JSON: fraction":             {"index.json": `{"a":0.` + fill("7") + "}"},
		"JSON: open text":            {"index.json": `{"a":"` + fill("x")},
		"JSON: broken end":           {"index.json": "[" + fill("1,\n") + "}"},
		"template: deep ifs":         template(fill("{% if l %}")),
		"template: closed ifs":       template(strings.Repeat("{% if l %}", 20_000) + strings.Repeat("{% endif %}", 20_000)),
		"template: loops":            template(strings.Repeat("{% for x in l %}", 10) + "x" + strings.Repeat("{% endfor %}", 10)),
		"template: long loop":        template("{% for x in l %}{% for y in l %}{{ s }}{% endfor %}{% endfor %}"),
		"template: filters":          template("{{ s" + fill("|upper") + " }}"),
		"template: growing filters":  template("{{ s" + strings.Repeat("|urlencode", 1000) + " }}"),
		"template: centred":          template("{{ s|center:999999999 }}"),
		"template: joined":           template("{{ l|join:s }}"),
		"template: formats":          template(`{{ s|stringformat:"999999999s" }}`),
		"template: open tags":        template(fill("{{ ")),
		"template: open comments":    template(fill("{# ")),
		"template: variables":        template("a: " + fill("{{ x.y }}")),
		"template: conditions":       template("{% if " + fill("not ") + "l %}{% endif %}"),
		"template: and":              template("{% if l" + fill(" and l") + " %}{% endif %}"),
		"template: text":             template("a: " + fill("x")),
		"template: with":             template(strings.Repeat("{% with s=s|add:s %}", 40) + "{{ s }}" + strings.Repeat("{% endwith %}", 40)),
		"template: cycle":            template("{% for x in l %}{% cycle " + strings.Repeat("'a' ", 10_000) + "%}{% endfor %}"),
		"template: wordwrap":         template("{{ s|wordwrap:1 }}{{ s|linebreaks }}" + fill("{{ s|length }}")),
	}
	for name, text := range worstRST() {
		own["rst: "+name] = rst(text)
	}
	for name, files := range own {
		out[name] = files
	}
	return out
}

func worstRST() map[string]string {
	return map[string]string{
		"stars":             fill("*a "),
		"double stars":      fill("**a "),
		"backquotes":        fill("`a "),
		"closed stars":      fill("*a* "),
		"bars":              fill("|a "),
		"footnotes":         fill("[1]_ "),
		"references":        countUp("a%d_ "),
		"targets":           countUp(".. _a%d: http://x\n"),
		"targets of a text": countUp(".. _a%d:\n") + "\ntext\n",
		"many classes":      ".. class:: " + countUp("a%d ") + "\n\ntext\n",
		"anonymous":         fill("`a`__ "),
		"links":             fill("http://a.b "),
		"brackets":          fill("`<"),
		"deep quotes":       deepLines(1400, "x\n\n"),
		"deep lists":        deepLines(1000, "- x\n\n"),
		"titles":            countUp("a%d\n=======\n"),
		"same titles":       fill("a\n=\n"),
		"long title":        strings.Repeat("*a* ", worstSize/8) + "\n" + strings.Repeat("=", worstSize/2) + "\n",
		"long term":         fill("*a* ") + "\n  b\n",
		"long option":       strings.Repeat("-a ", 1) + fill("<b> ") + "  c\n",
		"long substitution": ".. |a| replace:: " + fill("*a* ") + "\n\n|a| |a| |a|\n",
		"long underline":    "a\n" + fill("="),
		"definition lists":  fill("a\n b\n"),
		"field lists":       fill(":a: b\n"),
		"option lists":      fill("-a  b\n"),
		"enumerated":        fill("1. a\n"),
		"line blocks":       fill("| a\n"),
		"grid tables":       fill("+-+-+\n|a|b|\n"),
		"wide grid":         gridTable(300),
		"simple tables":     fill("= =\na b\n= =\n\n"),
		"wide simple table": strings.Repeat("= ", 5000) + "\n" + strings.Repeat("a ", 5000) + "\n" + strings.Repeat("= ", 5000) + "\n",
		"directives":        fill(".. note:: a\n\n"),
		"unknown":           fill(".. foo:: a\n\n"),
		"substitutions":     countUp(".. |a%d| replace:: x\n") + fill("|a1| "),
		"growing replaces":  growingReplaces(40),
		"raw":               ".. raw:: html\n\n" + fill("  <b>\n"),
		"code":              ".. code-block:: python\n\n" + fill("  if x: 'a\n"),
		"quoted code":       ".. code-block:: python\n\n" + fill("  '''\n"),
		"math":              ".. math::\n\n" + fill("  {a\n"),
		"comments":          fill("..\n a\n"),
		"escapes":           fill(`\*`),
		"literal":           "::\n\n" + fill(" x\n"),
		"roles":             fill(":a:`b` "),
		"colons":            fill(":a"),
		"underscores":       fill("_"),
		"words":             fill("a_b__c "),
		"lines":             fill("a\n\n"),
		"noise":             noise(),
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

func noise() string {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	const marks = "*`_|[]:.-+= \n\n  abc\\<>#"
	b := make([]byte, worstSize/4)
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

// maxWorstAllocation bounds what a check of one worst course allocates in all,
// in bytes: 4,000 for each byte of the course. What it holds at a time is far
// less.
const maxWorstAllocation = 4_000 * worstSize

// TestWorst checks courses that are as laborious as can be for their size.
func TestWorst(t *testing.T) { //nolint:paralleltest // counts all allocations of the program
	for name, files := range worstCourses() {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the same
			dir := courseFolder(t, files)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c", DefaultGraderURL: "http://g.example/"})
			if err != nil {
				t.Fatal(err)
			}
			report.Text(dir)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > maxWorstAllocation {
				t.Errorf("%d bytes", used)
			}
		})
	}
}
