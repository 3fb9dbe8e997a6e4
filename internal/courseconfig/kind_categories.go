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
		"name": localizedKind{textKind{}}.schema(),
	}}
	return object{"anyOf": []object{
		{"type": "object", "additionalProperties": category},
		{"type": "array"},
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
			c.fail(category, at.at(e.key), "found "+found(category)+" as a category; A+ cannot read it", "write a mapping with a name, such as {name: Exercises}")
			ok = false
		} else if _, named := category.Get("name"); !named {
			c.warn(category, at.at(e.key), "the category has no name, so A+ leaves out everything that belongs to it", "add a name")
		}
	}
	return value, ok
}
