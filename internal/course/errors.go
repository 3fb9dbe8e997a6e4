package course

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of error that callers tell apart with errors.Is. Everything else is
// the service's own trouble.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
	ErrInvalid  = errors.New("invalid")
	ErrDenied   = errors.New("denied")

	// ErrStale is a conflict with somebody who was faster: what was to be changed
	// is not any more what the caller has read.
	ErrStale = fmt.Errorf("changed meanwhile: %w", ErrConflict)
	// ErrReused is a request under the name of an earlier one that asked for
	// something else.
	ErrReused = fmt.Errorf("used before for another request: %w", ErrInvalid)

	// ErrUnavailable is trouble that passes by itself, such as a database that
	// starts again: the same call may succeed in a moment.
	ErrUnavailable = errors.New("unavailable")
	// ErrUncertain is trouble that passes by itself, in the middle of a change
	// that may have been made or not.
	ErrUncertain = fmt.Errorf("uncertain: %w", ErrUnavailable)
	// ErrBehind is of a database that has crashed and does not have any more what
	// it had said to be stored.
	ErrBehind = errors.New("the database has lost its newest changes")
)

// FieldError is one thing wrong with one field of a request.
type FieldError struct {
	Field   string
	Message string
}

// FieldErrors lists everything that is wrong with a request. Its kind is
// Kind, ErrInvalid when that is nil.
type FieldErrors struct {
	Kind   error
	Fields []FieldError
}

// Error lists the fields in one line.
func (e *FieldErrors) Error() string {
	parts := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		parts = append(parts, f.Field+": "+f.Message)
	}
	return strings.Join(parts, "; ")
}

// Unwrap gives the kind.
func (e *FieldErrors) Unwrap() error {
	if e.Kind == nil {
		return ErrInvalid
	}
	return e.Kind
}

// Diagnostic is one error or warning about a file of a course, written for the
// teacher.
type Diagnostic struct {
	File    string // relative to the course folder
	Line    int    // from 1; 0 when the whole file is meant
	Column  int    // from 1, in characters; 0 when unknown
	Path    string // place in the configuration, such as modules[2].children[0].max_points
	Message string // what was found and what is allowed
	Hint    string // what to do, perhaps empty

	// Excerpt is the lines of the file around Line, divided by line breaks, of
	// which the first is line ExcerptFrom; empty where nobody has looked.
	Excerpt     string
	ExcerptFrom int
}

// Report is what a build found in the files of a course: errors, which refuse
// it, and warnings, which do not.
type Report struct {
	Errors   []Diagnostic
	Warnings []Diagnostic
}

// String gives the diagnostic in one line, as compilers print them.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.File)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d", d.Line)
		if d.Column > 0 {
			fmt.Fprintf(&b, ":%d", d.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		b.WriteString(" (" + d.Hint + ")")
	}
	return b.String()
}

// AuthorError is a failure that the course's authors have to mend: trying
// again does not help. Message is one line; Diagnostics, where there are any,
// name the places.
type AuthorError struct {
	Message     string
	Diagnostics []Diagnostic
}

// Error gives the one-line message.
func (e *AuthorError) Error() string { return e.Message }

// Authorf makes an AuthorError without diagnostics.
func Authorf(format string, args ...any) error {
	return &AuthorError{Message: fmt.Sprintf(format, args...)}
}

// ServiceTrouble is what the reason of a failed build says where the course is
// not to blame.
const ServiceTrouble = "trouble of the service, not of the course"

// Remedy tells what to do: the hint, and what follows from the message. Empty:
// the message says no more than what is wrong.
func (d Diagnostic) Remedy() string {
	if _, missing, ok := strings.Cut(d.Message, " needs the key "); ok {
		if d.Hint != "" {
			missing += " (" + d.Hint + ")"
		}
		return "add the key " + missing
	}
	if d.Hint != "" {
		return d.Hint
	}
	if _, allowed, ok := strings.Cut(d.Message, "; allowed is "); ok {
		return "write " + allowed
	}
	if strings.HasPrefix(d.Message, "there is no file ") {
		return "add the file to the course, or mend its name here"
	}
	if _, todo, ok := strings.Cut(d.Message, "; "); ok {
		return todo
	}
	return ""
}
