package courseconfig

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// order compares two dates of a record. known is false while one of them is
// missing or is a text that is no date. A date with a zone and one without
// cannot be compared: that is a problem.
func (c *checker) order(r *record, first string, other *record, second string) (cmp int, known bool) {
	a, okA := r.get(first).(moment)
	b, okB := other.get(second).(moment)
	if !okA || !okB {
		return 0, false
	}
	timeA, naiveA, okA := a.compared()
	timeB, naiveB, okB := b.compared()
	if !okA || !okB {
		return 0, false
	}
	if naiveA != naiveB {
		c.fail(r.input(first), r.at.at(first), fmt.Sprintf("%s (%s) and %s (%s) cannot be compared: one has a time zone, the other has none", first, a, second, b), "write both without a zone, such as 2026-09-01 12:00")
		return 0, false
	}
	return timeA.Compare(timeB), true
}

// asTold gives a date for a message about an order, with what a day counts as.
func asTold(value any) string {
	m, _ := value.(moment)
	if m.form == momentDay {
		return m.String() + ", which means the end of that day"
	}
	return m.String()
}

// checkModule holds a module's dates against each other.
func checkModule(c *checker, r *record) {
	if cmp, known := c.order(r, "open", r, "close"); known && cmp > 0 {
		c.fail(r.input("open"), r.at.at("open"), "the module opens ("+asTold(r.get("open"))+") after it closes ("+asTold(r.get("close"))+")", "")
	}
	if cmp, known := c.order(r, "late_close", r, "close"); known && cmp < 0 {
		c.fail(r.input("late_close"), r.at.at("late_close"), "late_close ("+asTold(r.get("late_close"))+") is before close ("+asTold(r.get("close"))+")", "")
	}
	if cmp, known := c.order(r, "read-open", r, "open"); known && cmp >= 0 {
		c.fail(r.input("read-open"), r.at.at("read-open"), "read-open ("+asTold(r.get("read-open"))+") is not before open ("+asTold(r.get("open"))+")", "")
	}
	c.warnStatus(r, "ready", "unlisted", "hidden", "maintenance")
	c.warnKey(r)
	if v, ok := r.source.Get("type"); ok {
		c.warn(v, r.at.at("type"), "the module type "+asShown(v)+" is not known", noType("module_types", v, c.moduleTypes))
	}
}

func asShown(v *pyvalue.Value) string {
	if v.Kind == pyvalue.String {
		return quote(v.Str)
	}
	return clip(pyvalue.PyStr(v))
}

// warnStatus warns of a status at which A+ ends its import.
func (c *checker) warnStatus(r *record, allowed ...string) {
	status, ok := r.get("status").(string)
	if ok && !slices.Contains(allowed, status) {
		hint := ""
		if near := nearest(status, allowed); near != "" {
			hint = "did you mean " + near + "?"
		}
		c.warn(r.input("status"), r.at.at("status"), "A+ refuses the status "+quote(status)+"; it knows "+strings.Join(allowed, ", "), hint)
	}
}

// lmsKey is what A+ takes as a key of a module or a learning object.
var lmsKey = regexp.MustCompile(`^[\pL\pN_][\pL\pN_\-.]*$`)

func (c *checker) warnKey(r *record) {
	if key, ok := r.get("key").(string); ok && !lmsKey.MatchString(key) {
		c.warn(r.input("key"), r.at.at("key"), "A+ refuses the key "+quote(key), "use letters, digits, underscores, hyphens and dots, beginning with a letter, digit or underscore")
	}
}

// checkExercise warns of what A+ will not do as the teacher expects.
func checkExercise(c *checker, r *record) {
	grading, _ := r.get("allow_assistant_grading").(bool)
	viewing, _ := r.get("allow_assistant_viewing").(bool)
	if grading && !viewing {
		c.warn(r.input("allow_assistant_grading"), r.at.at("allow_assistant_grading"), "assistants may grade submissions that they may not see", "set allow_assistant_viewing to true as well")
	}
	if v := r.input("type"); v != nil {
		c.warn(v, r.at.at("type"), "the exercise type "+asShown(v)+" is not known here", noType("exercise_types", v, c.exerciseTypes))
	}
}

func checkCollection(c *checker, r *record) {
	own, okOwn := r.get("category").(string)
	target, okTarget := r.get("target_category").(string)
	if okOwn && okTarget && own == target {
		c.fail(r.input("target_category"), r.at.at("target_category"), "target_category is the collection's own category "+quote(own), "name a category of the course that is collected from")
	}
}

// checkCourse holds the parts of a course against each other.
func checkCourse(c *checker, r *record) {
	modules := records(r.list("modules"))
	c.uniqueTexts(modules, "module", "key")
	c.uniqueTexts(records(r.list("configures")), "item", "url")
	categories, _ := r.get("categories").(pairs)
	known := map[string]bool{}
	for _, category := range categories {
		known[category.key] = true
	}
	for _, m := range modules {
		c.checkChildren(m, known, categories)
		c.checkAgainstEnd(r, m)
	}
	if cmp, known := c.order(r, "start", r, "end"); known && cmp > 0 {
		c.fail(r.input("start"), r.at.at("start"), "the course starts ("+asTold(r.get("start"))+") after it ends ("+asTold(r.get("end"))+")", "")
	}
	c.checkStatic(r)
	c.warnLanguage(r)
}

func records(list []any) []*record {
	out := make([]*record, 0, len(list))
	for _, item := range list {
		if r, ok := item.(*record); ok {
			out = append(out, r)
		}
	}
	return out
}

// lineOf tells where something stands.
func lineOf(v *pyvalue.Value) string { return "in line " + strconv.Itoa(v.Pos.Line) }

func (c *checker) uniqueTexts(list []*record, noun, name string) {
	seen := map[string]*pyvalue.Value{}
	for _, r := range list {
		value, ok := r.get(name).(string)
		if !ok {
			continue
		}
		from := r.input(name)
		if from == nil {
			from = r.source
		}
		if first := seen[value]; first != nil {
			c.fail(from, r.at.at(name), "another "+noun+", "+lineOf(first)+", has the "+name+" "+quote(value), "give each its own, or put them together")
		} else {
			seen[value] = from
		}
	}
}

// checkChildren holds the categories and keys of a module's objects against the
// course. A+ leaves out an object without a category, so that is an error; for
// objects below others gitmanager never checked it, so there it is a warning.
func (c *checker) checkChildren(module *record, known map[string]bool, categories pairs) {
	keys := map[string]*pyvalue.Value{}
	walkObjects(records(module.list("children")), 0, func(o *record, depth int) {
		c.warnKey(o)
		c.warnStatus(o, "ready", "unlisted", "enrollment", "enrollment_ext", "hidden", "maintenance")
		if key, ok := o.get("key").(string); ok {
			if first := keys[key]; first != nil {
				c.fail(o.input("key"), o.at.at("key"), "another object of this module, "+lineOf(first)+", has the key "+quote(key), "keys of chapters and exercises are unique in a module")
			} else {
				keys[key] = o.input("key")
			}
		}
		category, ok := o.get("category").(string)
		if !ok || categories == nil || known[category] {
			return
		}
		if depth == 0 && c.full() {
			c.failures++
			return
		}
		message := "there is no category " + quote(category) + " in categories"
		listed := listOf("; categories has ", categories.keys())
		hint := "add it to categories"
		if near := nearest(category, categories.keys()); near != "" {
			hint = "did you mean " + near + "?"
		}
		if depth == 0 {
			c.fail(o.input("category"), o.at.at("category"), message+listed, hint)
		} else {
			c.warn(o.input("category"), o.at.at("category"), message+", so A+ leaves the object out"+listed, hint)
		}
	})
}

// listOf names a few words after others, nothing where there are none or many.
func listOf(before string, words []string) string {
	const most = 12
	if len(words) == 0 || len(words) > most {
		return ""
	}
	shown := make([]string, 0, len(words))
	for _, w := range words {
		shown = append(shown, clip(w))
	}
	return before + strings.Join(shown, ", ")
}

func (p pairs) keys() []string {
	out := make([]string, 0, len(p))
	for _, e := range p {
		out = append(out, e.key)
	}
	return out
}

// walkObjects visits learning objects in document order.
func walkObjects(list []*record, depth int, visit func(o *record, depth int)) {
	for _, o := range list {
		visit(o, depth)
		walkObjects(records(o.list("children")), depth+1, visit)
	}
}

// checkAgainstEnd holds a module's end against the course's.
func (c *checker) checkAgainstEnd(course, module *record) {
	if module.get("close") != nil {
		if cmp, known := c.order(module, "close", course, "end"); known && cmp > 0 {
			c.warn(module.input("close"), module.at.at("close"), "the module closes ("+asTold(module.get("close"))+") after the course ends ("+asTold(course.get("end"))+")", "")
		}
		return
	}
	if cmp, known := c.order(module, "late_close", course, "end"); known && cmp < 0 {
		c.fail(module.input("late_close"), module.at.at("late_close"), "late_close ("+asTold(module.get("late_close"))+") is before the course ends ("+asTold(course.get("end"))+") in a module without close", "give the module a close")
	}
}

// checkStatic keeps the course's static folder inside the course.
func (c *checker) checkStatic(r *record) {
	if dir, ok := r.get("static_dir").(string); ok {
		if _, inside := within("", dir); !inside {
			c.fail(r.input("static_dir"), r.at.at("static_dir"), "the folder "+quote(dir)+" is outside the course", "name a folder of the course")
		}
	}
}

// warnLanguage warns where language is not quite the same as lang.
func (c *checker) warnLanguage(r *record) {
	v, short := r.source.Get("language")
	if _, usual := r.source.Get("lang"); !short || usual {
		return
	}
	if meant := defaultLanguage(with(r.source, "lang", v)); meant != defaultLanguage(r.source) {
		c.warn(v, r.at.at("language"), "written as language instead of lang, this does not make "+quote(meant)+" the default language of exercise configurations", "write lang")
	}
}
