package courseconfig_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"coursewright/internal/courseconfig"
)

// odd are values that are wrong, or nearly wrong, in many places; as JSON.
var odd = []string{
	`null`, `true`, `false`, `1`, `-5`, `-0.5`, `1.5`, `""`, `"x"`, `"5"`, `"-5"`, `"-0"`, `"1_0"`, `"1__0"`, `" 5 "`, `"٥"`,
	`"1.5"`, `"-0.5"`, `"1e-3"`, `"yes"`, `"2026-01-01"`, `"1d"`, `"P1DT2H"`, `"P1X"`, `"/abs"`, `"a\u0000b"`,
	`[]`, `[5]`, `[["a","b"]]`, `{}`, `{"en":"x"}`, `{"english":"x"}`, `{"a":{"b":"c"}}`,
}

// spot is a place in a document: keys and indexes.
type spot []any

// spots lists the places below v.
func spots(v any, at spot) []spot {
	var out []spot
	add := func(key, value any) {
		there := append(slices.Clone(at), key)
		out = append(out, there)
		out = append(out, spots(value, there)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			add(key, value)
		}
	case []any:
		for i, value := range v {
			add(i, value)
		}
	}
	return out
}

// changed gives a copy of doc with another value at a place; the value nil
// removes it.
func changed(t *testing.T, doc []byte, at spot, value json.RawMessage) []byte {
	t.Helper()
	root := parseJSON(t, doc)
	v := root
	for _, key := range at[:len(at)-1] {
		v = inside(v, key)
	}
	switch last := at[len(at)-1].(type) {
	case string:
		m := v.(map[string]any)
		if m[last] = value; value == nil {
			delete(m, last)
		}
	case int:
		if value == nil {
			value = json.RawMessage("null")
		}
		v.([]any)[last] = value
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func inside(v, key any) any {
	if i, ok := key.(int); ok {
		return v.([]any)[i]
	}
	return v.(map[string]any)[key.(string)]
}

// agreement holds a schema to what loading says about one file of a course.
type agreement struct {
	dir, file string
	schema    *jsonschema.Schema
	depends   []string // parts of messages about what a schema cannot know
}

// verdicts says whether the course loads with this file, the schema accepts the
// file, and the first error of loading.
func (a agreement) verdicts(t *testing.T, data []byte) (loads, fits bool, why string) {
	t.Helper()
	writeFile(t, filepath.Join(a.dir, a.file), data)
	c, report, err := courseconfig.Load(t.Context(), a.dir, courseconfig.Settings{Key: "full"})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		why = report.Errors[0].Message
	}
	return c != nil, a.schema.Validate(doc) == nil, why
}

// check changes every place of a document that is right. The schema must accept
// what loads, and refuse what does not, save for what depends on other places.
func (a agreement) check(t *testing.T, doc []byte) {
	t.Helper()
	if loads, fits, why := a.verdicts(t, doc); !loads || !fits {
		t.Fatalf("the file without changes: loads %v, fits %v %s", loads, fits, why)
	}
	for _, at := range spots(parseJSON(t, doc), nil) {
		for _, value := range append([]string{""}, odd...) {
			var to json.RawMessage
			if value != "" {
				to = json.RawMessage(value)
			}
			loads, fits, why := a.verdicts(t, changed(t, doc, at, to))
			if loads && !fits {
				t.Errorf("%s = %s loads, but the schema refuses it", shown(at), value)
			}
			if !loads && fits && !slices.ContainsFunc(a.depends, func(s string) bool { return strings.Contains(why, s) }) {
				t.Errorf("%s = %s does not load (%s), but the schema accepts it", shown(at), value, why)
			}
		}
	}
}

func fullCourse(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{"_static/p.html": "x", "a": "x", "inc.json": `{"included": 1}`}
	for _, name := range []string{"index.json", "ex.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

func TestIndexSchemaAgrees(t *testing.T) {
	t.Parallel()
	files := fullCourse(t)
	a := agreement{dir: courseFolder(t, files), file: "index.json", schema: compileSchema(t, courseconfig.IndexSchema)}
	a.depends = []string{
		`needs the key "url"`, "another", "no category", "own category", "outside", "there is no file", "cannot be compared", "is before", "after it", "cannot stand in the address",
		`the text "٥"`,
	}
	a.check(t, []byte(files["index.json"]))
}

func TestExerciseSchemaAgrees(t *testing.T) {
	t.Parallel()
	files := fullCourse(t)
	a := agreement{dir: courseFolder(t, files), file: "ex.json", schema: compileSchema(t, courseconfig.ExerciseSchema)}
	a.depends = []string{"needs the key", "there is no file", "outside", "is a folder"}
	a.check(t, []byte(files["ex.json"]))
}

func shown(at spot) string {
	var out []string
	for _, key := range at {
		if i, ok := key.(int); ok {
			key = strconv.Itoa(i)
		}
		out = append(out, key.(string))
	}
	return strings.Join(out, ".")
}

// TestSchemaRefuses lists what teachers get wrong that a schema can tell.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	const module = `{"name": "C", "modules": [MODULE]}`
	const object = `{"name": "C", "modules": [{"key": "m", "name": "M", "children": [OBJECT]}]}`
	const exercise = `{"title": "T", "view_type": "v", MORE}`
	tests := []struct {
		name, outer, inner string
		kind               courseconfig.SchemaKind
	}{
		{"no modules", `{"name": "C"}`, "", courseconfig.IndexSchema},
		{"module with name and title", module, `{"key": "m", "name": "a", "title": "b"}`, courseconfig.IndexSchema},
		{"module without key", module, `{"name": "a"}`, courseconfig.IndexSchema},
		{"object with name and title", object, `{"key": "e", "category": "c", "name": "a", "title": "b"}`, courseconfig.IndexSchema},
		{"negative points", object, `{"key": "e", "category": "c", "max_points": "-5"}`, courseconfig.IndexSchema},
		{"misspelt key", object, `{"key": "e", "category": "c", "max_point": 5}`, courseconfig.IndexSchema},
		{"unknown grading mode", object, `{"key": "e", "category": "c", "grading_mode": "first"}`, courseconfig.IndexSchema},
		{"chapter with points", object, `{"key": "e", "category": "c", "static_content": "a", "max_points": 5}`, courseconfig.IndexSchema},
		{"collection without points", object, `{"key": "e", "category": "c", "target_category": "a", "target_url": "b"}`, courseconfig.IndexSchema},
		{"children as a mapping", object, `{"key": "e", "category": "c", "children": {"key": "x"}}`, courseconfig.IndexSchema},
		{"absolute page", object, `{"key": "e", "category": "c", "static_content": "/a"}`, courseconfig.IndexSchema},
		{"no title", `{"view_type": "v"}`, "", courseconfig.ExerciseSchema},
		{"number as a file", exercise, `"model_files": [5]`, courseconfig.ExerciseSchema},
		{"unknown tag", exercise, `"x|foo": 1`, courseconfig.ExerciseSchema},
		{"unknown tag below another", exercise, `"x|foo|i18n": {}`, courseconfig.ExerciseSchema},
		{"unknown tag inside", exercise, `"a|i18n": {"en": [{"x|foo": 1}]}`, courseconfig.ExerciseSchema},
		{"translation that is no mapping", exercise, `"a|i18n": "x"`, courseconfig.ExerciseSchema},
		{"include without a file", exercise, `"include": [{"force": true}]`, courseconfig.ExerciseSchema},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer("MODULE", tt.inner, "OBJECT", tt.inner, "MORE", tt.inner).Replace(tt.outer)
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if compileSchema(t, tt.kind).Validate(doc) == nil {
				t.Errorf("the schema accepts %s", text)
			}
		})
	}
}

// TestSchemaPatternsAreCommon keeps out of the patterns what not every engine of
// regular expressions knows or reads alike.
func TestSchemaPatternsAreCommon(t *testing.T) {
	t.Parallel()
	for _, kind := range []courseconfig.SchemaKind{courseconfig.IndexSchema, courseconfig.ExerciseSchema} {
		text, err := courseconfig.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, special := range []string{`\\p`, `\\P`, `\\s`, `\\w`, `\\d`, `\\pL`, `(?!`, `(?=`, `(?<`, `(?i`, `(?P`, `\\A`, `\\z`, `\\Z`} {
			if bytes.Contains(text, []byte(special)) {
				t.Errorf("%s: a pattern holds %s", kind, special)
			}
		}
	}
}
