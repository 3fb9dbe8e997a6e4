package pyvalue

import "fmt"

// Limits bounds what a reader accepts. A zero field means that the value of
// DefaultLimits holds.
type Limits struct {
	MaxBytes int64 // size of the file
	MaxDepth int   // lists and mappings inside each other, aliases followed
	MaxNodes int   // values in the document, every alias counted with all it stands for; see textOfValue
}

// textOfValue is how many bytes of a text count as one more value, so that an
// alias of a long text is no way to make much out of little.
const textOfValue = 16

// sizeOf is what a text counts.
func sizeOf(text string) int { return 1 + len(text)/textOfValue }

// DefaultLimits gives the limits for course files. The depth is what PyYAML
// manages before Python's stack ends; the other two are far above the largest
// known courses.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 8 << 20, MaxDepth: 490, MaxNodes: 1_000_000}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.MaxBytes <= 0 {
		l.MaxBytes = d.MaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = d.MaxDepth
	}
	if l.MaxNodes <= 0 {
		l.MaxNodes = d.MaxNodes
	}
	return l
}

// checkSize refuses a file above MaxBytes.
func (l Limits) checkSize(name string, data []byte) error {
	if int64(len(data)) <= l.MaxBytes {
		return nil
	}
	return &SyntaxError{
		File:    name,
		Message: fmt.Sprintf("the file has %d bytes, more than the %d that are allowed", len(data), l.MaxBytes),
		Hint:    "Split it or leave out what is not configuration.",
	}
}

// tooDeep and tooMany are the errors of the two other limits.
func (l Limits) tooDeep(pos Pos) *SyntaxError {
	return &SyntaxError{
		Pos:     pos,
		Message: fmt.Sprintf("lists and mappings are nested more than %d levels deep", l.MaxDepth),
		Hint:    "Check the brackets and the indentation around this place.",
	}
}

func (l Limits) tooMany(pos Pos) *SyntaxError {
	return &SyntaxError{
		Pos:     pos,
		Message: fmt.Sprintf("the document has more than %d values when every alias is followed (a long text counts as several)", l.MaxNodes),
		Hint:    "Use fewer aliases, or split the file.",
	}
}
