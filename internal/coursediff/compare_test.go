package coursediff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/coursediff"
)

// document is an A+ document with the categories x and y.
func document(modules string, more ...string) string {
	return `{"name": "Course", "categories": {"x": {"name": "X"}, "y": {"name": "Y"}}, ` + strings.Join(more, "") + `"modules": [` + modules + `]}`
}

func module(key, children string, more ...string) string {
	return fmt.Sprintf(`{"key": %q, %s "children": [%s]}`, key, strings.Join(more, ""), children)
}

func exercise(key string, more ...string) string {
	return fmt.Sprintf(`{"key": %q, "category": "x", "max_submissions": 10, %s "children": []}`, key, strings.Join(more, ""))
}

func chapter(key, page, children string) string {
	return fmt.Sprintf(`{"key": %q, "category": "x", "url": "BASE/static/c/%s", "children": [%s]}`, key, page, children)
}

// told writes differences in short: a line each, with ! before what is dangerous.
func told(items []course.DiffItem) string {
	var b strings.Builder
	place := func(p course.DiffPlace) string {
		if p == (course.DiffPlace{}) {
			return "-"
		}
		out := p.Key
		if p.Parent != "" {
			out = p.Parent + "/" + out
		}
		if p.Module != "" {
			out = p.Module + ":" + out
		}
		return out
	}
	for _, i := range items {
		if i.Dangerous {
			b.WriteString("! ")
		}
		fmt.Fprintf(&b, "%s %s %s > %s", i.Change, i.Kind, place(i.Old), place(i.New))
		for _, f := range i.Fields {
			fmt.Fprintf(&b, " %s=%s>%s", f.Name, f.Old, f.New)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after, want string }{
		"nothing": {
			before: document(module("m", chapter("c", "c.html", exercise("e")))),
			after:  document(module("m", chapter("c", "c.html", exercise("e")))),
		},
		"the first release": {
			before: `{}`,
			after:  document(module("m", exercise("e"))),
			want: "changed course - > - name=>Course\nadded category - > x\nadded category - > y\n" +
				"added module - > m\nadded exercise - > m:e\n",
		},
		"added": {
			before: document(module("m", chapter("c", "c.html", ""))),
			after:  document(module("m", chapter("c", "c.html", exercise("e"))) + "," + module("n", "")),
			want:   "added exercise - > m:c/e\nadded module - > n\n",
		},
		"removed": {
			before: document(module("m", chapter("c", "c.html", exercise("e"))) + "," + module("n", "")),
			after:  document(module("m", "")),
			want:   "removed chapter m:c > -\n! removed exercise m:c/e > -\nremoved module n > -\n",
		},
		"renamed chapter": {
			before: document(module("m", chapter("c", "c.html", exercise("e")))),
			after:  document(module("m", chapter("d", "c.html", exercise("e")))),
			want:   "renamed chapter m:c > m:d\nmoved exercise m:c/e > m:d/e\n",
		},
		"renamed exercise": {
			before: document(module("m", exercise("e", `"title": "One", "url": "http://g/5/e", "model_answer": "BASE/model/c/e/a.py?lang=en BASE/model/c/e/b.py",`))),
			after:  document(module("m", exercise("f", `"title": "One", "url": "http://g/5/f", "model_answer": "BASE/model/c/f/a.py?lang=en BASE/model/c/f/b.py",`))),
			want:   "! renamed exercise m:e > m:f\n",
		},
		"an exercise with other content is not renamed": {
			before: document(module("m", exercise("e", `"title": "One",`))),
			after:  document(module("m", exercise("f", `"title": "Two",`))),
			want:   "added exercise - > m:f\n! removed exercise m:e > -\n",
		},
		"what could be two is not renamed": {
			before: document(module("m", exercise("e")+","+exercise("f"))),
			after:  document(module("m", exercise("g"))),
			want:   "added exercise - > m:g\n! removed exercise m:e > -\n! removed exercise m:f > -\n",
		},
		"renamed module": {
			before: document(module("m", exercise("e")+","+exercise("f"))),
			after:  document(module("n", exercise("e")+","+exercise("f"))),
			want:   "renamed module m > n\n! moved exercise m:e > n:e\n! moved exercise m:f > n:f\n",
		},
		"moved within the module": {
			before: document(module("m", chapter("c", "c.html", exercise("e")))),
			after:  document(module("m", chapter("c", "c.html", "")+","+exercise("e"))),
			want:   "moved exercise m:c/e > m:e\n",
		},
		"moved to another module": {
			before: document(module("m", exercise("e")) + "," + module("n", exercise("f"))),
			after:  document(module("m", "") + "," + module("n", exercise("f")+","+exercise("e", `"max_points": 5,`))),
			want:   "! moved exercise m:e > n:e max_points=>5\n",
		},
		"the same key in two modules": {
			before: document(module("m", exercise("e")) + "," + module("n", exercise("e"))),
			after:  document(module("m", exercise("e")) + "," + module("n", "")),
			want:   "! removed exercise n:e > -\n",
		},
		"exercise that becomes a chapter": {
			before: document(module("m", exercise("e"))),
			after:  document(module("m", chapter("e", "e.html", ""))),
			want:   "! changed chapter m:e > m:e max_submissions=10> type=exercise>chapter\n",
		},
		"chapter that becomes an exercise": {
			before: document(module("m", chapter("e", "e.html", ""))),
			after:  document(module("m", exercise("e"))),
			want:   "changed exercise m:e > m:e max_submissions=>10 type=chapter>exercise\n",
		},
		"points, deadlines and categories": {
			before: document(module("m", exercise("e", `"max_points": 5, "points_to_pass": 0,`), `"open": "2026-01-01", "close": "2026-02-01",`), `"end": "2026-05-01",`),
			after:  document(module("m", `{"key": "e", "category": "y", "max_submissions": 10, "max_points": 10, "points_to_pass": 0}`, `"open": "2026-01-01", "close": "2026-03-01",`), `"end": "2026-06-01",`),
			want:   "changed course - > - end=2026-05-01>2026-06-01\nchanged module m > m close=2026-02-01>2026-03-01\nchanged exercise m:e > m:e category=x>y max_points=5>10\n",
		},
		"categories": {
			before: `{"categories": {"x": {"name": "X"}, "z": {"name": "Z"}}, "modules": []}`,
			after:  `{"categories": {"x": {"name": {"fi": "Y", "en": "X"}, "points_to_pass": 1}, "y": {"name": "Y"}}, "modules": []}`,
			want:   "changed category x > x name=X>en: X, fi: Y points_to_pass=>1\nadded category - > y\nremoved category z > -\n",
		},
		"A+ skips what has no category": {
			before: document(module("m", exercise("e"))),
			after:  document(module("m", `{"key": "e", "category": "none", "max_submissions": 10}`)),
			want:   "! removed exercise m:e > -\n",
		},
		"numbers and spaces do not differ": {
			before: document(module("m", exercise("e", `"max_points": 5,`))),
			after:  document(module("m", exercise("e", `"max_points":  5.0,`))),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := coursediff.Compare([]byte(test.before), []byte(test.after))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, told(items)); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

func TestCompareRefusesDamage(t *testing.T) {
	t.Parallel()
	whole := document("")
	for _, damaged := range []string{``, `[]`, `{"modules": {}}`, `{"categories": []}`, `{"categories": {"x": 1}}`, document(`{"key": "m", "children": 1}`), document(`1`)} {
		if _, err := coursediff.Compare([]byte(damaged), []byte(whole)); err == nil {
			t.Errorf("%s is compared", damaged)
		}
		if _, err := coursediff.Compare([]byte(whole), []byte(damaged)); err == nil {
			t.Errorf("%s is compared with", damaged)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(document(module("m", chapter("c", "c.html", exercise("e")))), document(module("n", exercise("f"))))
	f.Add(`{}`, `{"categories": {"x": {"name": null}}, "modules": [{"key": 1, "children": [{"key": [], "category": "x", "lti": 1}]}]}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		items, err := coursediff.Compare([]byte(before), []byte(after))
		if err != nil {
			return
		}
		for _, i := range items {
			if i.Change == course.DiffChanged && len(i.Fields) == 0 {
				t.Errorf("%+v says nothing", i)
			}
		}
		if same, err := coursediff.Compare([]byte(after), []byte(after)); err != nil || len(same) > 0 {
			t.Errorf("a document differs from itself: %s, %v", told(same), err)
		}
	})
}
