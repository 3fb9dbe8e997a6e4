package courseconfig_test

import (
	"strings"
)

// courses are whole courses that make the checks work hard.
func (w worst) courses() map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, text := range w.yaml() {
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
		"exercises with near misses": index(w.countUp("  - {key: e%d, category: ex, max_pionts: 1, point_to_pass: 2}\n")),
		"near misses in one":         index("  - {key: e, category: ex, " + w.countUp("max_point%d: 1, ") + "}\n"),
		"long unknown keys":          index("  - {key: e, category: ex, " + w.countUp("? max_points_and_submissions_and_more_of_them_%d\n    : 1, ") + "}\n"),
		"same keys":                  index(w.fill("  - {key: e, category: ex}\n")),
		"missing files":              index(w.countUp("  - {key: e%d, category: ex, config: f%[1]d.yaml}\n")),
		"one file":                   {"index.yaml": index(w.countUp("  - {key: e%d, category: ex, config: e}\n"))["index.yaml"], "e.yaml": worstForm},
		"one broken file":            {"index.yaml": index(w.countUp("  - {key: e%d, category: ex, config: e.yaml}\n"))["index.yaml"], "e.yaml": "a: b\n" + strings.Repeat("x", 1000) + "\n"},
		"wrong dates":                index(w.countUp("  - {key: e%d, category: ex, max_points: x%[1]d}\n")),
		"nested children":            index("  - " + strings.Repeat("{key: e, category: ex, children: [", 200) + strings.Repeat("]}", 200) + "\n"),
		"categories":                 {"index.yaml": "name: C\nmodules: []\ncategories: {" + w.countUp("c%d: {name: E}, ") + "}\n"},
		"unknown categories":         index(w.countUp("  - {key: e%d, category: c%[1]d}\n")),
		"types":                      {"index.yaml": "name: C\nmodules: []\nexercise_types: {" + w.countUp("c%d: {category: E}, ") + "}\n"},
		"head addresses":             {"index.yaml": "name: C\nmodules: []\nhead_urls: [" + w.countUp("a%d.js, ") + "]\n"},
		"long address":               {"index.yaml": "name: C\nmodules: []\nhead_urls: [http://" + w.fill("a.") + "]\n"},
		"public paths":               {"index.yaml": "name: C\nmodules: []\nunprotected_paths: [" + w.countUp("a%d, ") + "]\n"},
		"long path":                  {"index.yaml": "name: C\nmodules: []\nstatic_dir: " + w.fill("a/") + "\n"},
		"long duration":              {"index.yaml": "name: C\nmodules: [{key: m, name: M, duration: " + w.fill("1") + "d}]\n"},
		"long date":                  {"index.yaml": "name: C\nmodules: [{key: m, name: M, open: '" + w.fill("1-") + "'}]\n"},
		"long text for a number":     {"index.yaml": "name: C\nmodules: [{key: m, name: M, points_to_pass: '" + w.fill("1_") + "'}]\n"},
		"long text for a fraction":   {"index.yaml": "name: C\nmodules: [{key: m, name: M, late_penalty: '" + w.fill("1_") + "'}]\n"},
		"form fields":                exercise("fieldgroups:\n- fields:\n" + w.countUp("  - {title: t%d, type: text}\n")),
		"form options":               exercise("fieldgroups:\n- fields:\n  - title: a\n    options:\n" + w.countUp("    - {label: t%d, value: v%[1]d}\n")),
		"form rows":                  exercise("fieldgroups:\n- fields:\n  - title: a\n    type: table-radio\n    more_text: m\n    rows:\n" + w.countUp("    - {label: t%d}\n")),
		"form attributes":            exercise("fieldgroups:\n- fields:\n  - title: a\n    extra_info:\n" + w.countUp("      k%d: 1\n")),
		"groups":                     exercise("fieldgroups:\n" + w.fill("- {}\n")),
		"tags per key":               exercise("a" + strings.Repeat("|i18n", 200) + ": {en: a}\n" + w.countUp("k%d|rst|i18n: {en: a, fi: b}\n")),
		"languages":                  exercise("a|i18n: {" + strings.Join(languageList(50), ", ") + "}\nb: [" + w.fill("1,") + "]\nc: [{d|i18n: {en: 1}}]\n"),
		"includes":                   {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + w.fill("- {file: t.yaml, force: true}\n"), "t.yaml": "a: 1\n"},
		"large includes":             {"index.yaml": worstIndex, "e.yaml": worstForm + "include:\n" + strings.Repeat("- {file: t.yaml, force: true}\n", 300), "t.yaml": strings.Repeat("# x\n", 1000) + "a: 1\n"},
		"colliding includes":         {"index.yaml": worstIndex, "e.yaml": worstForm + w.countUp("k%d: 1\n") + "include: [{file: t.yaml}]\n", "t.yaml": w.countUp("k%d: 1\n")},
		"meta":                       {"index.yaml": "name: C\nmodules: []\n", "apps.meta": w.countUp("k%d=v\n")},
		"JSON: brackets":             {"index.json": w.fill("[")},
		"JSON: objects":              {"index.json": w.fill(`{"a":`)},
		"JSON: values":               {"index.json": "[" + w.fill("1,") + "1]"},
		"JSON: keys":                 {"index.json": "{" + w.countUp(`"k%d":1,`) + `"name":1}`},
		"JSON: same keys":            {"index.json": "{" + w.fill(`"k":1,`) + `"name":1}`},
		"JSON: escapes":              {"index.json": `{"a":"` + w.fill(`\ud800`) + `"}`},
		"JSON: number":               {"index.json": `{"a":` + w.fill("7") + "}"},
		"JSON: fraction":             {"index.json": `{"a":0.` + w.fill("7") + "}"},
		"JSON: open text":            {"index.json": `{"a":"` + w.fill("x")},
		"JSON: broken end":           {"index.json": "[" + w.fill("1,\n") + "}"},
		"template: deep ifs":         template(w.fill("{% if l %}")),
		"template: closed ifs":       template(strings.Repeat("{% if l %}", 20_000) + strings.Repeat("{% endif %}", 20_000)),
		"template: loops":            template(strings.Repeat("{% for x in l %}", 10) + "x" + strings.Repeat("{% endfor %}", 10)),
		"template: long loop":        template("{% for x in l %}{% for y in l %}{{ s }}{% endfor %}{% endfor %}"),
		"template: filters":          template("{{ s" + w.fill("|upper") + " }}"),
		"template: growing filters":  template("{{ s" + strings.Repeat("|urlencode", 1000) + " }}"),
		"template: centred":          template("{{ s|center:999999999 }}"),
		"template: joined":           template("{{ l|join:s }}"),
		"template: formats":          template(`{{ s|stringformat:"999999999s" }}`),
		"template: open tags":        template(w.fill("{{ ")),
		"template: open comments":    template(w.fill("{# ")),
		"template: variables":        template("a: " + w.fill("{{ x.y }}")),
		"template: conditions":       template("{% if " + w.fill("not ") + "l %}{% endif %}"),
		"template: and":              template("{% if l" + w.fill(" and l") + " %}{% endif %}"),
		"template: text":             template("a: " + w.fill("x")),
		"template: with":             template(strings.Repeat("{% with s=s|add:s %}", 40) + "{{ s }}" + strings.Repeat("{% endwith %}", 40)),
		"template: cycle":            template("{% for x in l %}{% cycle " + strings.Repeat("'a' ", 10_000) + "%}{% endfor %}"),
		"template: wordwrap":         template("{{ s|wordwrap:1 }}{{ s|linebreaks }}" + w.fill("{{ s|length }}")),
	}
	for name, text := range min(w, mostMarkup).rst() {
		own["rst: "+name] = rst(fitting(text, int(mostMarkup)))
	}
	for name, files := range w.shared() {
		own[name] = files
	}
	for name, files := range w.templates() {
		own["template: "+name] = files
	}
	for name, files := range own {
		out[name] = files
	}
	return out
}
