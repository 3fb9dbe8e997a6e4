package courseconfig

import (
	"encoding/json"
	"fmt"

	"coursewright/internal/course"
)

// SchemaKind names a JSON Schema.
type SchemaKind string

// The schemas there are.
const (
	IndexSchema    SchemaKind = "index"    // index.yaml or index.json
	ExerciseSchema SchemaKind = "exercise" // an exercise configuration
)

const schemaDraft = "https://json-schema.org/draft/2020-12/schema"

// Schema gives a JSON Schema, draft 2020-12, made from the tables that Load
// reads by. It accepts every file that Load accepts, save for mappings written
// as lists of pairs where nobody does; what several keys or files must say
// together, Load alone checks. A kind that does not exist is
// course.ErrNotFound.
func Schema(kind SchemaKind) ([]byte, error) {
	var s object
	switch kind {
	case IndexSchema:
		s = indexSchema()
	case ExerciseSchema:
		s = exerciseSchema()
	default:
		return nil, fmt.Errorf("schema %s: %w; there are %s and %s", quote(string(kind)), course.ErrNotFound, IndexSchema, ExerciseSchema)
	}
	s["$schema"] = schemaDraft
	return json.MarshalIndent(s, "", "  ")
}

func indexSchema() object {
	m := newModels("http://localhost") // the address only makes url optional
	m.configure.fields[m.configure.find("url")].fallback = nil
	s := m.course.schema()
	s["title"] = "Index of a course"
	properties := s["properties"].(object)
	properties["modules"].(object)["items"] = object{"$ref": "#/$defs/module"}
	properties["module_types"] = typesSchema("Entries that modules take over by naming the type.")
	properties["exercise_types"] = typesSchema("Entries that chapters and exercises take over by naming the type.")
	s["$defs"] = object{"module": m.moduleSchema(), "object": m.objectSchema()}
	return s
}

func typesSchema(doc string) object {
	return object{"description": doc, "type": []string{"object", "array", "string", "null"}, "additionalProperties": object{"type": []string{"object", "null"}}}
}

// exerciseKey is a key of an exercise configuration that the service itself
// reads. All others are the graders'.
type exerciseKey struct {
	name   string
	schema object
	doc    string
}

func exerciseKeys() []exerciseKey {
	files := object{"anyOf": []object{
		{"type": "array", "items": object{"type": "string"}},
		{"type": []string{"string", "object"}},
	}}
	return []exerciseKey{
		{"title", object{}, "Title of the exercise; needed."},
		{"view_type", object{}, "Kind of exercise, such as " + viewForm + "; needed."},
		{"description", object{}, "Short description."},
		{"url", object{}, "Address of the exercise's service, instead of the grader's."},
		{"lti", object{}, "Name of an LTI service in A+."},
		{"lti_context_id", object{}, "LTI context."},
		{"lti_resource_link_id", object{}, "LTI resource."},
		{"lti_aplus_get_and_post", object{}, "Whether A+ loads the exercise itself."},
		{"lti_open_in_iframe", object{}, "Whether the exercise opens inside the page."},
		{"lti1p3", object{}, "Name of an LTI 1.3 service in A+."},
		{"lti_custom", object{}, "Custom parameters of LTI 1.3."},
		{"exercise_info", object{}, "Data about the exercise, instead of the description of its form."},
		{"radar_info", object{}, "Data for the plagiarism service."},
		{"model_answer", object{}, "Addresses of the model answer, instead of model_files."},
		{"model_files", files, "Files of the model answer, paths from the course folder."},
		{"exercise_template", object{}, "Addresses of the template, instead of template_files."},
		{"template_files", files, "Files of the template, paths from the course folder."},
		{"fieldgroups", object{}, "Groups of fields of a form."},
		{"fields", object{}, "Fields of an exercise that accepts texts."},
		{"files", object{}, "Files of an exercise that accepts files."},
		{"container", object{}, "Container that grades; the grader gets the files of its mount."},
		{"template", object{}, "Template of the page; with ./ the grader gets the file."},
		{"feedback_template", object{}, "Template of the feedback; with ./ the grader gets the file."},
		{"instructions_file", object{}, "File with instructions, which the grader gets."},
	}
}

func exerciseSchema() object {
	properties, tagged := object{}, object{}
	for _, k := range exerciseKeys() {
		s := object{"description": k.doc}
		for key, value := range k.schema {
			s[key] = value
		}
		properties[k.name] = s
		tagged["^"+k.name+`(\|rst)?\|i18n$`] = object{"description": k.doc + " By language.", "type": "object"}
	}
	properties["include"] = object{
		"description": "Files whose keys are added to this one.",
		"type":        "array",
		"items": object{
			"type":     "object",
			"required": []string{"file"},
			"properties": object{
				"file":             object{"type": "string", "minLength": 1, "description": "Path of a YAML or JSON file."},
				"template_context": object{"type": "object", "description": "Values for the file, which is then a template."},
				"force":            object{"description": "Whether keys that are there already are replaced."},
			},
		},
	}
	return object{
		"title":             "Configuration of an exercise",
		"type":              "object",
		"properties":        properties,
		"patternProperties": tagged,
		"$ref":              "#/$defs/tagged",
		"$defs":             object{"tagged": taggedSchema()},
		"anyOf":             []object{requires("include"), {"allOf": []object{someKey("title"), someKey("view_type")}}},
	}
}

// taggedSchema describes any value in a configuration: keys that end with a bar
// and a word are tags, of which there are two.
func taggedSchema() object {
	inside := object{"$ref": "#/$defs/tagged"}
	return object{
		"propertyNames":        object{"anyOf": []object{{"not": object{"pattern": anyTagPattern}}, {"pattern": knownTagPattern}}},
		"patternProperties":    object{`^[^\n]+\|i18n$`: object{"type": "object", "$ref": "#/$defs/tagged"}},
		"additionalProperties": inside,
		"items":                inside,
	}
}

// someKey asks for a key, with or without tags.
func someKey(name string) object {
	return object{"not": object{"propertyNames": object{"not": object{"pattern": "^" + name + `(\|[0-9A-Za-z_]+)*$`}}}}
}
