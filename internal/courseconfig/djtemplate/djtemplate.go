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
	maxOutput = 4 << 20 // bytes of one text or of the whole result
	maxItems  = 1 << 20 // items of a list made by filters
	maxNested = 100     // block tags inside each other
	maxWork   = 3 << 20 // steps: nodes rendered and, for long texts and lists, what is handled of them
)

// Error says what is wrong with a template and at which tag.
type Error struct {
	File    string
	Pos     pyvalue.Pos // of the tag
	Message string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Column, e.Message)
}

// Engine renders templates. The zero value is ready; its first two fields let
// tests decide what would otherwise vary.
type Engine struct {
	Now  func() time.Time // time of the now tag; default time.Now
	Pick func(n int) int  // index below n for the random filter; default random
	Left *int             // steps left to all renderings that share it; nil: only the bound of each holds
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
		return "", located(name, errors.New("the template context must be a mapping of names to values"))
	}
	r := newRenderer(e, context)
	if err := r.charge(len(source)); err != nil {
		return "", located(name, err)
	}
	nodes, err := parseTemplate(name, source)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := r.renderAll(&out, nodes); err != nil {
		return "", located(name, err)
	}
	return out.String(), nil
}

// located turns a problem into an *Error of the file. A problem that knows no
// place is put at the start of the file.
func located(name string, err error) error {
	pos := pyvalue.Pos{Line: 1, Column: 1}
	var known *placeError
	if errors.As(err, &known) {
		pos = known.at
	}
	return &Error{File: name, Pos: pos, Message: err.Error()}
}

// placeError is a problem with its place, before the file's name is added.
type placeError struct {
	at  pyvalue.Pos
	err error
}

func (e *placeError) Error() string { return e.err.Error() }
func (e *placeError) Unwrap() error { return e.err }

// atPlace gives err a place unless it has one: the innermost is the useful one.
func atPlace(at pyvalue.Pos, err error) error {
	var known *placeError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &placeError{at: at, err: err}
}

// missingError says that a variable does not exist where one is required.
type missingError struct{ name string }

func (e *missingError) Error() string {
	return fmt.Sprintf("the variable %q does not exist; add it to template_context, or test it with {%% if %%} first", e.name)
}
