package pyvalue

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ReadJSON reads a JSON file as Python's json module does: NaN and Infinity
// are numbers, a repeated key takes the last value, and the text is UTF-8
// without byte order mark. name is put into errors and values. Every error is
// a *SyntaxError.
func ReadJSON(name string, data []byte, l Limits) (*Value, error) {
	l = l.withDefaults()
	if err := l.checkSize(name, data); err != nil {
		return nil, err
	}
	r := &jsonReader{file: name, text: string(data), limits: l}
	v, err := r.readDocument()
	if err != nil {
		err.File = name
		return nil, err
	}
	return v, nil
}

// jsonReader reads one JSON text.
type jsonReader struct {
	file   string
	text   string
	limits Limits
	at     int // next byte
	depth  int
	nodes  int

	counted int // bytes that line and column tell the place of
	line    int // from 0
	column  int // characters before it in its line
}

func (r *jsonReader) readDocument() (*Value, *SyntaxError) {
	if strings.HasPrefix(r.text, string(byteOrderMark)) {
		return nil, r.fail(0, "the file starts with a byte order mark, which JSON does not allow", "Save the file as UTF-8 without BOM.")
	}
	for i, c := range r.text {
		if c == utf8.RuneError && !strings.HasPrefix(r.text[i:], string(utf8.RuneError)) {
			return nil, r.fail(i, fmt.Sprintf("the file is not UTF-8 text: byte 0x%02X here", r.text[i]), "Save the file as UTF-8.")
		}
	}
	r.skipSpace()
	v, err := r.readValue()
	if err != nil {
		return nil, err
	}
	r.skipSpace()
	if r.at < len(r.text) {
		return nil, r.fail(r.at, fmt.Sprintf("the document has ended before this: found %s", r.charHere()), "Remove what follows the end.")
	}
	return v, nil
}

func (r *jsonReader) fail(at int, message, hint string) *SyntaxError {
	whole := &jsonReader{text: r.text}
	return &SyntaxError{Pos: whole.pos(at), Message: message, Hint: hint}
}

// pos gives the place of a byte. Asked with growing places, it reads the text
// only once.
func (r *jsonReader) pos(at int) Pos {
	for r.counted < at {
		c, n := utf8.DecodeRuneInString(r.text[r.counted:])
		r.counted += n
		r.column++
		if c == '\n' || c == '\r' && !strings.HasPrefix(r.text[r.counted:], "\n") {
			r.line++
			r.column = 0
		}
	}
	return Pos{Line: r.line + 1, Column: r.column + 1}
}

func (r *jsonReader) skipSpace() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// peek gives the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) charHere() string {
	if r.at >= len(r.text) {
		return charName(endOfText)
	}
	c, _ := utf8.DecodeRuneInString(r.text[r.at:])
	if c == 0 {
		return "the character U+0000"
	}
	return charName(c)
}

// readValue reads the value that starts here.
func (r *jsonReader) readValue() (*Value, *SyntaxError) {
	v := &Value{File: r.file, Pos: r.pos(r.at)}
	if r.nodes++; r.nodes > r.limits.MaxNodes {
		return nil, r.limits.tooMany(v.Pos)
	}
	switch c := r.peek(); {
	case c == '"':
		err := r.readString(v)
		r.nodes += len(v.Str) / textOfValue
		return v, err
	case c == '{' || c == '[':
		if r.depth++; r.depth > r.limits.MaxDepth {
			return nil, r.limits.tooDeep(v.Pos)
		}
		err := r.readList(v)
		r.depth--
		return v, err
	case c == '-' || c >= '0' && c <= '9':
		return v, r.readNumber(v)
	}
	return v, r.readWord(v)
}

// readWord reads one of the literal words.
func (r *jsonReader) readWord(v *Value) *SyntaxError {
	words := []struct {
		text  string
		value Value
	}{
		{"null", Value{Kind: Null}},
		{"true", Value{Kind: Bool, Bool: true}},
		{"false", Value{Kind: Bool}},
		{"NaN", Value{Kind: Float, Float: math.NaN()}},
		{"Infinity", Value{Kind: Float, Float: math.Inf(1)}},
	}
	for _, w := range words {
		if strings.HasPrefix(r.text[r.at:], w.text) {
			r.at += len(w.text)
			v.Kind, v.Bool, v.Float = w.value.Kind, w.value.Bool, w.value.Float
			return nil
		}
	}
	return r.fail(r.at, fmt.Sprintf("a value is expected here; found %s", r.charHere()),
		`Values are texts in double quotes, numbers, true, false, null, [lists] and {"objects": …}; no comma follows the last one.`)
}

// readNumber reads an int or, with fraction or exponent, a float.
func (r *jsonReader) readNumber(v *Value) *SyntaxError {
	start := r.at
	if r.peek() == '-' {
		r.at++
		if strings.HasPrefix(r.text[r.at:], "Infinity") {
			r.at += len("Infinity")
			v.Kind, v.Float = Float, math.Inf(-1)
			return nil
		}
	}
	switch {
	case r.peek() == '0':
		r.at++
	case r.skipDigits() == 0:
		return r.fail(start, "digits must follow '-'", "Write a number.")
	}
	v.Kind = Int
	r.skipFraction(v)
	text := r.text[start:r.at]
	if v.Kind == Float {
		v.Float, _ = strconv.ParseFloat(text, 64) // the form is right; too large is infinite, as in Python
		return nil
	}
	if len(strings.TrimPrefix(text, "-")) > maxDigits {
		return r.fail(start, fmt.Sprintf("the number is too long: %s", errTooManyDigits), "Put it in quotes.")
	}
	v.Int, _ = new(big.Int).SetString(text, 10)
	return nil
}

// skipFraction moves over fraction and exponent, and makes v a float if there
// is one. An incomplete one is left alone.
func (r *jsonReader) skipFraction(v *Value) {
	if from := r.at; r.peek() == '.' {
		r.at++
		if r.skipDigits() == 0 {
			r.at = from
		} else {
			v.Kind = Float
		}
	}
	if from := r.at; r.peek() == 'e' || r.peek() == 'E' {
		r.at++
		if r.peek() == '+' || r.peek() == '-' {
			r.at++
		}
		if r.skipDigits() == 0 {
			r.at = from
		} else {
			v.Kind = Float
		}
	}
}

func (r *jsonReader) skipDigits() int {
	from := r.at
	for r.peek() >= '0' && r.peek() <= '9' {
		r.at++
	}
	return r.at - from
}

// readList reads an array or an object.
func (r *jsonReader) readList(v *Value) *SyntaxError {
	start := r.at
	object := r.peek() == '{'
	closing := byte(']')
	v.Kind = List
	var m MapBuilder
	if object {
		closing, v.Kind = '}', Map
	}
	r.at++
	r.skipSpace()
	for first := true; !first || r.peek() != closing; first = false {
		if !first {
			if r.peek() != ',' {
				return r.badList(start, closing)
			}
			r.at++
			r.skipSpace()
		}
		if err := r.readItem(v, &m); err != nil {
			return err
		}
		r.skipSpace()
		if r.peek() == closing {
			break
		}
	}
	r.at++
	v.Entries = m.Entries
	return nil
}

func (r *jsonReader) badList(start int, closing byte) *SyntaxError {
	if r.at >= len(r.text) {
		return r.fail(start, fmt.Sprintf("the bracket %s that opens here is never closed", charName(rune(r.text[start]))), "Add the closing bracket.")
	}
	return r.fail(r.at, fmt.Sprintf("found %s where a comma or %s is expected", r.charHere(), charName(rune(closing))), "Add the comma or the bracket.")
}

// readItem reads one item of an array, or one key and value of an object.
func (r *jsonReader) readItem(v *Value, m *MapBuilder) *SyntaxError {
	if v.Kind == List {
		item, err := r.readValue()
		v.Items = append(v.Items, item)
		return err
	}
	if r.peek() != '"' {
		return r.fail(r.at, fmt.Sprintf("a key in double quotes is expected here; found %s", r.charHere()), "No comma follows the last entry.")
	}
	key, err := r.readValue()
	if err != nil {
		return err
	}
	r.skipSpace()
	if r.peek() != ':' {
		return r.fail(r.at, fmt.Sprintf("a ':' is expected behind the key; found %s", r.charHere()), `Write "key": value.`)
	}
	r.at++
	r.skipSpace()
	value, err := r.readValue()
	if err != nil {
		return err
	}
	m.Put(key, value)
	return nil
}
