package pyvalue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// endOfText follows the last character. YAML files cannot contain it.
const endOfText rune = 0

// padding is how many endOfText follow the text, so that looking a few
// characters ahead needs no check of the length.
const padding = 4

// mark is a place in the text; all fields count from 0.
type mark struct {
	index int // in characters
	off   int // in bytes of source.raw
	line  int
	col   int // a byte order mark has no column
}

func (m mark) pos() Pos { return Pos{Line: m.line + 1, Column: m.col + 1} }

// source is the text of a YAML file with a place to read from.
type source struct {
	text []rune // ends with padding
	raw  string // the same as UTF-8, without padding: most values are pieces of it
	mark
}

// newSource decodes a file as PyYAML decodes bytes: UTF-16 with a byte order
// mark, else UTF-8; control characters are refused. buffer is used for the
// characters if it is large enough.
func newSource(data []byte, buffer []rune) (*source, *SyntaxError) {
	if size := len(data) + padding; cap(buffer) < size {
		const step = 2048 // so that the next file, perhaps a little larger, fits
		buffer = make([]rune, 0, (size+step-1)/step*step)
	}
	text, isUTF16 := buffer[:0], true
	var err *SyntaxError
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		text, err = decodeUTF16(text, data, binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, err = decodeUTF16(text, data, binary.BigEndian)
	default:
		isUTF16 = false
		text, err = decodeUTF8(text, data)
	}
	if err != nil {
		return nil, err
	}
	s := &source{text: append(text, make([]rune, padding)...)}
	if err := s.checkPrintable(); err != nil {
		return nil, err
	}
	if isUTF16 {
		s.raw = string(text)
	} else {
		s.raw = string(data)
	}
	return s, nil
}

// decodeUTF8 appends the characters of data to text.
func decodeUTF8(text []rune, data []byte) ([]rune, *SyntaxError) {
	for rest := data; len(rest) > 0; {
		if rest[0] < utf8.RuneSelf {
			text = append(text, rune(rest[0]))
			rest = rest[1:]
			continue
		}
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n <= 1 {
			return nil, &SyntaxError{
				Pos:     endOf(text),
				Message: fmt.Sprintf("the file is not UTF-8 text: byte 0x%02X here", rest[0]),
				Hint:    "Save the file as UTF-8.",
			}
		}
		text = append(text, r)
		rest = rest[n:]
	}
	return text, nil
}

// decodeUTF16 appends the characters of data to text.
func decodeUTF16(text []rune, data []byte, order binary.ByteOrder) ([]rune, *SyntaxError) {
	broken := func() ([]rune, *SyntaxError) {
		return nil, &SyntaxError{
			Pos:     endOf(text),
			Message: "the file starts as UTF-16 text but is broken here",
			Hint:    "Save the file as UTF-8.",
		}
	}
	for i := 0; i < len(data); i += 2 {
		if i+1 == len(data) {
			return broken()
		}
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			if i += 2; i+1 >= len(data) {
				return broken()
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(data[i:]))); r == utf8.RuneError {
				return broken()
			}
		}
		text = append(text, r)
	}
	return text, nil
}

// endOf gives the place behind a text that has been decoded so far.
func endOf(text []rune) Pos {
	s := &source{text: append(append([]rune{}, text...), make([]rune, padding)...)}
	s.forward(len(text))
	return s.pos()
}

func (s *source) checkPrintable() *SyntaxError {
	for i, r := range s.text[:len(s.text)-padding] {
		if isPrintable(r) {
			continue
		}
		return &SyntaxError{
			Pos:     endOf(s.text[:i]),
			Message: fmt.Sprintf("the character U+%04X is not allowed in YAML files", r),
			Hint:    `Remove it; in a text in double quotes it may be written as an escape such as "\x07".`,
		}
	}
	return nil
}

// peek gives the character n places ahead; n may not pass the end by more than
// the padding.
func (s *source) peek(n int) rune { return s.text[s.index+n] }

// prefixIs tells whether the three characters ahead are all r.
func (s *source) prefixIs(r rune) bool {
	return s.peek(0) == r && s.peek(1) == r && s.peek(2) == r
}

// forward moves over n characters.
func (s *source) forward(n int) {
	for ; n > 0; n-- {
		r := s.text[s.index]
		s.index++
		s.off++
		if r >= ' ' && r <= '~' {
			s.col++
			continue
		}
		if r >= utf8.RuneSelf {
			s.off += utf8.RuneLen(r) - 1
		}
		switch {
		case r == '\r' && s.text[s.index] == '\n':
			s.col++
		case isBreak(r):
			s.line++
			s.col = 0
		case r != byteOrderMark:
			s.col++
		}
	}
}

// skipSpaces moves over spaces. Tabs are none.
func (s *source) skipSpaces() {
	for s.text[s.index] == ' ' {
		s.index++
		s.off++
		s.col++
	}
}

// skipComment moves to the end of the line if a comment starts here.
func (s *source) skipComment() {
	if s.peek(0) == '#' {
		s.skipLine()
	}
}

func (s *source) skipLine() {
	for !isBreakOrEnd(s.peek(0)) {
		s.forward(1)
	}
}

// lineBreak moves over one line break and gives it as YAML counts it: \n for
// all but the two Unicode separators, which stay; 0 when there is none.
func (s *source) lineBreak() rune {
	r := s.peek(0)
	switch {
	case !isBreak(r):
		return 0
	case r == '\r' && s.peek(1) == '\n':
		s.forward(2)
		return '\n'
	case r == lineSeparator || r == paragraphSeparator:
		s.forward(1)
		return r
	default:
		s.forward(1)
		return '\n'
	}
}

// atSeparator tells whether a document marker, --- or ..., stands here. The
// caller knows that this is the start of a line.
func (s *source) atSeparator() bool {
	return (s.prefixIs('-') || s.prefixIs('.')) && isBlankOrEnd(s.peek(3))
}

const (
	byteOrderMark      = '\uFEFF'
	nextLine           = '\u0085'
	lineSeparator      = '\u2028'
	paragraphSeparator = '\u2029'
)

func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == nextLine || r == lineSeparator || r == paragraphSeparator
}

func isBreakOrEnd(r rune) bool { return r == endOfText || isBreak(r) }

// isSpaceOrEnd leaves tabs out: several places of YAML 1.1 know only spaces.
func isSpaceOrEnd(r rune) bool { return r == ' ' || isBreakOrEnd(r) }

func isBlankOrEnd(r rune) bool { return r == '\t' || isSpaceOrEnd(r) }

func isPrintable(r rune) bool {
	return r >= ' ' && r <= '~' || r == '\t' || r == '\n' || r == '\r' || r == nextLine ||
		r >= 0xA0 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

// isWord tells whether r may stand in anchor names, tag handles and directive
// names.
func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_'
}
