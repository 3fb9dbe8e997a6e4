package courseconfig

import (
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// objectKind is a learning object. Which of the five models it follows shows in
// its keys: each but the plain exercise requires one that no other allows.
type objectKind struct{ models *models }

func (k *objectKind) allowed() string { return "a chapter or an exercise (a mapping)" }

func (k *objectKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	return recordKind{k.models.chooseObject(v, !c.full())}.coerce(c, v, at)
}

// chooseObject finds the model of an object. With guess a misspelt key of another
// model counts.
func (m *models) chooseObject(v *pyvalue.Value, guess bool) *model {
	mapping, ok := asMapping(v)
	if !ok {
		return m.exercise
	}
	for _, choice := range m.choices() {
		for _, key := range choice.keys {
			if _, ok := mapping.Get(key); ok {
				return choice.model
			}
		}
	}
	if !guess {
		return m.exercise
	}
	return m.nearestObject(mapping)
}

// nearestObject finds the model of an object that is an exercise as long as all
// its keys are an exercise's. An unknown key refuses the object whatever it is,
// so one that is nearly that of another model only decides what is told.
func (m *models) nearestObject(mapping *pyvalue.Value) *model {
	guesses := 0
	for _, e := range mapping.Entries {
		key := e.Key.Str
		if e.Key.Kind != pyvalue.String || m.exercise.names(key) || isNote(key) {
			continue
		}
		if guesses++; guesses > maxGuesses {
			break
		}
		if nearest(key, m.exercise.words()) != "" {
			continue
		}
		for _, choice := range m.choices() {
			if nearest(key, choice.keys) != "" {
				return choice.model
			}
		}
	}
	return m.exercise
}

// choice ties the keys that only one model has to that model.
type choice struct {
	keys  []string
	model *model
}

func (m *models) choices() []choice {
	return []choice{
		{[]string{"static_content"}, m.chapter},
		{[]string{"lti"}, m.lti},
		{[]string{"lti1p3"}, m.lti1p3},
		{[]string{"target_category", "target_url"}, m.collection},
	}
}

// prepareObject drops what learning objects may hold for other programs: notes,
// whose keys begin with an underscore, and scale_points.
func prepareObject(c *checker, entries []entry, at *place) []entry {
	kept := entries[:0]
	for _, e := range entries {
		if !isNote(e.name) {
			kept = append(kept, e)
		}
	}
	return oneName(c, kept, at)
}

// isNote recognises keys that learning objects may hold for other programs.
func isNote(key string) bool { return strings.HasPrefix(key, "_") || key == "scale_points" }

// oneName refuses a name and a title together.
func oneName(c *checker, entries []entry, at *place) []entry {
	title := lookup(entries, "title")
	if title != nil && lookup(entries, "name") != nil {
		c.fail(title.key, at.at("title"), "found both name and title, which mean the same", "keep one of them; a type may have given the other")
	}
	return entries
}
