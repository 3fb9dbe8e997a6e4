package courseconfig

import "coursewright/internal/courseconfig/pyvalue"

// categoriesKind is the mapping of exercise categories. A+ needs a mapping with
// a name behind each key; the rest of a category it reads as it is.
type categoriesKind struct{}

func (categoriesKind) allowed() string {
	return "a mapping from category keys to mappings with a name"
}

func (categoriesKind) schema() object {
	category := object{"type": "object", "properties": object{
		"name": object{"description": "Name of the category, a text or texts by language."},
	}, "required": []string{"name"}}
	return object{"anyOf": []object{
		{"type": "object", "additionalProperties": category},
		pairsSchema(category),
		{"const": ""},
	}}
}

func (k categoriesKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	value, ok := mapKind{anyKind{}}.coerce(c, v, at)
	categories, _ := value.(pairs)
	for _, e := range categories {
		category, _ := e.value.(*pyvalue.Value)
		if category == nil {
			continue
		}
		if category.Kind != pyvalue.Map {
			c.fail(category, at.at(e.key), "found "+found(category)+" as a category; allowed is a mapping with a name", "write for example {name: Exercises}")
			ok = false
		} else if _, named := category.Get("name"); !named {
			from, hint := nearKey(category, "name")
			if hint == "" {
				hint = "add a name, such as name: Exercises"
			}
			c.fail(from, at.at(e.key), "found a category without the key \"name\"; without it A+ leaves out everything that belongs to the category", hint)
			ok = false
		}
	}
	return value, ok
}
