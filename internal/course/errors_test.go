package course_test

import (
	"testing"

	"coursewright/internal/course"
)

func TestRemedy(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]course.Diagnostic{
		"give a value":         {Message: "found nothing; allowed is a text", Hint: "give a value"},
		"write a whole number": {Message: "found the text \"ten\"; allowed is a whole number"},
		"add {% endif %}":      {Message: "the tag is not closed; add {% endif %}"},
		"":                     {Message: "it is odd"},
		"add the file to the course, or mend its name here": {Message: "there is no file \"e1.yaml\""},
		`add the key "name": a text (Name of the course)`:   {Message: `the course needs the key "name": a text`, Hint: "Name of the course"},
	} {
		if got := d.Remedy(); got != want {
			t.Errorf("%q: got %q, want %q", d.Message, got, want)
		}
	}
}
