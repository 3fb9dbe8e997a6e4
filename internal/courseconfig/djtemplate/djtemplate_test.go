package djtemplate_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/courseconfig/djtemplate"
	"coursewright/internal/courseconfig/pyvalue"
)

// answer is what Django made of a template; nil means that it refused.
type answer struct {
	Group    string
	Template string
	Answer   *string
}

func readAnswers(tb testing.TB) (*pyvalue.Value, []answer) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "answers.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(data, &answers); err != nil {
		tb.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join("testdata", "cases.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	cases := readYAML(tb, string(data))
	source, ok := cases.Get("context")
	if !ok {
		tb.Fatal("cases.yaml has no context")
	}
	return readYAML(tb, source.Str), answers
}

func readYAML(tb testing.TB, source string) *pyvalue.Value {
	tb.Helper()
	v, err := pyvalue.ReadYAML("context.yaml", []byte(source), pyvalue.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestRenderAsDjango(t *testing.T) {
	t.Parallel()
	context, answers := readAnswers(t)
	engine := djtemplate.Engine{Now: func() time.Time { // when Django was asked
		return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	}}
	for _, a := range answers {
		t.Run(a.Group, func(t *testing.T) {
			t.Parallel()
			got, err := engine.Render("t.yaml", a.Template, context)
			switch {
			case a.Answer == nil && err == nil:
				t.Errorf("%s\nrendered %q, Django refuses", a.Template, got)
			case a.Answer != nil && err != nil:
				t.Errorf("%s\n%v, Django renders %q", a.Template, err, *a.Answer)
			case a.Answer != nil:
				if diff := cmp.Diff(*a.Answer, got); diff != "" {
					t.Errorf("%s\n(-Django +here):\n%s", a.Template, diff)
				}
			}
		})
	}
}

func TestErrorsNamePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, template, want string }{
		{"unknown filter", "{{ x }}\nä {{ x }}{{ x|nosuch }}", `inc/t.yaml:2:10: there is no filter "nosuch"; check its spelling`},
		{"refused filter", "{{ x|urlize }}", `inc/t.yaml:1:1: the filter "urlize" is not available in course files; write its result into the file or into template_context`},
		{"unclosed tag", "a\n\n{% if x %}\nb\n", "inc/t.yaml:3:1: the tag {% if x %} is not closed; add {% endif %}"},
		{"server tag", "{% load i18n %}", "inc/t.yaml:1:1: the tag {% load %} is not available in course files; write the text out or pass it in template_context"},
		{"empty", "\n{{ }}", "inc/t.yaml:2:1: {{ }} is empty; write a variable's name between the braces"},
		{"end without begin", "{% endif %}", "inc/t.yaml:1:1: {% endif %} has no tag that it belongs to; remove it or add the opening tag before it"},
		{"while rendering", "{% for i in 'ab' %}\n{{ i|divisibleby:2 }}{% endfor %}", "inc/t.yaml:2:1: filter divisibleby: 'a': not a whole number"},
		{"missing argument", "{{ 1|default:nosuch }}", `inc/t.yaml:1:1: the variable "nosuch" does not exist; add it to template_context, or test it with {% if %} first`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := djtemplate.Render("inc/t.yaml", tt.template, pyvalue.NewMap())
			var at *djtemplate.Error
			if !errors.As(err, &at) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedTags(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"load static", "include 'x'", "extends 'x'", "url 'x'", "static 'x'", "trans 'x'", "csrf_token", "debug"} {
		if got, err := djtemplate.Render("t.yaml", "{% "+tag+" %}", pyvalue.NewMap()); err == nil {
			t.Errorf("%s rendered %q, want an error", tag, got)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	items := make([]*pyvalue.Value, 1000)
	for i := range items {
		items[i] = pyvalue.NewInt(int64(i))
	}
	members := make([]pyvalue.Entry, 1000)
	for i := range members {
		members[i] = pyvalue.Field("k"+strconv.Itoa(i), items[i])
	}
	deep := pyvalue.NewList(items...)
	for range 100 {
		deep = pyvalue.NewList(items[0], deep, items[1], deep)
	}
	context := pyvalue.NewMap(
		pyvalue.Field("long", pyvalue.NewString(long)),
		pyvalue.Field("items", pyvalue.NewList(items...)),
		pyvalue.Field("others", pyvalue.NewList(append([]*pyvalue.Value{}, items...)...)),
		pyvalue.Field("members", pyvalue.NewMap(members...)),
		pyvalue.Field("one", pyvalue.NewList(pyvalue.NewInt(1))),
		pyvalue.Field("deep", deep),
	)
	nest := func(n int, open, body, end string) string {
		return strings.Repeat(open, n) + body + strings.Repeat(end, n)
	}
	tests := []struct{ name, template, want string }{
		{"output", "{{ long }}{{ long }}{{ long }}{{ long }}{{ long }}", "the output is larger"},
		{"loops", nest(5, "{% for i in items %}", "", "{% endfor %}"), "steps"},
		{"nesting", nest(200, "{% if 1 %}", "", "{% endif %}"), "inside each other"},
		{"doubling", nest(30, "{% with long=long|add:long %}", "", "{% endwith %}"), "larger than the limit"},
		{"width", "{{ long|ljust:999999999 }}", "beyond the limit"},
		{"format width", "{{ 1|stringformat:'999999999d' }}", "beyond the limit"},
		{"join", "{{ long|join:'" + strings.Repeat("-", 100) + "' }}", "larger than the limit"},
		{"long filters in loops", "{% for i in items %}{% for j in items %}{% if long|upper|lower == 'x' %}{% endif %}{% endfor %}{% endfor %}", "steps"},
		{"searches", strings.Repeat("{% if 7777 in items %}{% endif %}", 4000), "steps"},
		{"comparisons", strings.Repeat("{% if items == others %}{% endif %}", 4000), "steps"},
		{"changes", "{% for i in items %}{% for j in items %}{% ifchanged j items %}{% endifchanged %}{% endfor %}{% endfor %}", "steps"},
		{"members", strings.Repeat("{{ members.k }}", 30_000), "steps"},
		{"views", strings.Repeat("{{ members.items.0 }}", 1000), "steps"},
		{"letters of a text", "{% with a=long|make_list %}{% endwith %}", "steps"},
		{"loops over letters", "{% for a in long %}{% endfor %}", "steps"},
		{"slices", strings.Repeat("{% if items|slice:'1:' %}{% endif %}", 4000), "steps"},
		{"loops in loops shown", nest(50, "{% for i in one %}", strings.Repeat("{{ forloop.first }}", 2000), "{% endfor %}"), "steps"},
		{"groups", strings.Repeat("{% regroup items by x as g %}", 1000), "steps"},
		{"shown", "{{ deep }}", "steps"},
		{"first shown", "{% firstof deep %}", "steps"},
		{"cycles shown", "{% cycle deep deep %}", "steps"},
		{"as text", "{{ deep|upper }}", "steps"},
		{"formatted", "{{ deep|stringformat:'s' }}", "steps"},
		{"as number", "{{ deep|floatformat }}", "steps"},
		{"as JSON", "{{ deep|json_script:'x' }}", "steps"},
		{"as argument", "{{ 'x'|cut:deep }}", "steps"},
		{"as an equal", "{% ifequal deep others %}{% endifequal %}" + strings.Repeat("{% ifequal items others %}{% endifequal %}", 4000), "steps"},
		{"as a wrong number", "{{ deep|divisibleby:2 }}", "more than 1000 parts"},
		{"joined", "{{ deep|join:'' }}", "steps"},
		{"safe", "{{ deep|safeseq }}", "steps"},
		{"tree", "{{ deep|unordered_list }}", "steps"},
		{"operators", "{% if " + strings.Repeat("not ", 5000) + "1 %}{% endif %}", "too many operators"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := djtemplate.Render("t.yaml", tt.template, context)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestEngineClockAndChance(t *testing.T) {
	t.Parallel()
	engine := djtemplate.Engine{
		Now:  func() time.Time { return time.Date(2024, 2, 29, 13, 5, 9, 0, time.FixedZone("", 7200)) },
		Pick: func(n int) int { return n - 1 },
	}
	got, err := engine.Render("t.yaml", `{% now "Y-m-d H:i" %} {% now "jS \o\f F" as day %}{{ day }} {{ 'abc'|random }}`, pyvalue.NewMap())
	if err != nil {
		t.Fatal(err)
	}
	if want := "2024-02-29 11:05 29th of February c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestContextMustBeMapping(t *testing.T) {
	t.Parallel()
	for _, context := range []*pyvalue.Value{nil, pyvalue.NewList()} {
		if _, err := djtemplate.Render("t.yaml", "x", context); err == nil {
			t.Errorf("context %v: want an error", context)
		}
	}
}

// FuzzRender looks for templates that crash, hang or escape their errors' type.
func FuzzRender(f *testing.F) {
	context, answers := readAnswers(f)
	for _, a := range answers {
		f.Add(a.Template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		_, err := djtemplate.Render("t.yaml", template, context)
		var at *djtemplate.Error
		if err != nil && (!errors.As(err, &at) || at.Pos.Line < 1 || at.Pos.Column < 1) {
			t.Errorf("got %#v, want an *Error with a place", err)
		}
	})
}
