// Package rst turns reStructuredText into the HTML fragment that docutils'
// writer for HTML 4 makes of it: the body without the document's title. Text
// cannot reach files: what would is a message in the output. HTML needs
// nothing but this program; Docutils runs the original where it is installed.
// Start at HTML.
package rst

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of the converter.
const (
	// MaxSource is the largest text, in bytes, that is converted.
	MaxSource     = 2 << 20
	maxLine       = 10000 // characters of a line, as in docutils
	maxNested     = 60    // blocks inside each other
	maxSubstitute = 10000 // substitutions in one text
)

// HTML converts source. It never fails: problems in the text, constructs that
// are unknown and texts that are too large become visible messages. Raw HTML
// in the text goes through unchanged.
func HTML(source string) string { return new(Converter).HTML(source) }

// Converter converts texts one after the other. The zero value is ready.
type Converter struct {
	// Code is how many bytes of code may still be coloured in all; the code
	// after that is shown without colours. Nil: only the bound of each piece
	// of code holds.
	Code *int
}

// HTML is as the function HTML.
func (c *Converter) HTML(source string) string {
	if len(source) > MaxSource {
		return tooLarge(fmt.Sprintf("The text has %d bytes; at most %d are converted. Split it.", len(source), MaxSource))
	}
	lines := splitSource(source)
	for i, line := range lines {
		if utf8.RuneCountInString(line) > maxLine {
			return tooLarge(fmt.Sprintf("Line %d exceeds the line-length-limit.", i+1))
		}
	}
	p := newParser()
	p.code = c.Code
	p.parse(block{lines: lines, first: 1})
	p.resolve()
	return render(p.doc.root)
}

func tooLarge(problem string) string {
	p := newParser()
	p.doc.root.addMessages(p.message(levelError, 0, problem))
	return render(p.doc.root)
}
