package coursetest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checker reads an aplus-json document as A+ does. An error ends the import;
// warnings do not.
type checker struct {
	document   map[string]any
	categories map[string]bool // the usable ones
	warnings   []string
	objects    []Object
}

func (c *checker) warn(place, format string, args ...any) {
	c.warnings = append(c.warnings, place+": "+fmt.Sprintf(format, args...))
}

// Longest texts and reserved keys in A+'s database.
const (
	maxName, maxModuleKey, maxObjectKey = 255, 255, 512
)

func reservedModules() []string {
	return []string{"toc", "teachers", "user", "exercises", "apps", "lti-login"}
}

func reservedObjects() []string { return []string{"submissions", "plain", "info"} }

func (c *checker) course() error {
	d := fields{c, "course", c.document}
	d.dates("start", "end", "enrollment_start", "enrollment_end", "lifesupport_time", "archive_time")
	d.soft("enrollment_audience", "internal", "external", "all")
	d.soft("view_content_to", "enrolled", "enrollment_audience", "all_registered", "public")
	d.soft("index_mode", "results", "toc", "last", "experimental")
	d.soft("content_numbering", "none", "arabic", "roman", "hidden")
	d.soft("module_numbering", "none", "arabic", "roman", "hidden")
	if err := d.longest("contact", maxName); err != nil {
		return err
	}
	if err := c.readCategories(); err != nil {
		return err
	}
	modules, ok := c.document["modules"].([]any)
	if !ok {
		return fmt.Errorf("modules is %T, not a list", c.document["modules"])
	}
	for n, item := range modules {
		if err := c.module(fmt.Sprintf("modules[%d]", n), item); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) readCategories() error {
	categories, ok := c.document["categories"].(map[string]any)
	if !ok {
		return fmt.Errorf("categories is %T, not an object", c.document["categories"])
	}
	c.categories = map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(categories)) {
		value := categories[key]
		place := "categories." + key
		category, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %T, not an object", place, value)
		}
		d := fields{c, place, category}
		if category["name"] == nil {
			c.warn(place, "a category needs a name")
			continue
		}
		if err := d.hard("status", "ready", "nototal", "hidden"); err != nil {
			return err
		}
		if err := d.texts("name", "description"); err != nil {
			return err
		}
		d.integers("points_to_pass")
		c.categories[key] = true
	}
	return nil
}

func (c *checker) module(place string, item any) error {
	m, ok := item.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %T, not an object", place, item)
	}
	d := fields{c, place, m}
	key, err := d.key(maxModuleKey, reservedModules())
	if err != nil {
		return err
	}
	if key == "" {
		c.warn(place, "a module needs a key")
		return nil
	}
	if err := d.hard("status", "ready", "unlisted", "hidden", "maintenance"); err != nil {
		return err
	}
	if err := d.texts("title", "name"); err != nil {
		return err
	}
	d.integers("order", "points_to_pass")
	d.dates("open", "close", "read-open", "late_close")
	d.durations("duration", "late_duration")
	return c.children(place, key, m["children"])
}

func (c *checker) children(place, parent string, list any) error {
	if list == nil {
		return nil
	}
	children, ok := list.([]any)
	if !ok {
		return fmt.Errorf("%s.children is %T, not a list", place, list)
	}
	for n, item := range children {
		if err := c.object(fmt.Sprintf("%s.children[%d]", place, n), parent, item); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) object(place, parent string, item any) error {
	o, ok := item.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %T, not an object", place, item)
	}
	d := fields{c, place, o}
	key, err := d.key(maxObjectKey, reservedObjects())
	if err != nil {
		return err
	}
	category, _ := o["category"].(string)
	if key == "" || !c.categories[category] {
		c.warn(place, "an object needs a key and a category of the course: it is left out")
		return nil
	}
	if err := d.hard("status", "ready", "unlisted", "enrollment", "enrollment_ext", "hidden", "maintenance"); err != nil {
		return err
	}
	if err := d.texts("title", "name", "url", "model_answer", "exercise_template"); err != nil {
		return err
	}
	if info := o["exercise_info"]; truthy(info) {
		if _, ok := info.(map[string]any); !ok {
			return fmt.Errorf("%s.exercise_info is %T, not an object", place, info)
		}
	}
	d.integers("order", "min_group_size", "max_group_size", "max_submissions", "max_points", "points_to_pass")
	if err := d.hard("grading_mode", "best", "last"); err != nil {
		return err
	}
	for _, name := range []string{"reveal_submission_feedback", "reveal_model_solutions"} {
		if err := d.rule(name); err != nil {
			return err
		}
	}
	c.objects = append(c.objects, Object{Key: key, Category: category, Class: class(o), URL: o["url"], Parent: parent})
	return c.children(place, key, o["children"])
}

// class decides what an object is, in A+'s order.
func class(o map[string]any) string {
	for _, test := range [][2]string{{"lti1p3", "lti1p3"}, {"lti", "lti"}, {"max_submissions", "exercise"}} {
		if _, given := o[test[0]]; given {
			return test[1]
		}
	}
	return "chapter"
}

// fields checks the fields of one object.
type fields struct {
	*checker
	place  string
	values map[string]any
}

// key gives the object's key, empty without one.
func (f fields) key(longest int, reserved []string) (string, error) {
	value, given := f.values["key"]
	if !given || value == nil || value == "" {
		return "", nil
	}
	key := fmt.Sprint(value)
	switch {
	case !regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}_.\-]*$`).MatchString(key):
		return "", fmt.Errorf("%s: %q cannot be a key", f.place, key)
	case utf8.RuneCountInString(key) > longest:
		return "", fmt.Errorf("%s: a key of more than %d characters", f.place, longest)
	case slices.Contains(reserved, key):
		return "", fmt.Errorf("%s: the key %q is A+'s own", f.place, key)
	}
	return key, nil
}

// hard is for choices that A+'s database refuses.
func (f fields) hard(name string, allowed ...string) error {
	if value, given := f.values[name]; given && !slices.Contains(allowed, fmt.Sprint(value)) {
		return fmt.Errorf("%s.%s is %q, allowed are %s", f.place, name, fmt.Sprint(value), strings.Join(allowed, ", "))
	}
	return nil
}

// soft is for choices that A+ warns of.
func (f fields) soft(name string, allowed ...string) {
	if err := f.hard(name, allowed...); err != nil {
		f.warnings = append(f.warnings, err.Error())
	}
}

// texts is for texts that may have translations.
func (f fields) texts(names ...string) error {
	for _, name := range names {
		parts := map[string]any{"": f.values[name]}
		if object, ok := f.values[name].(map[string]any); ok {
			parts = object
		}
		for _, language := range slices.Sorted(maps.Keys(parts)) {
			value := parts[language]
			text := fmt.Sprint(value)
			if strings.Contains(text, "|") {
				f.warn(f.place, "%s has a | in it, which A+ takes for translations", name)
			}
			if (name == "title" || name == "name") && utf8.RuneCountInString(text) > maxName {
				return fmt.Errorf("%s.%s has more than %d characters", f.place, name, maxName)
			}
			if _, ok := value.(string); !ok && value != nil {
				return fmt.Errorf("%s.%s %s is %T, not a text", f.place, name, language, value)
			}
		}
	}
	return nil
}

func (f fields) longest(name string, limit int) error {
	if text, ok := f.values[name].(string); ok && utf8.RuneCountInString(text) > limit {
		return fmt.Errorf("%s.%s has more than %d characters", f.place, name, limit)
	}
	return nil
}

func (f fields) integers(names ...string) {
	for _, name := range names {
		switch v := f.values[name].(type) {
		case nil, bool:
		case float64:
		case string:
			if _, err := strconv.Atoi(strings.TrimSpace(v)); err != nil {
				f.warn(f.place, "%s is %q, not a number", name, v)
			}
		default:
			f.warn(f.place, "%s is %T, not a number", name, v)
		}
	}
}

func (f fields) dates(names ...string) {
	shape := regexp.MustCompile(`^\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2}Z?| \d{1,2}(:\d{1,2}(:\d{1,2})?)?)?$`)
	for _, name := range names {
		if value := f.values[name]; value != nil && !shape.MatchString(fmt.Sprint(value)) {
			f.warn(f.place, "%s is %q, not a date that A+ reads", name, fmt.Sprint(value))
		}
	}
}

func (f fields) durations(names ...string) {
	shape := regexp.MustCompile(`^-?\d+[ymdhw]$`)
	for _, name := range names {
		if value := f.values[name]; value != nil && !shape.MatchString(fmt.Sprint(value)) {
			f.warn(f.place, "%s is %q, not a duration that A+ reads", name, fmt.Sprint(value))
		}
	}
}

// rule checks a rule for revealing.
func (f fields) rule(name string) error {
	value, given := f.values[name]
	if !given || value == nil {
		return nil
	}
	rule, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s.%s is %T, not an object", f.place, name, value)
	}
	d := fields{f.checker, f.place + "." + name, rule}
	d.soft("trigger", "immediate", "manual", "time", "deadline", "deadline_all", "deadline_or_full_points", "completion")
	d.dates("time")
	d.integers("delay_minutes")
	return nil
}

// truthy judges a decoded JSON value as Python does.
func truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// texts gives the items of a list, or one value, as texts.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok && truthy(value) {
		list = []any{value}
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}
