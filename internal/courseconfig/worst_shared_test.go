package courseconfig_test

import (
	"fmt"
	"strings"
)

// mostMarkup is a little less than the texts under |rst of an exercise may have.
const mostMarkup worst = 390_000

// half is a course of half the size, for courses whose parts multiply.
func (w worst) half() worst { return w / 2 }

func worstChildren(children string) string {
	return "name: C\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + children
}

// worstLanguages is a text in as many languages as an exercise may have.
func worstLanguages() string {
	return "a|i18n: {" + strings.Join(languageList(49), ", ") + "}\n"
}

// shared are courses whose parts are used many times: by aliases, by several
// exercises or by several languages.
func (w worst) shared() map[string]map[string]string {
	exercise := func(text string) map[string]string {
		return map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + text}
	}
	half := w.half()
	sharing := func(text string) map[string]string { // many exercises with one file
		return map[string]string{"index.yaml": worstChildren(half.countUp("  - {key: e%d, category: ex, config: e.yaml}\n")), "e.yaml": text}
	}
	index := func(text string) map[string]string { return map[string]string{"index.yaml": text} }
	files := func(more string) map[string]string { // many files with few bytes each
		out := map[string]string{}
		var children strings.Builder
		for i := range int(w) / 500 {
			fmt.Fprintf(&children, "  - {key: e%d, category: ex, config: e%[1]d.yaml}\n", i)
			out[fmt.Sprintf("e%d.yaml", i)] = worstForm + more
		}
		out["index.yaml"] = worstChildren(children.String())
		return out
	}
	out := map[string]map[string]string{
		"languages of rst":               exercise(worstLanguages() + w.countUp("d%d|rst: text\n")),
		"languages of small rst":         exercise(worstLanguages() + "b:\n" + w.fill("- {d|rst: a}\n")),
		"languages of texts":             exercise(worstLanguages() + w.countUp("d%d|i18n: {l1: text}\n")),
		"languages of small texts":       exercise(worstLanguages() + "b:\n" + w.fill("- {d|i18n: {l1: a}}\n")),
		"languages of lists":             exercise(worstLanguages() + "b:\n" + w.fill("- [[{d|i18n: {}}]]\n")),
		"languages of a form":            exercise(worstLanguages() + "fieldgroups:\n- fields:\n" + w.countUp("  - {title: t%d}\n")),
		"languages of a translated form": exercise(worstLanguages() + "fieldgroups:\n- fields:\n" + w.countUp("  - {title|i18n: {l0: t%d}}\n")),
		"languages of options":           exercise(worstLanguages() + "fieldgroups:\n- fields:\n  - options:\n" + w.fill("    - {}\n")),
		"languages of aliases":           exercise(worstLanguages() + "b: &b [" + strings.Repeat("{d|i18n: {l1: a}},", 900) + "]\nc: [" + strings.Repeat("*b,", 100) + "]\n"),
		"languages without title":        {"index.yaml": worstIndex, "e.yaml": "view_type: x\n" + worstLanguages() + w.countUp("tutle%d: 1\n")},
		"languages of many files":        files(worstLanguages()[:300] + "}\nb: [" + strings.Repeat("{d|i18n: {}},", 10) + "]\n"),
		"many files of aliases":          files("a: &a [" + strings.Repeat("1,", 60) + "]\nb: &b [" + strings.Repeat("*a,", 60) + "]\nc: [" + strings.Repeat("*b,", 60) + "]\n"),
		"unknown keys in one line":       index(worstChildren("  - {key: e, category: ex, " + w.countUp("k%d: 1,") + "}\n")),
		"unknown keys of a course":       index("name: C\nmodules: []\n" + w.countUp("k%d: 1\n")),
		"unknown keys of children":       index(worstChildren(w.fill("  - {zz: 1}\n"))),
		"unknown keys of modules":        index("name: C\nmodules:\n" + w.fill("- {zz: 1}\n")),
		"keys that are numbers":          index(worstChildren("  - {key: e, category: ex, " + w.countUp("%d: 1,") + "}\n")),
		"empty children":                 index(worstChildren(w.fill("  - {}\n"))),
		"empty modules":                  index("name: C\nmodules:\n" + w.fill("- {}\n")),
		"small children":                 index(worstChildren("    [" + w.countUp("{key: %d,category: ex},") + "]\n")),
		"small modules":                  index("name: C\nmodules: [" + w.countUp("{key: %d,name: M},") + "]\n"),
		"unknown of many categories":     index("name: C\ncategories: {" + half.countUp("c%d: {name: E}, ") + "}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, category: d%[1]d}\n")),
		"aliases of a long key":          index("name: &k " + half.fill("k") + "\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.fill("  - {key: *k, category: ex}\n")),
		"aliases of a long path":         index("name: &k " + half.fill("k/") + "\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, category: ex, config: *k}\n")),
		"aliases of a long number":       index("name: &k 0x" + half.fill("f") + "\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, category: ex, max_points: *k}\n")),
		"aliases of a long text number":  index("name: &k '" + half.fill("9") + "'\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, category: ex, max_points: *k}\n")),
		"aliases of a long date":         index("name: &k '" + half.fill("9") + "'\nmodules:\n" + half.countUp("- {key: e%d, name: M, open: *k}\n")),
		"aliases of a long text":         index("name: C\ncategories: {ex: {name: &k " + half.fill("k") + "}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, category: ex, name: *k}\n")),
		"aliases of files":               index("name: C\ncategories: {ex: {name: E}}\nmodules:\n- key: m\n  name: M\n  children:\n  - {key: e, category: ex, configure: &c {url: u, files: {" + strings.Repeat("a", 10) + ": b, " + half.half().half().countUp("k%d: 1, ") + "}}}\n" + half.countUp("  - {key: e%d, category: ex, configure: *c}\n")),
		"aliases of numbers":             exercise("a: &a 0x" + half.fill("f") + "\nb: [" + half.fill("*a,") + "]\nexercise_info: [" + strings.Repeat("*a,", 1000) + "]\n"),
		"long number as text":            index("name: 0x" + w.fill("f") + "\nmodules: []\n"),
		"long number as key":             index("name: C\nmodules: []\ncategories: {? 0x" + w.fill("f") + "\n: {name: E}}\n"),
		"long number as literal":         index("name: C\nmodules: []\nindex_mode: 0x" + w.fill("f") + "\n"),
		"long number as date":            index("name: C\nmodules: []\nstart: 0x" + w.fill("f") + "\n"),
		"long decimal as date":           index("name: C\nmodules: []\nstart: " + w.fill("9") + "\n"),
		"long text as date":              index("name: C\nmodules: []\nstart: '" + w.fill("9") + "'\n"),
		"long number as duration":        index("name: C\nmodules: [{key: m, name: M, duration: " + w.fill("9") + "}]\n"),
		"long number as fraction":        index("name: C\nmodules: [{key: m, name: M, late_penalty: " + w.fill("9") + "}]\n"),
		"exponent":                       index("name: C\nmodules: [{key: m, name: M, late_penalty: '1e999999999', points_to_pass: 1.0e+999999999, duration: '1e999999999', open: '1e999999999'}]\n"),
		"international address":          index("name: C\nmodules: []\nhead_urls: ['http://" + w.fill("äöåéíñ") + "']\n"),
		"international addresses":        index("name: C\nmodules: []\nhead_urls: [" + w.countUp("'http://ä%d.example/',") + "]\n"),
		"escapes in a name":              index("name: \"" + w.fill(`\x01`) + "\"\nmodules: []\n"),
		"one large file":                 sharing(worstForm + half.countUp("k%d: 1\n")),
		"one file of a form":             sharing(worstForm + "fieldgroups:\n- fields:\n" + half.countUp("  - {title: t%d}\n")),
		"one file without submission":    sharing("title: T\nview_type: access.types.stdsync.noSubmission\nexercise_info: {" + half.countUp("k%d: 1,") + "}\n"),
		"one file of model files":        sharing(worstForm + worstLanguages() + "model_files: [" + strings.Repeat("a.py,", 1000) + "]\n"),
		"one file of grader files":       sharing(worstForm + worstLanguages() + "container|i18n: {" + strings.ReplaceAll(strings.Join(languageList(49), ", "), ": a", ": {mount: m}") + "}\n" + "instructions_file|i18n: {" + graderFiles() + "}\ntemplate|i18n: {" + graderFiles() + "}\nfeedback_template|i18n: {" + graderFiles() + "}\n"),
		"one broken wide file":           sharing(half.countUp("k%d: 1\n")),
		"model files":                    exercise(worstLanguages() + "model_files: [" + strings.Repeat("a.py,", 1000) + "]\ntemplate_files: [" + strings.Repeat("a/b/c/d/e/f.py,", 1000) + "]\n"),
		"aliased options":                exercise("fieldgroups:\n- fields: [&f {options: [" + strings.Repeat("{},", 900) + "]}," + strings.Repeat("*f,", 500) + "]\n"),
		"aliased attributes":             exercise("fieldgroups:\n- fields: [&f {extra_info: {" + repeat(900, "k%d: 1,") + "}}," + strings.Repeat("*f,", 400) + "]\n"),
		"long repeated title":            exercise("a: &t " + w.fill("x") + "\nfieldgroups:\n- fields: [" + strings.Repeat("{title: *t},", 490) + "]\n"),
		"long title of rows":             exercise("fieldgroups:\n- fields:\n  - title: " + half.fill("x") + "\n    type: table-radio\n    rows:\n" + half.countUp("    - {label: t%d}\n")),
		"list as a title":                exercise("a: &t [" + half.fill("1,") + "]\nfieldgroups:\n- fields: [" + strings.Repeat("{title: *t},", 3) + "]\n"),
		"include of a large file":        {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + half.fill("- {file: t.yaml, force: true}\n"), "t.yaml": half.countUp("k%d: 1\n")},
		"include into a large file":      {"index.yaml": worstIndex, "e.yaml": worstForm + half.countUp("k%d: 1\n") + "include:\n" + half.fill("- {file: t.yaml, force: true}\n"), "t.yaml": "a: 1\n"},
		"include of a template":          {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + half.fill("- {file: t.yaml, force: true, template_context: {}}\n"), "t.yaml": "a: 1\n" + half.fill("# comment\n")},
		"include of a long name":         {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n- {file: t.yaml, force: true, x: &n " + half.fill("./") + "t.yaml}\n" + half.fill("- {file: *n, force: true}\n"), "t.yaml": "a: 1\n"},
		"aliased children":               index("name: C\ncategories: {ex: {name: E}}\nmodules:\n- {key: m, name: M, children: &c [" + repeat(2000, "{key: e%d, category: ex},") + "]}\n" + repeat(95, "- {key: m%d, name: M, children: *c}\n")),
		"types of children":              index("name: C\ncategories: {ex: {name: E}}\nmodule_types: {t: {children: [" + repeat(2000, "{key: e%d, category: ex},") + "]}}\nmodules:\n" + repeat(200, "- {key: m%d, name: M, type: t}\n")),
		"graders of each":                index(worstChildren("    [" + w.countUp("{key: e%d,category: ex,configure: {url: u%[1]d}},") + "]\n")),
		"dates of modules":               index("name: C\nstart: 2024-01-01\nend: 2024-02-01\nmodules:\n" + w.countUp("- {key: m%d, name: M, open: 2024-01-01 12:00, close: '2024-02-01 12:00'}\n")),
		"types of types":                 index("name: C\ncategories: {ex: {name: E}}\nexercise_types: {t: {category: ex, exercise_info: [" + half.fill("1,") + "]}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, type: t}\n")),
		"types of a long text":           index("name: C\ncategories: {ex: {name: E}}\nexercise_types: {t: {category: ex, name: " + half.fill("x") + "}}\nmodules:\n- key: m\n  name: M\n  children:\n" + half.countUp("  - {key: e%d, type: t}\n")),
		"types of modules":               index("name: C\nmodule_types: {t: {introduction: x, children: [" + strings.Repeat("{key: a,category: b},", 100) + "]}}\nmodules:\n" + half.countUp("- {key: e%d, name: M, type: t}\n")),
	}
	for name, text := range w.smallRST() {
		out["rst: "+name] = exercise(text)
	}
	pieces := map[string]string{"index.yaml": repeatIndex(20)}
	for i := range 20 {
		block := fmt.Sprintf(".. code:: python\n\n  x = %d\n", i) + strings.Repeat("  if x: 'a\n", min(int(w)/20, 15_000)/len("if x: 'a\n"))
		pieces[fmt.Sprintf("e%d.yaml", i)] = worstForm + "description|rst: |\n  " + strings.ReplaceAll(block, "\n", "\n  ") + "\n"
	}
	out["pieces of code"] = pieces
	for _, name := range []string{"option lists", "definition lists", "same titles", "simple tables", "deep quotes", "code"} {
		text := fitting((w / 3).rst()[name], int(mostMarkup)/2)
		files := map[string]string{"index.yaml": repeatIndex(3)}
		for i := range 3 {
			files[fmt.Sprintf("e%d.yaml", i)] = fmt.Sprintf("%sdescription|rst: |\n  %s\n\n  %d\n", worstForm, strings.ReplaceAll(text, "\n", "\n  "), i)
		}
		out["rst in three files: "+name] = files
	}
	return out
}

// fitting cuts a text after a line, so that it just has the size that a text
// under |rst may have: every line counts as 20 bytes more.
func fitting(text string, most int) string {
	const perLine = 20
	size, end := 0, 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		if size += len(line) + perLine; size > most {
			break
		}
		end += len(line)
	}
	return text[:end]
}

// smallRST are exercises of many small texts under |rst.
func (w worst) smallRST() map[string]string {
	return map[string]string{
		"small texts":          w.countUp("d%d|rst: a\n"),
		"small marked texts":   w.countUp("d%d|rst: '*a%[1]d*'\n"),
		"small broken texts":   w.countUp("d%d|rst: '*a%[1]d'\n"),
		"small links":          w.countUp("d%d|rst: 'a%[1]d_'\n"),
		"small lists":          w.countUp("d%d|rst: '- %[1]d'\n"),
		"small codes":          w.countUp("d%d|rst: \".. code:: python\\n\\n  x=%[1]d\\n\"\n"),
		"small maths":          w.countUp("d%d|rst: ':math:`%[1]d`'\n"),
		"texts of many levels": w.countUp("d%d|rst: '- - - - - - - - %[1]d'\n"),
	}
}

func graderFiles() string {
	return repeat(49, "l%d: ./f%[1]d,")
}

// templates are courses that include a template with large values.
func (w worst) templates() map[string]map[string]string {
	half := w.half()
	template := func(context, text string) map[string]string {
		return map[string]string{"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n- file: t.yaml\n  template_context:\n" + context, "t.yaml": text}
	}
	list := "    l: [" + half.countUp("%d,") + "]\n"
	text := "    s: " + half.fill("x") + "\n"
	mapping := "    m: {" + half.countUp("k%d: 1,") + "}\n"
	lists := "    l: [" + strings.Repeat("1,", 1000) + "]\n"
	return map[string]map[string]string{
		"many values":      template(lists, "a: [{% for x in l %}{% for y in l %}1,{% endfor %}{% endfor %}]"),
		"many lists":       template(lists, "a: [{% for x in l %}{% for y in l %}[],{% endfor %}{% endfor %}]"),
		"many comments":    template(lists, "a: 1\n{% for x in l %}{% for y in l %}#\n{% endfor %}{% endfor %}"),
		"lengths":          template(text, half.fill("{{ s|length }}")),
		"letters":          template(text, half.fill("{{ s.1 }}")),
		"indexes":          template(list, half.fill("{{ l.1 }}")),
		"firsts":           template(list, half.fill("{{ l|first }}")),
		"lasts":            template(list, half.fill("{{ l|last }}")),
		"members":          template(mapping, half.fill("{{ m.k9999 }}")),
		"missing members":  template(mapping, half.fill("{{ m.x }}")),
		"items":            template(mapping, half.fill("{{ m.items.0 }}")),
		"long conditions":  template(list+"    n: [0]\n", half.fill("{% if 7777777 in l %}{% endif %}")),
		"equal lists":      template("    l: &l ["+half.half().fill("1,")+"]\n    k: [*l]\n    n: [*l]\n", half.fill("{% if k == n %}{% endif %}")),
		"text in text":     template(text, half.fill("{% if 'xy' in s %}{% endif %}")),
		"letters of texts": template(text, strings.Repeat("{% with a=s|make_list b=s|make_list c=s|make_list %}", 90)+strings.Repeat("{% endwith %}", 90)),
		"loops of letters": template(text, strings.Repeat("{% for x in s %}", 90)+"x"+strings.Repeat("{% endfor %}", 90)),
		"many loops":       template(text, half.fill("{% for x in s %}{% endfor %}")),
		"many empty loops": template(list, half.fill("{% for a, b in l %}{% endfor %}")),
		"deep forloop":     template("    l: [1]\n", strings.Repeat("{% for x in l %}", 90)+half.fill("{{ forloop.first }}")+strings.Repeat("{% endfor %}", 90)),
		"shown forloop":    template("    l: [1]\n", strings.Repeat("{% for x in l %}", 90)+half.fill("{{ forloop }}")+strings.Repeat("{% endfor %}", 90)),
		"regroup":          template("    l: ["+half.countUp("{a: %d},")+"]\n", half.fill("{% regroup l by a as g %}")),
		"sorted":           template("    l: ["+half.countUp("{a: %d},")+"]\n", half.fill("{{ l|dictsort:'a'|length }}")),
		"slices":           template(list, half.fill("{{ l|slice:'1:'|length }}")),
		"upper":            template(text, half.fill("{{ s|upper|length }}")),
		"first letters":    template(text, half.fill("{{ s|upper|first }}")),
		"striptags":        template("    s: '"+half.fill("<")+"'\n", half.fill("{{ s|striptags|length }}")),
		"cut":              template(text, half.fill("{{ s|cut:'x' }}")),
		"truncated":        template(text, half.fill("{{ s|truncatechars:3 }}")),
		"truncated words":  template("    s: "+half.fill("x ")+"y\n", half.fill("{{ s|truncatewords:3 }}")),
		"words":            template("    s: "+half.fill("x ")+"y\n", half.fill("{{ s|wordcount }}")),
		"slugs":            template(text, half.fill("{{ s|slugify|length }}")),
		"numbers":          template("    n: 0x"+half.fill("f")+"\n", half.fill("{{ n }}")),
		"added numbers":    template("    n: 0x"+half.fill("f")+"\n", half.fill("{{ n|add:n|length }}")),
		"long floats":      template("    n: 1.5\n", half.fill("{{ n|floatformat:999999 }}")),
		"divisible":        template("    n: 0x"+half.fill("f")+"\n", half.fill("{{ n|divisibleby:n }}")),
		"widths":           template("    n: 0x"+half.fill("f")+"\n", half.fill("{% widthratio n n n %}")),
		"changes":          template(list, half.fill("{% ifchanged l %}{% endifchanged %}")),
		"captures":         template(text, half.fill("{% filter upper|cut:'X' %}{{ s }}{% endfilter %}")),
		"spaceless":        template(text, half.fill("{% spaceless %}{{ s }}{% endspaceless %}")),
		"firstof":          template("    n: 0\n", half.fill("{% firstof n n n n n n n n n n %}")),
		"many variables":   template("    n: 0\n", "{% with "+half.countUp("a%d=n ")+"%}{% endwith %}"),
		"cycles":           template("    n: 0\n", half.countUp("{%% cycle 'a' 'b' as c%d %%}")),
		"safe sequences":   template(list, half.fill("{{ l|safeseq|join:'' }}")),
		"shown lists":      template(list, half.fill("{{ l }}")),
		"default":          template(list, half.fill("{{ l|default:1|length }}")),
		"random":           template(list, half.fill("{{ l|random }}")),
		"makes lists":      template("    n: 0\n", half.fill("{{ 'abcdefgh'|make_list|join:'abcdefgh'|make_list|join:'abcdefgh'|make_list|length }}")),
	}
}
