package courseconfig_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/courseconfig/pyvalue"
)

func compileSchema(t *testing.T, kind courseconfig.SchemaKind) *jsonschema.Schema {
	t.Helper()
	text, err := courseconfig.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	name := "schema://" + string(kind)
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAccepts holds the schemas to every file of every course that loads,
// and wants the index schema to refuse a good part of the others.
func TestSchemaAccepts(t *testing.T) {
	t.Parallel()
	index, exercise := compileSchema(t, courseconfig.IndexSchema), compileSchema(t, courseconfig.ExerciseSchema)
	dirs, keys := allCourses(t)
	refused, both := 0, 0
	for i, dir := range dirs {
		c, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: keys[i], DefaultGraderURL: "http://grader.example/"})
		if err != nil {
			t.Fatal(err)
		}
		if c == nil {
			if v := asJSON(t, dir, "index.yaml"); v != nil && report.Errors[0].File == "index.yaml" {
				refused++
				if index.Validate(v) != nil {
					both++
				}
			}
			continue
		}
		for _, file := range c.Files() {
			schema := exercise
			switch name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)); {
			case name == "index":
				schema = index
			case !isConfiguration(c, file):
				continue
			}
			if err := schema.Validate(asJSON(t, dir, file)); err != nil {
				t.Errorf("%s: the schema refuses %s: %v", keys[i], file, err)
			}
		}
	}
	t.Logf("of %d refused indexes the schema refuses %d", refused, both)
	if both < refused*2/3 {
		t.Errorf("the schema refuses only %d of %d indexes that do not load", both, refused)
	}
}

// isConfiguration says whether a file is an exercise configuration itself.
func isConfiguration(c *courseconfig.Course, file string) bool {
	for _, f := range c.ConfigFiles() {
		if f == file {
			return true
		}
	}
	return false
}

func allCourses(t *testing.T) (dirs, keys []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/oracle/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		dir, want := unpack(t, file)
		dirs, keys = append(dirs, dir), append(keys, want.Key)
	}
	if folder := findAbove(t, filepath.Join("shared", "oracle", "real")); folder != "" {
		list, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			dirs, keys = append(dirs, filepath.Join(folder, e.Name(), "input")), append(keys, e.Name())
		}
	}
	return dirs, keys
}

// asJSON reads a file as the schema validator wants it; nil when that cannot be.
func asJSON(t *testing.T, dir, file string) any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil
	}
	read := pyvalue.ReadYAML
	if filepath.Ext(file) == ".json" {
		read = pyvalue.ReadJSON
	}
	v, err := read(file, data, pyvalue.Limits{})
	if err != nil {
		return nil
	}
	for i := range v.Entries { // Python's sets are lists to the course
		if v.Entries[i].Value.Kind == pyvalue.Set {
			v.Entries[i].Value.Kind = pyvalue.List
		}
	}
	text, err := pyvalue.AppendJSON(nil, v)
	if err != nil {
		return nil
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaUnknown(t *testing.T) {
	t.Parallel()
	if _, err := courseconfig.Schema("nosuch"); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("got %v, want %v", err, course.ErrNotFound)
	}
}

func TestSchemaMentionsEveryField(t *testing.T) {
	t.Parallel()
	text, err := courseconfig.Schema(courseconfig.IndexSchema)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct{ Description string } `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]struct{ Description string } `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for where, properties := range map[string]map[string]struct{ Description string }{
		"course": s.Properties, "module": s.Defs["module"].Properties, "object": s.Defs["object"].Properties,
	} {
		if len(properties) < 18 {
			t.Errorf("%s: only %d properties", where, len(properties))
		}
		for name, p := range properties {
			if p.Description == "" {
				t.Errorf("%s: %s has no description", where, name)
			}
		}
	}
}
