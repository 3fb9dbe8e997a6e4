package courseconfig

import (
	"encoding/json"
	"time"

	"coursewright/internal/courseconfig/pyvalue"
)

// FileMapping names a file or folder of the course and what a grader calls it.
type FileMapping struct {
	Name string // in the archive that the grader gets
	Path string // relative to the course folder
}

// GraderExercise is one exercise as a grader is told about it.
type GraderExercise struct {
	Key    string          `json:"key"`
	Spec   json.RawMessage `json:"spec"`   // object: the exercise's fields without config and configure
	Config json.RawMessage `json:"config"` // object from language to configuration, or null
	Files  []string        `json:"files"`  // the names of the exercise's own files
}

// Configure is what one grader is sent.
type Configure struct {
	URL        string
	CourseSpec json.RawMessage // the same for every grader
	Exercises  []GraderExercise
	Files      []FileMapping // the course's, then the exercises', then the personalised content
}

// Configures gives what the graders are sent: first those of the course's
// configures in order, then those that only exercises name.
func (c *Course) Configures() []Configure {
	out, err := c.configures()
	if err != nil {
		return nil // Load has tried it: a course with such a value does not load
	}
	return out
}

// graderURLs lists the addresses of all graders in the order in which they are
// told.
func (c *Course) graderURLs() []string {
	var out []string
	seen := map[string]bool{}
	add := func(configure *record) {
		if url := configure.text("url"); !seen[url] {
			seen[url] = true
			out = append(out, url)
		}
	}
	for _, configure := range records(c.root.list("configures")) {
		add(configure)
	}
	for _, n := range c.exercises {
		if configure, ok := n.object.get("configure").(*record); ok {
			add(configure)
		}
	}
	return out
}

func (c *Course) configures() ([]Configure, error) {
	urls := c.graderURLs()
	out := make([]Configure, 0, len(urls))
	index := make(map[string]int, len(urls))
	for i, url := range urls {
		index[url] = i
		out = append(out, Configure{URL: url, Exercises: []GraderExercise{}})
	}
	at := func(url string) *Configure { return &out[index[url]] }
	for _, configure := range records(c.root.list("configures")) {
		to := at(configure.text("url"))
		to.Files = append(to.Files, mappings(configure)...)
	}
	for _, n := range c.exercises {
		configure, ok := n.object.get("configure").(*record)
		if !ok {
			continue
		}
		to := at(configure.text("url"))
		e, err := graderExercise(n, configure)
		if err != nil {
			return nil, err
		}
		to.Exercises = append(to.Exercises, e)
		to.Files = append(to.Files, mappings(configure)...)
	}
	if len(out) == 0 {
		return nil, nil
	}
	spec, err := appendJSON(nil, c.root.pairs("static_dir", "configures", "unprotected_paths"))
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].CourseSpec = spec
		if dir := c.settings.PersonalizedContentDir; c.personal {
			out[i].Files = append(out[i].Files, FileMapping{Name: dir, Path: dir})
		}
	}
	return out, nil
}

func mappings(configure *record) []FileMapping {
	files, _ := configure.get("files").(pairs)
	out := make([]FileMapping, 0, len(files))
	for _, f := range files {
		file, _ := f.value.(string)
		out = append(out, FileMapping{Name: f.key, Path: file})
	}
	return out
}

func graderExercise(n *node, configure *record) (GraderExercise, error) {
	e := GraderExercise{Key: n.object.text("key"), Files: []string{}}
	for _, f := range mappings(configure) {
		e.Files = append(e.Files, f.Name)
	}
	var err error
	if e.Spec, err = appendJSON(nil, n.object.pairs("config", "configure")); err != nil {
		return e, err
	}
	if n.config == nil {
		e.Config = json.RawMessage("null")
		return e, nil
	}
	e.Config, err = appendJSON(nil, n.config.forGrader(e.Key))
	return e, err
}

// forGrader gives the configuration in every language, with the key and the time
// of the newest file. Includes are worked in already, and the key include would
// make a grader look for files that it does not have.
func (e *exerciseConfig) forGrader(key string) pairs {
	modified := float64(e.modified.UnixMicro()) / float64(time.Second/time.Microsecond)
	out := make(pairs, 0, len(e.languages))
	for i, lang := range e.languages {
		data := make(pairs, 0, len(lang.data.Entries)+3)
		for _, entry := range lang.data.Entries {
			switch name := pyvalue.PyStr(entry.Key); name {
			case "include", "key", "mtime":
			case "lang":
				if i > 0 {
					data = append(data, pair{name, entry.Value})
				}
			default:
				data = append(data, pair{name, entry.Value})
			}
		}
		data = append(data, pair{"key", key}, pair{"mtime", modified})
		if i == 0 {
			data = append(data, pair{"lang", lang.language})
		}
		out = append(out, pair{lang.language, data})
	}
	return out
}
