package courseconfig

import (
	"encoding/json"

	"coursewright/internal/courseconfig/pyvalue"
)

// ReadModel reads one value as the tables of a Course, Module or Exercise say,
// and gives what would be exported of all its fields.
func ReadModel(kind string, v *pyvalue.Value, s Settings) (json.RawMessage, *Report) {
	c := &checker{models: newModels(s.DefaultGraderURL)}
	m := map[string]*model{"Course": c.models.course, "Module": c.models.module, "Exercise": c.models.exercise}[kind]
	r, ok := c.record(m, v, nil)
	if !ok {
		return nil, c.report()
	}
	return mustJSON(r), c.report()
}

// ReadTags works the tags of a configuration in, and gives an object from
// language to result.
func ReadTags(v *pyvalue.Value, language string) (json.RawMessage, *Report) {
	c := &checker{models: newModels("")}
	list, ok := c.applyTags(v, language, nil)
	if !ok {
		return nil, c.report()
	}
	out := pairs{}
	for _, l := range list {
		out.set(l.language, l.data)
	}
	return mustJSON(out), c.report()
}
