package courseconfig

import (
	"fmt"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
	"coursewright/internal/courseconfig/rst"
)

// Bounds of one course. Each has a part that is free and a part for each byte
// of the course's files, so that large courses may do more and small ones cannot
// do much. Languages, aliases, types, includes and shared configurations are
// where little becomes much.
const (
	freeSteps, stepsPerByte       = 4_000_000, 4 // values visited, files listed, keys merged
	freeHeld, heldPerByte         = 64 << 20, 24 // bytes of memory that values made of others take
	freeExport, exportPerByte     = 24 << 20, 8  // bytes that A+ and the graders get
	freeRendered, renderedPerByte = 4 << 20, 4   // bytes that templates give
	freeMarkup, markupPerByte     = 600_000, 1   // bytes of different texts under |rst
	freeCode, bytesPerCode        = 60_000, 10   // bytes of code that are coloured, and bytes of files for one more
	freeTemplate, templatePerByte = 3 << 20, 3   // steps of templates
)

// What parts of values take in memory, in bytes and about.
const (
	valueBytes = 160
	entryBytes = 16
	pairBytes  = 48
)

// budget counts what a course costs while it is loaded.
type budget struct {
	ended    func() error // tells that nobody waits for the course any more; may be nil
	read     int          // bytes of the course's files, each once
	steps    int
	looked   int // steps at which ended was asked last
	held     int
	rendered int
	markup   int
	code     int  // bytes of code that were coloured
	template int  // steps of templates
	overTold bool // a bound has been reported
	stopped  bool // nobody waits
}

// stepsPerLook is how many steps are done before ended is asked again.
const stepsPerLook = 1000

// goesOn is look after a while and otherwise what it said last.
func (b *budget) goesOn() bool {
	if b.steps-b.looked >= stepsPerLook {
		return b.look()
	}
	return !b.stopped
}

// look asks whether somebody still waits for the course.
func (b *budget) look() bool {
	b.looked = b.steps
	b.stopped = b.stopped || b.ended != nil && b.ended() != nil
	return !b.stopped
}

// step counts work. It is false when the course should be given up: because it
// takes too much, which is reported at v, or because nobody waits for it.
func (c *checker) step(n int, v *pyvalue.Value, at *place) bool {
	c.steps += n
	if most := freeSteps + stepsPerByte*c.read; c.steps > most {
		return c.over(v, at, fmt.Sprintf("checking the course takes more than %d steps when languages, aliases and includes are followed", most))
	}
	return c.goesOn()
}

// hold counts memory that is kept for the course. The result is as step's.
func (c *checker) hold(bytes int, v *pyvalue.Value, at *place) bool {
	c.held += bytes
	if most := freeHeld + heldPerByte*c.read; c.held > most {
		return c.over(v, at, fmt.Sprintf("the course grows to more than %d MB when languages, aliases and includes are followed", most>>20))
	}
	return c.step(1, v, at)
}

// over reports that a bound is passed, the first time.
func (c *checker) over(v *pyvalue.Value, at *place, message string) bool {
	if !c.overTold {
		c.overTold = true
		c.fail(v, at, message, "use fewer languages, or put less into what is used many times")
	}
	return false
}

// markupOf is what a text under |rst counts: its bytes, and what each text, each
// line and each cell of a table takes even when they are short.
func markupOf(text string) int {
	const perText, perLine, perCell = 40, 20, 4
	return len(text) + perText + perLine*strings.Count(text, "\n") + perCell*strings.Count(text, "+-")
}

// convertible counts a text under |rst and says whether it is to be converted.
func (c *checker) convertible(v *pyvalue.Value, at *place) bool {
	c.markup += markupOf(v.Str)
	if most := freeMarkup + markupPerByte*c.read; c.markup > most {
		return c.over(v, at, fmt.Sprintf("the different texts under |rst have more than %d bytes in the whole course, each line counted as 20 more", most))
	}
	return c.step(len(v.Str), v, at)
}

// html converts a text. What is too much code for one course loses its colours,
// which are slow to find.
func (c *checker) html(v *pyvalue.Value, at *place) string {
	left := freeCode + c.read/bytesPerCode - c.code
	before := left
	converter := rst.Converter{Code: &left}
	html := converter.HTML(v.Str)
	c.code += before - left
	if left < 0 && before >= 0 {
		c.warn(v, at, "the texts under |rst have much code: from here on it is shown without colours", "colour it in the pages of the course instead")
	}
	return html
}
