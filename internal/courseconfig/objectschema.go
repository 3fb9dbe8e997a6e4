package courseconfig

import "slices"

// schema describes a mapping that is read by a model.
func (m *model) schema() object {
	properties := object{}
	var required []string
	for _, f := range m.fields {
		properties[f.name] = f.schema()
		if f.alias != "" {
			properties[f.alias] = f.schema()
		}
		if f.required {
			required = append(required, f.name)
		}
	}
	out := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// schema describes a field with its documentation and default.
func (f *field) schema() object {
	out := object{}
	if f.nullable {
		out["anyOf"] = []object{f.kind.schema(), {"type": "null"}}
	} else {
		for key, value := range f.kind.schema() {
			out[key] = value
		}
	}
	out["description"] = f.doc
	if d := f.fallback; d != nil && !f.nullable {
		out["default"] = mustJSON(d)
	}
	return out
}

// schema refers to the description of learning objects, which holds itself.
func (k *objectKind) schema() object { return object{"$ref": "#/$defs/object"} }

// moduleSchema describes a module in the index, to which its type may give what
// is missing.
func (m *models) moduleSchema() object {
	out := m.module.schema()
	delete(out, "required")
	out["anyOf"] = []object{requires("type"), requires("key", "name"), requires("key", "title")}
	out["not"] = requires("name", "title")
	out["properties"].(object)["type"] = object{"type": typeNames(), "description": "Name of one of the course's module_types."}
	return out
}

// objectSchema describes a learning object in the index: a key that only one
// model has decides which other keys may stand beside it.
func (m *models) objectSchema() object {
	properties := object{"scale_points": object{"description": "Ignored."}}
	for _, of := range []*model{m.collection, m.lti1p3, m.lti, m.exercise, m.chapter} {
		for key, value := range of.schema()["properties"].(object) {
			properties[key] = value
		}
	}
	properties["type"] = object{"type": typeNames(), "description": "Name of one of the course's exercise_types."}
	rules := []object{{"not": requires("name", "title")}}
	var special []object
	for _, choice := range m.choices() {
		for _, key := range choice.keys {
			rules = append(rules, object{"if": requires(key), "then": choice.model.whole(choice.keys)})
			special = append(special, requires(key))
		}
	}
	special = append(special, requires("type"))
	rules = append(rules, object{"if": object{"not": object{"anyOf": special}}, "then": m.exercise.onlyKeys()})
	return object{
		"type":                 "object",
		"properties":           properties,
		"patternProperties":    object{"^_": object{"description": "A note, ignored."}},
		"additionalProperties": false,
		"anyOf":                []object{requires("key", "type"), requires("key", "category")},
		"allOf":                rules,
	}
}

func typeNames() []string { return []string{"string", "number", "boolean", "null"} }

func requires(keys ...string) object { return object{"required": keys} }

// whole describes an object that has all of some keys, unless its type may give
// them.
func (m *model) whole(keys []string) object {
	out := m.onlyKeys()
	properties := object{}
	var required []string
	for _, f := range m.fields {
		if f.name == "max_points" && f.required {
			properties[f.name] = f.schema()
		}
		if f.required && f.name != "category" {
			required = append(required, f.name)
		}
	}
	required = append(required, keys...)
	slices.Sort(required)
	out["properties"] = properties
	out["anyOf"] = []object{requires("type"), requires(slices.Compact(required)...)}
	return out
}

// onlyKeys allows a model's keys, and those that every object may have.
func (m *model) onlyKeys() object {
	keys := append(m.keys(), "title", "type", "scale_points")
	slices.Sort(keys)
	return object{"propertyNames": object{"anyOf": []object{{"enum": slices.Compact(keys)}, {"pattern": "^_"}}}}
}
