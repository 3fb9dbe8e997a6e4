package pyvalue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// SyntaxError says why a file could not be read, in words for its author.
type SyntaxError struct {
	File    string // as given to the reader
	Pos     Pos    // zero when the file as a whole is meant
	Message string // what was found and what is allowed
	Hint    string // what to do, perhaps empty
}

// Error gives everything in one line, as compilers print it.
func (e *SyntaxError) Error() string {
	return placed(e.File, e.Pos, "", e.Message, e.Hint)
}

// ValueError says which part of a value cannot be written as JSON, and why.
type ValueError struct {
	File    string // file the part was read from, perhaps empty
	Pos     Pos    // its place there, zero when unknown
	Path    string // its place in the value, such as config.limits[2]; empty for the value itself
	Message string // what was found and what is allowed
	Hint    string // what to do, perhaps empty
}

// Error gives everything in one line, as compilers print it.
func (e *ValueError) Error() string {
	return placed(e.File, e.Pos, e.Path, e.Message, e.Hint)
}

func placed(file string, pos Pos, path, message, hint string) string {
	var b strings.Builder
	b.WriteString(file)
	if pos.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", pos.Line, pos.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if path != "" {
		b.WriteString(path + ": ")
	}
	b.WriteString(message)
	if hint != "" {
		b.WriteString(". " + hint)
	}
	return b.String()
}

// charName names one character of a file for a message, so that invisible ones
// are told and none can harm a log.
func charName(r rune) string {
	switch {
	case r == endOfText:
		return "the end of the file"
	case r == '\t':
		return "a tab"
	case r == ' ':
		return "a space"
	case isBreak(r):
		return "the end of the line"
	case r == '"':
		return `'"'`
	case unicode.IsPrint(r):
		return strconv.Quote(string(r))
	default:
		return fmt.Sprintf("the character U+%04X", r)
	}
}

// quoted gives a text of the file for a message: escaped and not too long.
func quoted(s string) string {
	const most = 40
	runes := []rune(s)
	if len(runes) > most {
		return strconv.Quote(string(runes[:most]) + "…")
	}
	return strconv.Quote(s)
}
