package pyvalue

import (
	"fmt"
	"strings"
)

// readString reads a text in double quotes.
func (r *jsonReader) readString(v *Value) *SyntaxError {
	start := r.at
	r.at++
	var text []byte
	for {
		from := r.at
		for r.peek() >= ' ' && r.peek() != '"' && r.peek() != '\\' {
			r.at++
		}
		text = append(text, r.text[from:r.at]...)
		switch {
		case r.peek() == '"':
			r.at++
			v.Kind, v.Str = String, string(text)
			return nil
		case r.at >= len(r.text):
			return r.fail(start, "the quote that opens here is never closed", "Add the closing quote.")
		case r.peek() != '\\':
			return r.fail(r.at, fmt.Sprintf("%s cannot stand in a text", r.charHere()), `Write it as an escape: \n, \t or \u and four digits. Or is a closing quote missing?`)
		}
		c, err := r.readEscape()
		if err != nil {
			return err
		}
		text = appendRune(text, c)
	}
}

// readEscape reads what a backslash starts.
func (r *jsonReader) readEscape() (rune, *SyntaxError) {
	start := r.at
	r.at++
	c := r.peek()
	r.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return r.readCode()
	}
	return 0, r.fail(start, "this backslash starts no escape that JSON knows", "Write the backslash twice.")
}

// readCode reads the four digits of \u; the two halves of a surrogate pair
// become one character.
func (r *jsonReader) readCode() (rune, *SyntaxError) {
	high, err := r.readHex()
	if err != nil || high < 0xD800 || high > 0xDBFF || !strings.HasPrefix(r.text[r.at:], `\u`) {
		return high, err
	}
	back := r.at
	r.at += 2
	low, err := r.readHex()
	if err != nil {
		return 0, err
	}
	if low < 0xDC00 || low > 0xDFFF {
		r.at = back
		return high, nil
	}
	return (high-0xD800)<<10 + low - 0xDC00 + 0x10000, nil
}

func (r *jsonReader) readHex() (rune, *SyntaxError) {
	code := rune(0)
	for range 4 {
		d := hexDigit(rune(r.peek()))
		if d < 0 {
			return 0, r.fail(r.at, `\u needs four hexadecimal digits`, "Write the backslash twice if no escape is meant.")
		}
		code = code<<4 | rune(d)
		r.at++
	}
	return code, nil
}
