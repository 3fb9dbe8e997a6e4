// Package djtemplate renders include files as Django renders them: the same
// text for the same context, within the tags and filters that make sense in a
// course. It gives templates no way to other files, to settings or to the
// server. Start at Render.
package djtemplate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"coursewright/internal/courseconfig/pyvalue"
)

// Bounds of one rendering. A course file is some kilobytes, so they are
// generous; they exist so that no template can stop a server.
const (
	maxOutput = 4 << 20  // bytes of one text or of the whole result
	maxItems  = 1 << 20  // items of a list made by filters
	maxNested = 100      // block tags inside each other
	maxWork   = 10 << 20 // steps: nodes rendered and, for long texts, bytes handled
)

// Error says what is wrong with a template and where. Line counts from 1.
type Error struct {
	File    string
	Line    int
	Message string
}

// Error returns "file:line: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Engine renders templates. The zero value is ready; its fields let tests
// decide what would otherwise vary.
type Engine struct {
	Now  func() time.Time // time of the now tag; default time.Now
	Pick func(n int) int  // index below n for the random filter; default random
}

// Render renders source with the variables of context, a value of Kind Map.
// Times are shown in UTC and English. Every problem, of the template or of the
// values it meets, is an *Error; name is the file it mentions.
func Render(name, source string, context *pyvalue.Value) (string, error) {
	return Engine{}.Render(name, source, context)
}

// Render is the function Render with the engine's clock and chance.
func (e Engine) Render(name, source string, context *pyvalue.Value) (string, error) {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Pick == nil {
		e.Pick = rand.IntN
	}
	if context == nil || context.Kind != pyvalue.Map {
		return "", &Error{File: name, Line: 1, Message: "the template context must be a mapping of names to values"}
	}
	nodes, err := parseTemplate(name, source)
	if err != nil {
		return "", err
	}
	r := newRenderer(e, context)
	var out strings.Builder
	if err := r.renderAll(&out, nodes); err != nil {
		return "", located(name, 1, err)
	}
	return out.String(), nil
}

// located turns a problem into an *Error of the file. A problem that knows its
// line keeps it.
func located(name string, line int, err error) error {
	var at *lineError
	if errors.As(err, &at) {
		line = at.line
	}
	return &Error{File: name, Line: line, Message: err.Error()}
}

// lineError is a problem with its line, before the file's name is added.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

// atLine gives err a line unless it has one: the innermost place is the useful one.
func atLine(line int, err error) error {
	var at *lineError
	if err == nil || errors.As(err, &at) {
		return err
	}
	return &lineError{line: line, err: err}
}

// missingError says that a variable does not exist where one is required.
type missingError struct{ name string }

func (e *missingError) Error() string {
	return fmt.Sprintf("the variable %q does not exist; add it to template_context, or test it with {%% if %%} first", e.name)
}
